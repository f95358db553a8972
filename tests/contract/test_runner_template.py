"""What the job cmd owes of a code that has no code.py, under each interpreter: its input, command, progress, results, reports."""

from __future__ import annotations

import base64
import json
import os
import signal
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.runner_kit import CODES, Serve, Site, each_interpreter, final, log, progress, until

INPUTS: dict[str, Any] = {
    "steps": 11, "factor": 0.1, "verbose": True, "label": "kůň", "fail": "no", "points": [{"x": 1.0, "kind": "a"}, {"x": 2.5, "kind": "b"}],
}  # fmt: skip


def numbers(value: dict[str, str]) -> list[float]:
    data = base64.b64decode(value["bdata"])
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def report(served: Serve, directory: Path, name: str, frame: int = -1) -> dict[str, Any]:
    served.ask(id=1, do="report", dir=str(directory), report=name, frame=frame, seconds=20, memory=1 << 30)
    return served.answer_to(1)


def figure(served: Serve, directory: Path, name: str, frame: int = -1) -> dict[str, Any]:
    answer = report(served, directory, name, frame)
    assert answer["ok"], answer
    found: dict[str, Any] = json.loads((directory / answer["path"]).read_text("utf-8"))
    return found


@each_interpreter
def test_a_run_gets_its_input_tells_how_far_it_is_and_has_results_and_reports(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve("counter")
        directory = site.directory("counter", **INPUTS)
        served.ask(id="a", do="run", dir=str(directory))
        assert served.answer_to("a").keys() == {"id", "pid"}
        assert served.answer_to("a") == {"id": "a", "exit_code": 0, "signal": None}
        found = final(directory)
        assert found is not None
        assert (found["state"], found["results"]) == ("completed", {"value": 15.0})
        assert found["warnings"] == ["Its output does not tell “never”."]
        assert (directory / "work/in/count.in").read_text("utf-8").splitlines() == [
            "steps=11", "factor='0.1'", "exact='  1.0000e-01'", "verbose=.true.", "label='kůň'", "fail=no", "points='1.0 a", "2.5 b'",
            "many=2", "plain='${steps} $5 {}'",
        ]  # fmt: skip
        assert log(directory).startswith("žluťoučký kůň\n")
        assert progress(directory) == {"fraction": 1.0, "frames": 11, "message": "step 11"}

        curve = figure(served, directory, "curve")
        assert [one["name"] for one in curve["data"]] == ["value", "column 3"]
        assert numbers(curve["data"][1]["x"]) == [*range(1, 12)]
        assert numbers(curve["data"][1]["y"]) == [*range(2, 24, 2)]
        assert curve["layout"]["xaxis"]["title"]["text"] == "step"
        # the tenth file is the tenth frame, not the second
        z = figure(served, directory, "map", 9)["data"][0]["z"]
        assert (z["shape"], numbers(z)) == ("2, 3", [1, 2, 10, 4, 5, 6])
        assert "There is no frame 12 yet" in report(served, directory, "map", 11)["error"]
        assert "cube.h5 is not there: the program has not written it." in report(served, directory, "cube")["error"]


@each_interpreter
@pytest.mark.parametrize("fail", ["status", "words"])
def test_a_program_that_says_that_it_failed_has_failed_whatever_its_exit_status(version: str, fail: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory("counter", kind="quick", first_report="curve", **{**INPUTS, "fail": fail})
        found = site.run(directory)
        assert (found["state"], found["reason"], found["cause"]) == ("failed", "the beam was lost – čau", "input")
        # nothing stands below what the program itself has said, and no report of what it has not written was tried
        assert log(directory) == "žluťoučký kůň\nFATAL: the beam was lost – čau\n"
        assert (found["results"], found["warnings"]) == ({}, [])


@each_interpreter
def test_while_it_runs_only_whole_frames_are_told_and_a_stop_leaves_nothing(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory("counter", **{**INPUTS, "label": "wait"})
        process = site.start("run", directory)
        # two are begun: the second one may be half a file
        until(lambda: progress(directory).get("frames") == 1)
        assert progress(directory)["fraction"] == pytest.approx(2 / 11)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        found = final(directory)
        assert found is not None
        assert found["state"] == "canceled"


def test_the_input_is_shown_as_the_program_would_get_it(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        served = site.serve("counter")
        directory = site.directory("counter", **INPUTS)
        served.ask(id=1, do="input", dir=str(directory), seconds=20, memory=1 << 30)
        answer = served.answer_to(1)
        assert answer["ok"], answer
        found = json.loads((directory / answer["path"]).read_text("utf-8"))
        assert found["command"] == ["sh", f"{CODES}/counter/count.sh", "in/count.in", "žluťoučký kůň"]
        assert [one["name"] for one in found["files"]] == ["in/count.in"]


def test_a_users_file_is_not_written_over(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        directory = site.directory("counter", files={"in/count.in": "0" * 64}, **INPUTS)
        found = site.run(directory)
        assert (found["state"], found["cause"]) == ("failed", "input")
        assert found["reason"].startswith("One of your files is called in/count.in, ")
        assert not (directory / "work/in").exists()


@each_interpreter
def test_a_program_that_is_not_there_is_told_before_it_starts(version: str, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "code.toml").write_text('[program]\ncommand = ["${code}/solver"]\n[models.twiss]\nkind = "long"\n')
    with Site(version, tmp_path / "runs") as site:
        found = site.run(site.directory(code_dir=str(code)))
        assert found["reason"] == f"{code}/solver is not there: build it, or correct program.command in the code's code.toml."
        (code / "solver").write_text("#!/bin/sh\nexit 0\n")
        found = site.run(site.directory(code_dir=str(code)))
        assert found["reason"].startswith(f"{code}/solver is no program: give it the right to be executed")
        os.chmod(code / "solver", 0o755)
        assert site.run(site.directory(code_dir=str(code)))["state"] == "completed"


@each_interpreter
def test_what_a_template_names_wrongly_is_told_with_its_line(version: str, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "code.toml").write_text('[program]\ncommand = ["true"]\ntemplates = ["a.in"]\n[models.twiss]\nkind = "long"\n')
    (code / "a.in").write_text("one\ntwo ${two}\n")
    with Site(version, tmp_path / "runs") as site:
        found = site.run(site.directory(code_dir=str(code)))
        assert found["reason"] == "a.in, line 2: there is no input called 'two'."


def test_a_report_in_hdf5_without_h5py_says_what_to_install(tmp_path: Path) -> None:
    with Site("3.9.18", tmp_path) as site:
        served = site.serve("counter", stderr=subprocess.DEVNULL)
        directory = site.directory("counter", **INPUTS)
        (directory / "work/cube.h5").write_bytes(b"\x89HDF")
        error = report(served, directory, "cube")["error"]
        assert "cube.h5 is HDF5, which needs h5py" in error
        assert 'requires = ["h5py"] into code.toml, then run `simyard code install`' in error
