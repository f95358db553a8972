"""What a job cmd owes under each interpreter when a run is stopped, at any moment and in any way: nothing stays."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.contract.runner_kit import LIMIT, Site, alive, each_interpreter, events, final, left, names, runner, until


def stopped(site: Site, directory: Path, seen: str, limit: float = LIMIT) -> dict[str, Any]:
    """The final event's data after a TERM that comes when the file `seen` is in the working directory."""
    process = site.start("run", directory)
    until((directory / "work" / seen).exists)
    process.terminate()
    assert process.wait(limit) == 0
    found = final(directory)
    assert found is not None
    assert left(directory) == []
    return found


@each_interpreter
@pytest.mark.parametrize("inputs", [{"do": "wait"}, {"command": ["sh", "-c", "touch waiting; sleep 1000; true"]}])
def test_a_run_that_obeys_is_canceled_at_once(version: str, tmp_path: Path, inputs: dict[str, Any]) -> None:
    with Site(version, tmp_path) as site:
        # one that waited for its grace would not be over in time
        found = stopped(site, site.directory(grace=3600.0, **inputs), "waiting")
        assert (found["state"], found["reason"], found["results"]) == ("canceled", "It was stopped on request.", {})
        assert found["usage"]["signal"] == "SIGTERM"


@each_interpreter
def test_a_code_may_end_in_order_when_it_is_stopped(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(
            command=["sh", "-c", "trap 'touch orderly; exit 0' TERM; touch waiting; while true; do sleep 0.05; done"]
        )
        assert stopped(site, directory, "waiting")["state"] == "canceled"
        assert (directory / "work" / "orderly").exists()


@each_interpreter
def test_a_code_that_is_deaf_is_killed_after_its_grace_however_often_it_is_asked(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="deaf", grace=0.5)
        process = site.start("run", directory)
        until((directory / "work" / "waiting").exists)
        began = time.monotonic()
        for _ in range(20):
            process.terminate()
            time.sleep(0.01)
        assert process.wait(LIMIT) == 0
        assert time.monotonic() - began > 0.4
        found = final(directory)
        assert found is not None
        assert found["state"] == "canceled"
        assert found["reason"] == "It was stopped on request. It did not end within 0.5 s of being asked to, and was killed."
        assert found["usage"]["signal"] == "SIGKILL"
        assert left(directory) == []


@each_interpreter
def test_a_code_that_takes_too_much_memory_while_it_ends_is_killed_at_once_and_the_reason_says_so(
    version: str, tmp_path: Path
) -> None:
    greedy = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: 1 // 0)\n"
    # it may be told as soon as its file is there
    greedy += "try:\n    open('waiting', 'w').close()\n    time.sleep(3600)\nexcept ZeroDivisionError:\n    held = bytearray(b'x' * (200 << 20))\n    time.sleep(3600)"
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["PYTHON", "-c", greedy], memory=100 << 20, grace=3600.0)
        found = stopped(site, directory, "waiting")
        assert found["state"] == "canceled"
        assert (
            found["reason"] == "It was stopped on request. It took more memory than its 100 MiB while it ended, and was killed."
        )


@each_interpreter
def test_what_has_detached_goes_with_the_run(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        assert stopped(site, site.directory(do="detach", then="wait", grace=0.5), "waiting")["state"] == "canceled"


@each_interpreter
def test_a_code_that_is_suspended_is_stopped_too(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "touch waiting; kill -STOP $$"])
        assert stopped(site, directory, "waiting")["usage"]["signal"] == "SIGTERM"


