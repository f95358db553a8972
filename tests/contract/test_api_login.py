"""The login to a cluster through a real web, by the client and by `simyard target login`, in a terminal and without one."""

from __future__ import annotations

import codecs
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from simyard.client import Client
from simyard.protocol.batch import Batch, Partition
from simyard.protocol.jobs import Remote
from simyard.testing_login import FakeLogin
from tests.contract.api_kit import LIMIT, WebProcess, web_process

pytestmark = [pytest.mark.api, pytest.mark.xdist_group("api")]
SIMYARD = Path(sys.executable).parent / "simyard"
REGULAR = Partition(
    name="regular", up=True, default=True, nodes=2, cores=4, time_limit=86400.0, max_nodes=None, min_nodes=1, memory=4 << 30
)


@pytest.fixture(scope="module")
def running() -> Iterator[WebProcess]:
    with web_process() as found:
        yield found


@pytest.fixture
def web(running: WebProcess) -> WebProcess:
    """With nobody logged in."""
    running.supervisor.login = FakeLogin()
    running.supervisor.partitions = (REGULAR,)
    return running


def environment(web: WebProcess) -> dict[str, str]:
    return {**os.environ, "SIMYARD_URL": web.url, "SIMYARD_TOKEN": web.token, "SIMYARD_HOME": str(web.home)}


def simyard(web: WebProcess, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(SIMYARD), *words]
    return subprocess.run(command, input=given, env=environment(web), capture_output=True, text=True, check=False, timeout=LIMIT)


class Terminal:
    """`simyard …` in a terminal of its own; `screen` is all that was to be seen there."""

    def __init__(self, web: WebProcess, *words: str) -> None:
        self._main, other = pty.openpty()
        self._letters = codecs.getincrementaldecoder("utf-8")()
        self.screen = ""
        self.process = subprocess.Popen(
            [SIMYARD, *words], stdin=other, stdout=other, stderr=other, env=environment(web), start_new_session=True
        )
        os.close(other)

    def sees(self, text: str) -> None:
        """Return once `text` stands there."""
        end = time.monotonic() + LIMIT
        while text not in self.screen:
            assert time.monotonic() < end, self.screen
            if select.select([self._main], [], [], 0.2)[0]:
                try:
                    self.screen += self._letters.decode(os.read(self._main, 65536))
                except OSError:  # it has ended
                    assert text in self.screen, self.screen

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def end(self) -> int:
        status = self.process.wait(LIMIT)
        os.close(self._main)
        return status


def test_the_client_goes_through_a_login(web: WebProcess) -> None:
    asked: list[Mapping[str, Any]] = []
    right = iter([["wrong", "0"], ["open sesame", "123456"]])

    def ask(now: Mapping[str, Any]) -> list[str]:
        asked.append(now)
        return next(right)

    with Client(web.url, web.token) as client:
        login = client.login("pool")
        assert login.look()["state"] == "needs-login"
        refused = login.through(ask, lambda now: now["fingerprint"] == "SHA256:another")
        assert (refused["state"], login.now["state"], asked) == ("unknown-host", "needs-login", [])
        assert login.through(ask, lambda now: now["fingerprint"] == "SHA256:abc")["state"] == "ready"
        assert [now["words"] for now in asked] == ["Welcome.", "Try again."]
        assert client.targets()[1]["login"] == "ready"
        assert login.end()["state"] == "needs-login"


def test_a_login_that_was_given_up_is_ended(web: WebProcess) -> None:
    web.supervisor.login.is_known = True

    def ask(_: Mapping[str, Any]) -> list[str]:
        raise KeyboardInterrupt

    with Client(web.url, web.token) as client:
        login = client.login("pool")
        with pytest.raises(KeyboardInterrupt):
            login.through(ask, lambda _: True)
        assert login.look()["state"] == "needs-login"


def test_a_terminal_shows_what_the_host_asks_and_no_secret_that_is_typed(web: WebProcess) -> None:
    terminal = Terminal(web, "target", "login", "pool")
    terminal.sees("SHA256:abc")
    terminal.sees("[y/N]")
    terminal.type("y\n")
    terminal.sees("Welcome.")
    terminal.sees("Password: ")
    terminal.type("open sesame\n")
    terminal.sees("Code: ")
    terminal.type("123456\n")
    terminal.sees("You are logged in to pool.")
    assert terminal.end() == 0
    assert "open sesame" not in terminal.screen
    assert "123456" in terminal.screen, "what may be seen is seen"
    assert "open sesame" not in web.log


