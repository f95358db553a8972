"""What `serve` owes under each interpreter: it answers every request, never waits for one, and outlives them all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.runner_kit import CODES, LIMIT, Serve, Site, alive, each_interpreter, final, until

MEGABYTE = 1 << 20


def ask_report(served: Serve, number: Any, directory: Path, report: str, **more: Any) -> None:
    served.ask(
        **(
            {
                "id": number,
                "do": "report",
                "dir": str(directory),
                "report": report,
                "frame": -1,
                "seconds": LIMIT,
                "memory": 1 << 30,
            }
            | more
        )
    )


@each_interpreter
def test_it_is_ready_and_says_under_which_interpreter(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        process = site.start("serve", CODES / "probe", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        served = Serve(process)
        assert served.answer(lambda _: True) == {"ready": True, "pid": process.pid, "python": version}
        served.close()
        assert process.wait(LIMIT) == 0


@each_interpreter
def test_a_code_that_cannot_be_imported_is_told_in_the_words_of_the_import(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        process = site.start("serve", CODES / "broken", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        answer = Serve(process).answer(lambda _: True)
        assert answer["ready"] is False
        assert "no_such_module_anywhere" in answer["error"]
        assert process.wait(LIMIT) == 1


@each_interpreter
def test_it_starts_runs_at_once_and_tells_how_their_job_cmd_ended(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(do="words", přání="x")
        served.ask(id="a", do="run", dir=str(directory))
        assert served.answer_to("a").keys() == {"id", "pid"}
        assert served.answer_to("a") == {"id": "a", "exit_code": 0, "signal": None}
        found = final(directory)
        assert found is not None
        assert found["state"] == "completed"
        served.ask(id="b", do="run", dir=str(directory))
        assert "pid" in served.answer_to("b")
        assert served.answer_to("b")["exit_code"] == 3
        served.ask(id="c", do="run", dir=str(tmp_path / "nowhere"))
        assert "pid" in served.answer_to("c")
        assert served.answer_to("c")["exit_code"] == 4


@each_interpreter
def test_a_quick_run_of_a_code_that_only_prepares_a_command_goes_well(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve("bare")
        # what prepared ends before the command starts, or after it, as it happens
        for number in range(8):
            directory = site.directory(code="bare", kind="quick", first_report="none")
            served.ask(id=number, do="run", dir=str(directory))
            assert "pid" in served.answer_to(number)
            assert served.answer_to(number)["exit_code"] == 0
            found = final(directory)
            assert found is not None
            assert found["state"] == "completed", found


@each_interpreter
def test_reports_are_made_at_once_side_by_side_and_beside_runs(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(do="wait", together=8)
        served.ask(id=0, do="run", dir=str(directory))
        until((directory / "work" / "waiting").exists)
        # each of them is made when all the others are being made, too
        for number in range(1, 9):
            ask_report(served, number, directory, "together", frame=number)
        for number in range(1, 9):
            answer = served.answer_to(number)
            assert answer["ok"], answer
            assert answer["path"] == f"reports/together.{number}.json"
            data = (directory / answer["path"]).read_bytes()
            assert len(data) == answer["size"]
            assert json.loads(data)["data"][0]["frame"] == number


@each_interpreter
@pytest.mark.parametrize(
    "report, code, words",
    [
        ("fail", "report-failed", "no such column: βx"),
        ("nonsense", "report-failed", "must return a Plotly figure"),
        ("crash", "report-failed", "SIGSEGV"),
        ("hang", "report-timeout", "longer than 0.5 s"),
        ("greedy", "report-memory", "It ran out of memory"),
        ("../../run", "report-failed", "cannot be the name of a report"),
    ],
)
def test_a_report_that_goes_wrong_says_how_and_harms_no_other(
    version: str, tmp_path: Path, report: str, code: str, words: str
) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve(stderr=subprocess.DEVNULL)
        directory = site.directory(do="nothing")
        ask_report(served, 1, directory, report, seconds=0.5 if report == "hang" else LIMIT, memory=200 * MEGABYTE)
        ask_report(served, 2, directory, "line")
        bad = served.answer_to(1)
        assert (bad["ok"], bad["code"]) == (False, code)
        assert words in bad["error"]
        assert served.answer_to(2)["ok"]
        assert os.listdir(directory / "reports") == ["line.json"]


@each_interpreter
def test_a_report_that_nobody_wants_any_more_is_dropped(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(do="nothing")
        ask_report(served, 7, directory, "hang")
        served.ask(id=8, do="drop", which=7)
        assert served.answer_to(7)["code"] == "report-dropped"


@each_interpreter
def test_what_a_report_starts_ends_with_it(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(do="nothing")
        ask_report(served, 1, directory, "child")
        assert served.answer_to(1)["ok"]
        pid = int((directory / "work" / "report-child").read_text())
        until(lambda: not alive(pid))


@each_interpreter
def test_nonsense_is_answered_and_survived(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        for line in (
            b"garbage\n",
            b"[]\n",
            b"\xff\xfe\n",
            b'{"id": 1}\n',
            b'{"id": 1, "do": "shout"}\n',
            b'{"id": [], "do": "run"}\n',
            b"x" * (2 << 20) + b"\n",
        ):
            served.write(line)
            assert "error" in served.answer(lambda answer: "error" in answer)
        directory = site.directory(do="nothing")
        ask_report(served, 2, directory, "line")
        assert served.answer_to(2)["ok"]


@each_interpreter
def test_at_the_end_of_its_input_it_goes_and_runs_go_on(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(command=["sh", "-c", "touch waiting; while [ ! -e go ]; do sleep 0.05; done"])
        served.ask(id=1, do="run", dir=str(directory))
        until((directory / "work" / "waiting").exists)
        ask_report(served, 2, directory, "hang")
        served.close()
        assert served.process.wait(LIMIT) == 0
        (directory / "work" / "go").touch()
        assert until(lambda: final(directory))["state"] == "completed"


@each_interpreter
def test_a_term_ends_it_and_runs_go_on(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(command=["sh", "-c", "touch waiting; while [ ! -e go ]; do sleep 0.05; done"])
        served.ask(id=1, do="run", dir=str(directory))
        until((directory / "work" / "waiting").exists)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(LIMIT) == 0
        (directory / "work" / "go").touch()
        assert until(lambda: final(directory))["state"] == "completed"


@each_interpreter
def test_an_agent_that_does_not_listen_stops_nothing(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        line = json.dumps({"id": "x" * 1000, "do": "nothing"}).encode() + b"\n"
        for _ in range(300):
            served.write(line)
        directory = site.directory(do="nothing")
        served.ask(id=1, do="run", dir=str(directory))
        assert until(lambda: final(directory))["state"] == "completed"
        assert "pid" in served.answer_to(1)


@each_interpreter
def test_a_hundred_runs_at_once_all_complete(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directories = [site.directory(command=["true"]) for number in range(100)]
        for number, directory in enumerate(directories):
            served.ask(id=number, do="run", dir=str(directory))
        for directory in directories:
            assert until(lambda directory=directory: final(directory))["state"] == "completed"  # type: ignore[misc]