@each_interpreter
def test_a_preparation_that_hangs_is_canceled_before_anything_started(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(prepare="hang")
        assert stopped(site, directory, "preparing")["state"] == "canceled"
        assert names(directory) == ["begun", "final"]


@each_interpreter
def test_a_stop_while_results_are_read_leaves_the_verdict_of_the_code(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        found = stopped(site, site.directory(do="nothing", finish="hang", grace=0.2), "finishing")
        assert found["state"] == "completed"
        assert found["warnings"] == ["The stop came while the results were being read; they are not complete."]
        quick = site.directory(do="nothing", finish="slow", grace=60.0)
        assert stopped(site, quick, "finishing")["warnings"] == []


@each_interpreter
def test_a_stop_while_the_first_report_is_made_leaves_the_verdict_of_the_code(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(kind="quick", first_report="child", do="nothing")
        found = stopped(site, directory, "report-child")
        assert found["state"] == "completed"
        assert not alive(int((directory / "work" / "report-child").read_text() or 0))


@each_interpreter
@pytest.mark.parametrize("inputs", [{"do": "wait"}, {"command": ["sleep", "1000"]}, {"prepare": "hang"}])
def test_a_time_limit_is_kept_and_named(version: str, tmp_path: Path, inputs: dict[str, Any]) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(time_limit=0.5, **inputs))
        assert found["state"] == "failed"
        assert found["reason"] == "It was stopped at its time limit of 0.5 s. Give it more time, or less to do."
        # nobody had to be killed after the grace, for that would be said
        assert 0.4 < found["usage"]["wall"] < LIMIT


@each_interpreter
def test_a_stop_at_any_moment_ends_in_one_final_state_with_nothing_left(version: str, tmp_path: Path) -> None:
    chance = random.Random(version)
    with Site(version, tmp_path) as site:
        served = site.serve()
        states = set()
        for number in range(12):
            directory = site.directory(do="frames", count=3, pause=0.01, kind="quick", first_report="line")
            served.ask(id=number, do="run", dir=str(directory))
            pid = served.answer_to(number)["pid"]
            time.sleep(chance.uniform(0, 0.08))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            assert served.answer_to(number)["exit_code"] == 0
            found = final(directory)
            assert found is not None
            states.add(found["state"])
            assert left(directory) == []
        assert states <= {"completed", "canceled"}


@each_interpreter
def test_after_a_kill_at_any_moment_conclude_leaves_one_final_event_and_no_process(version: str, tmp_path: Path) -> None:
    chance = random.Random(version)
    with Site(version, tmp_path) as site:
        served = site.serve()
        for number in range(8):
            directory = site.directory(do="detach", then="wait")
            served.ask(id=number, do="run", dir=str(directory))
            pid = served.answer_to(number)["pid"]
            if number % 2:
                until((directory / "work" / "waiting").exists)
            else:
                time.sleep(chance.uniform(0, 0.05))
            os.kill(pid, signal.SIGKILL)
            assert served.answer_to(number)["signal"] == "SIGKILL"
            concluded = runner.conclude(str(directory), "failed", "The job process was killed by SIGKILL.")
            assert concluded == events(directory)[-1]
            assert concluded["data"]["reason"] == "The job process was killed by SIGKILL."
            assert left(directory) == []
            assert runner.conclude(str(directory), "lost", "again") == concluded


@each_interpreter
def test_the_script_concludes_as_well(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["sh", "-c", "sleep 1000 & touch waiting; wait"])
        process = site.start("run", directory)
        until((directory / "work" / "waiting").exists)
        assert site.start("conclude", directory, "failed", "too early", stderr=subprocess.DEVNULL).wait(LIMIT) == 3
        assert final(directory) is None
        process.kill()
        process.wait(LIMIT)
        assert site.start("conclude", directory, "failed", "It was killed – pryč.", stdout=subprocess.DEVNULL).wait(LIMIT) == 0
        found = final(directory)
        assert found is not None
        assert (found["state"], found["reason"]) == ("failed", "It was killed – pryč.")
        assert left(directory) == []


@each_interpreter
def test_a_run_survives_the_death_of_serve(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(command=["sh", "-c", "touch waiting; while [ ! -e go ]; do sleep 0.05; done; echo there"])
        served.ask(id=1, do="run", dir=str(directory))
        until((directory / "work" / "waiting").exists)
        served.process.kill()
        served.process.wait(LIMIT)
        (directory / "work" / "go").touch()
        found = until(lambda: final(directory))
        assert found["state"] == "completed"
