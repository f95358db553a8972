"""`simyard code test` holds a code to the contract where it will run: through a whole Simyard, in a container, and on a cluster."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simyard.cli import test_there
from simyard.cli.bench import Limits
from simyard.client import Client
from simyard.codes import registry
from simyard.config import load
from tests.contract.test_code_kit import CODES, WRONG
from tests.slurm_site import Site
from tests.system.cluster_kit import LIMIT
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import on_each_target

# on this machine it runs without a Simyard: tests/contract/test_code_kit.py
elsewhere = pytest.mark.parametrize("target", on_each_target.args[1][1:], indirect=True, scope="module")
on_the_cluster = pytest.mark.parametrize("target", on_each_target.args[1][2:], indirect=True, scope="module")


@pytest.fixture(scope="module")
def site_codes() -> Path:
    return WRONG


def held(yard: Yard, name: str, target: str, monkeypatch: pytest.MonkeyPatch, limits: Limits) -> dict[str, str]:
    """What `simyard code test --target` finds there; nothing of it is left."""
    monkeypatch.setattr(test_there, "client", lambda: Client(home=yard.home, patience=60))
    settings = load({}, yard.home)
    found = dict(test_there.there(settings, registry.named(settings, name), target, limits, first=True))
    assert list(yard.client.runs()) == []
    assert list(yard.client.simulations()) == []
    return found


@elsewhere
def test_a_code_holds_the_contract_there_and_leaves_nothing(yard: Yard) -> None:
    there = yard.target.name
    said = yard.simyard("code", "test", "grayscott", "--target", there, "--first", "--limit", "90", "--json")
    found = {one["what"]: one["detail"] for one in json.loads(said.partition("\n")[0])}
    assert set(found.values()) == {""}, found
    for model, reports in {"evolve": ("field", "mass"), "preview": ("pattern", "mass")}.items():
        for what in (
            "prepare bears any input that is allowed",
            "completes with example mitosis",
            "progress never goes back",
            "cancel is clean",
            *(f"report {report}" for report in reports),
        ):
            assert f"{there}: {model}: {what}" in found
    assert f"{there}: nothing is left there" in found
    assert list(yard.client.runs()) == []
    assert list(yard.client.simulations()) == []


@pytest.mark.parametrize("name", ["no_words", "report_uneven", "progress_back", "exits"])
def test_what_is_wrong_is_found_there_as_it_is_here(yard: Yard, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = held(yard, name, "local", monkeypatch, Limits(run=60.0))
    check, place, fix = CODES[name]
    if name == "no_words":
        place = "cells = 0: ZeroDivisionError"  # where that is, only the agent's own log says
    assert {what for what, words in found.items() if words} == {check}, found
    assert place in found[check]
    assert fix in found[check]


def test_a_target_that_does_not_answer_is_said_in_words_and_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        made = Yard(Path(folder) / "home", WRONG)
        with (made.home / "simyard.toml").open("a") as settings:
            settings.write(
                f'[targets.box]\nkind = "docker"\n[docker]\nhosts = ["unix://{tmp_path}/nobody.sock"]\nimage = "none"\n'
            )
        with made as yard:
            began = time.monotonic()
            (check,) = held(yard, "exits", "box", monkeypatch, Limits(run=600.0, start=1.0)).items()
            assert time.monotonic() - began < 120
    assert check[0] == "it can be run there"
    assert "box does not answer: " in check[1]
    assert "`simyard target show box`" in check[1]


@contextmanager
def told_early(yard: Yard, site: Site) -> Iterator[None]:
    """Runs whose parts are short are told that their time is over as soon as they have begun: Slurm itself looks twice a minute."""
    over = threading.Event()

    def tell() -> None:
        with Client(home=yard.home, patience=60) as client:
            while not over.wait(0.2):
                for run in client.runs(state="running"):
                    jobs = site.submitted(run.id)
                    progress = (run.data["progress"] or {}).get("fraction") or 0
                    if run.data["resources"]["time_limit"] == 60 and len(jobs) == 1 and progress > 0.2:
                        site.cluster.ask("scancel", "--batch", "--signal=USR1", jobs[0])

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(LIMIT)


@on_the_cluster
def test_a_code_that_does_not_go_on_from_its_checkpoint_is_found_on_a_cluster(
    yard: Yard, pool: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told_early(yard, pool):
        found = held(yard, "forgets", yard.target.name, monkeypatch, Limits(run=LIMIT))
    wrong = {what: words for what, words in found.items() if words}
    assert set(wrong) == {"go: goes on from its checkpoint"}, found
    assert "its second part began at 0.05 where its first had ended at" in wrong["go: goes on from its checkpoint"]
    wait_until(lambda: not pool.jobs(), LIMIT)