def test_an_interrupted_login_is_ended(web: WebProcess) -> None:
    web.supervisor.login.is_known = True
    terminal = Terminal(web, "target", "login", "pool")
    terminal.sees("Password: ")
    os.killpg(terminal.process.pid, 2)
    assert terminal.end() == 130
    with Client(web.url, web.token) as client:
        assert client.login("pool").look()["state"] == "needs-login"


def test_without_a_terminal_the_answers_are_lines_of_standard_input(web: WebProcess) -> None:
    done = simyard(web, "target", "login", "pool", "--accept", "SHA256:abc", given="open sesame\n123456\n")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "open sesame" not in done.stderr
    listed = simyard(web, "target", "list")
    assert "ready" in listed.stdout.splitlines()[2]
    out = simyard(web, "target", "logout", "pool", "--json")
    assert json.loads(out.stdout)["state"] == "needs-login"
    assert "simyard target login pool" in simyard(web, "target", "list").stdout


def test_an_unknown_host_is_not_trusted_by_nobody(web: WebProcess) -> None:
    done = simyard(web, "target", "login", "pool", given="open sesame\n123456\n")
    assert done.returncode == 1
    assert "SHA256:abc" in done.stderr
    assert "--accept" in done.stderr
    other = simyard(web, "target", "login", "pool", "--accept", "SHA256:other", given="open sesame\n")
    assert (other.returncode, web.supervisor.login.is_known) == (1, False)


def test_where_nobody_can_answer_it_is_said_in_words(web: WebProcess) -> None:
    web.supervisor.login.is_known = True
    done = simyard(web, "target", "login", "pool", given="open sesame\n")
    assert done.returncode == 4
    assert "no terminal" in done.stderr


def test_a_local_target_needs_no_login(web: WebProcess) -> None:
    done = simyard(web, "target", "login", "local")
    assert (done.returncode, done.stderr) == (0, "local needs no login.\n")
    assert simyard(web, "target", "login", "moon").returncode == 4


def test_a_target_is_shown_with_its_partitions(web: WebProcess) -> None:
    said = simyard(web, "target", "show", "pool").stdout
    assert "needs-login" in said
    assert "regular" in said
    assert "up to 2" in said
    assert simyard(web, "target", "show", "moon").returncode == 4


def test_what_is_chosen_for_a_cluster_arrives_and_what_it_says_is_shown(web: WebProcess) -> None:
    chosen = [
        "--partition",
        "regular",
        "--nodes",
        "2",
        "--tasks",
        "4",
        "--sbatch=--exclusive",
        "--gpus",
        "1",
        "--account",
        "phys",
    ]
    done = simyard(web, "run", "grayscott", "--model", "evolve", "--no-reuse", *chosen)
    assert done.returncode == 0, done.stderr
    run = done.stdout.split()[0]
    asked = next(one for one in reversed(web.supervisor.asked) if hasattr(one, "resources"))
    assert asked.resources.batch == Batch(
        partition="regular", account="phys", nodes=2, tasks=4, cpus_per_task=1, gpus=1, extra=("--exclusive",)
    )
    web.supervisor.change(
        run, remote=Remote(job="17", state="PENDING", words="Waiting for 2 nodes in partition regular.", at=1.8e9)
    )
    shown = simyard(web, "run", "show", run).stdout
    assert "job 17; Waiting for 2 nodes in partition regular." in shown
    assert "2 × node, 4 × task" in shown
    web.supervisor.complete(run)


def test_runs_that_are_over_are_deleted(web: WebProcess) -> None:
    run = web.new_run()
    busy = simyard(web, "run", "delete", run, "--yes")
    assert busy.returncode == 4, busy.stderr
    web.supervisor.complete(run)
    unsure = simyard(web, "run", "delete", run, given="n\n")
    assert unsure.returncode == 130
    gone = simyard(web, "run", "delete", run, "--yes", "--json")
    assert json.loads(gone.stdout) == {"deleted": [run]}
    assert simyard(web, "run", "show", run).returncode == 4
