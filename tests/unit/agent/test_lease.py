"""One agent for each user and cluster, on whichever of its login nodes: its lease."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from simyard import processes
from simyard.agent import lease as module
from simyard.agent import machine
from simyard.agent.fence import Fenced
from simyard.agent.lease import Lease

LIMIT = 60.0


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every lease is taken on another login node: by the same process, under a name that nobody else has."""
    names = iter(f"login{number}" for number in range(10_000))
    monkeypatch.setattr(machine, "host", lambda: next(names))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW", 0.02)
    monkeypatch.setattr(module, "LOOK", 0.01)


class Holder(Lease):
    """One that is told when it has lost it, and leaves then as an agent does."""

    def __init__(self, folder: Path, agent: str, limit: float = LIMIT) -> None:
        super().__init__(str(folder), agent, limit)
        self.why = ""
        self.gone = threading.Event()

    def hold(self) -> Holder:
        self.take()
        self.keep(self._leave)
        return self

    def _leave(self, why: str) -> None:
        self.why = why
        self.gone.set()
        # last: who waits for the lease may look at this one as soon as it is given back
        self.release()


class Slow(Holder):
    """One that is busy elsewhere for a while just before it renames its first `what` ("lease", or "" for a lease that is given back) over
    the lease; `meanwhile` says what happens then."""

    def __init__(self, folder: Path, agent: str, what: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(folder, agent)
        self._what, self._meanwhile = what, [meanwhile]

    def _put(self, path: str, plain: dict[str, Any]) -> None:
        if path.endswith("lease") and bool(plain["token"]) == bool(self._what) and self._meanwhile:
            self._meanwhile.pop()()
        super()._put(path, plain)


def held_by(folder: Path) -> object:
    return json.loads((folder / "lease").read_text()).get("agent")


def until_held_by(folder: Path, agent: str) -> None:
    deadline = time.monotonic() + LIMIT
    while held_by(folder) != agent:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("elsewhere")
def test_the_newer_agent_has_it_once_the_older_one_on_another_login_node_has_left(tmp_path: Path) -> None:
    older = Holder(tmp_path, "A1").hold()
    assert Lease(str(tmp_path), "A1").life() == processes.ALIVE
    newer = Holder(tmp_path, "A2").hold()
    # take() returned: the older one had left by then
    assert older.gone.is_set()
    assert older.why == "another agent of the same user has been started"
    assert held_by(tmp_path) == "A2"
    assert Lease(str(tmp_path), "A1").life() == processes.GONE
    newer.release()
    assert Lease(str(tmp_path), "A2").life() == processes.GONE


@pytest.mark.usefixtures("elsewhere")
def test_one_whose_login_node_has_died_is_waited_for_as_long_as_it_might_live_and_no_longer(tmp_path: Path) -> None:
    Lease(str(tmp_path), "A1", 0.5).take()  # and it never touches it again
    begun = time.monotonic()
    assert Lease(str(tmp_path), "A1", 0.5).life() == processes.GONE
    Lease(str(tmp_path), "A2", 0.5).take()
    assert time.monotonic() - begun >= 1.0
    assert held_by(tmp_path) == "A2"


@pytest.mark.usefixtures("elsewhere")
def test_an_agent_is_revoked_from_another_login_node_and_only_that_one(tmp_path: Path) -> None:
    holder = Holder(tmp_path, "A1").hold()
    Lease(str(tmp_path), "A0").revoke()
    assert not holder.gone.is_set()
    Lease(str(tmp_path), "A1").revoke()
    assert holder.gone.is_set()
    Lease(str(tmp_path), "A1").revoke()


@pytest.mark.usefixtures("elsewhere")
def test_of_many_that_are_started_at_once_exactly_one_goes_on(tmp_path: Path) -> None:
    holders = [Holder(tmp_path, f"A{number}") for number in range(8)]

    def start(one: Holder) -> bool:
        try:
            one.hold()
        except Fenced:
            return False
        return True

    with ThreadPoolExecutor(len(holders)) as pool:
        began = list(pool.map(start, holders))
    deadline = time.monotonic() + LIMIT
    while len(left := [one for one, had in zip(holders, began, strict=True) if had and not one.gone.is_set()]) != 1:
        assert left
        assert time.monotonic() < deadline
        time.sleep(0.01)
    until_held_by(tmp_path, left[0]._agent)
    left[0].release()


@pytest.mark.usefixtures("elsewhere")
def test_an_older_claimant_that_writes_its_lease_late_does_not_cost_the_newer_one_its_own(tmp_path: Path) -> None:
    newer = Holder(tmp_path, "A2")
    older = Slow(tmp_path, "A1", "lease", newer.hold)
    with pytest.raises(Fenced):
        older.take()
    until_held_by(tmp_path, "A2")
    assert not newer.gone.is_set()
    newer.release()


@pytest.mark.usefixtures("elsewhere")
def test_who_gives_its_lease_back_late_does_not_cost_the_newer_one_its_own(tmp_path: Path) -> None:
    newer = Holder(tmp_path, "A2", 0.1)  # by its clock the older one has been away for too long
    older = Slow(tmp_path, "A1", "", newer.hold)
    older.take()
    older.release()
    until_held_by(tmp_path, "A2")
    assert not newer.gone.is_set()
    newer.release()


def test_an_older_claimant_ends_no_newer_one_on_the_same_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[processes.Handle] = []
    monkeypatch.setattr(processes, "stop", stopped.append)
    newer = Lease(str(tmp_path), "A2")
    older = Lease(str(tmp_path), "A1")
    read = iter([newer.take])

    def reading(path: str) -> module.Seen | None:
        # the newer one comes just before the older one looks at the lease for the first time
        if path.endswith("lease"):
            next(read, lambda: None)()
        return plain(path)

    plain = module._read
    monkeypatch.setattr(module, "_read", reading)
    with pytest.raises(Fenced):
        older.take()
    assert stopped == []
    assert held_by(tmp_path) == "A2"


def test_what_was_given_back_is_not_taken_back(tmp_path: Path) -> None:
    lease = Lease(str(tmp_path), "A1")
    lease.take()
    lease.release()
    assert lease._look() == ""
    assert held_by(tmp_path) is None


def test_a_dead_one_of_this_machine_is_not_waited_for(tmp_path: Path) -> None:
    if (child := os.fork()) == 0:
        try:
            Lease(str(tmp_path), "A1").take()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    Lease(str(tmp_path), "A2", LIMIT).take()
    assert held_by(tmp_path) == "A2"


def test_an_agent_whose_folder_was_removed_leaves(tmp_path: Path) -> None:
    holder = Holder(tmp_path, "A1").hold()
    for name in ("lease", "claim"):
        (tmp_path / name).unlink()
    assert holder.gone.wait(LIMIT)


def test_one_that_was_away_for_too_long_leaves_though_nobody_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(tmp_path, "A1", 0.2)
    begun = threading.Event()

    def slow(path: str) -> None:
        begun.set()
        time.sleep(0.5)  # as a file server that hangs

    monkeypatch.setattr(os, "utime", slow)
    holder.hold()
    assert begun.wait(LIMIT)
    assert holder.gone.wait(LIMIT)
    assert "could not say" in holder.why


def test_a_damaged_lease_is_somebodys_until_it_runs_out(tmp_path: Path) -> None:
    (tmp_path / "lease").write_bytes(b"\xff{")
    begun = time.monotonic()
    Lease(str(tmp_path), "A1", 0.3).take()
    assert time.monotonic() - begun >= 0.3
    assert held_by(tmp_path) == "A1"
