"""What `serve` owes when it is asked for an input, under each interpreter: what a run would get, in a folder that is no run's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.runner_kit import LIMIT, Serve, Site, each_interpreter

MEGABYTE = 1 << 20


def ask_input(served: Serve, number: int, directory: Path, **more: Any) -> dict[str, Any]:
    served.ask(**({"id": number, "do": "input", "dir": str(directory), "seconds": LIMIT, "memory": 1 << 30} | more))
    return served.answer_to(number)


def shown(served: Serve, directory: Path) -> dict[str, Any]:
    answer = ask_input(served, 1, directory)
    assert answer["ok"], answer
    data = (directory / answer["path"]).read_bytes()
    assert len(data) == answer["size"]
    found: dict[str, Any] = json.loads(data)
    return found


@each_interpreter
def test_the_files_that_prepare_writes_are_told_and_the_users_own_are_not(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(prepare="write", do="nothing", files={"mine.txt": "0" * 64, "same.txt": "0" * 64})
        (directory / "work" / "mine.txt").write_text("uploaded")
        (directory / "work" / "same.txt").write_text("uploaded")
        found = shown(served, directory)
        assert found["command"] is None
        files = {one["name"]: one for one in found["files"]}
        assert list(files) == ["grid.bin", "in/job.txt", "long.txt", "mine.txt"]
        assert files["in/job.txt"] == {"name": "in/job.txt", "text": "energy = 1 GeV, čau", "size": 20, "truncated": False}
        assert files["grid.bin"] == {"name": "grid.bin", "text": None, "size": 300, "truncated": False}
        assert (files["long.txt"]["size"], files["long.txt"]["truncated"]) == (200_000, True)
        assert set(files["long.txt"]["text"]) == {"ž"}
        assert 0 < len(files["long.txt"]["text"].encode()) <= 128 << 10
        assert files["mine.txt"]["text"] == "changed"


@each_interpreter
def test_a_command_line_is_told_word_by_word(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        found = shown(site.serve(), site.directory(command=["solver", "--in", "čau.in"]))
        assert found == {"command": ["solver", "--in", "čau.in"], "files": []}


@each_interpreter
def test_a_code_may_show_its_input_in_words_of_its_own(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        found = shown(served, site.directory(prepare="write", do="nothing", show={"grid": "40 × 40"}))
        assert found["files"] == [{"name": "grid", "text": "40 × 40", "size": 8, "truncated": False}]
        found = shown(served, site.directory(do="nothing", show="called within Python"))
        assert found["files"] == [{"name": "input", "text": "called within Python", "size": 20, "truncated": False}]


@each_interpreter
@pytest.mark.parametrize(
    "inputs, code, words",
    [
        ({"prepare": "raise"}, "input-failed", "energy must be positive, not −1 GeV"),
        ({"prepare": "nonsense"}, "input-failed", "prepare() must return a command line"),
        ({"prepare": "crash"}, "input-failed", "SIGSEGV"),
        ({"prepare": "hang"}, "input-timeout", "longer than 0.5 s"),
        ({"prepare": "greedy"}, "input-memory", "It ran out of memory"),
        ({"do": "nothing", "show": 7}, "input-failed", "show_input() must return a text"),
    ],
)
def test_an_input_that_cannot_be_made_says_why_and_harms_nobody(
    version: str, tmp_path: Path, inputs: dict[str, Any], code: str, words: str
) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve(stderr=subprocess.DEVNULL)
        answer = ask_input(
            served, 1, site.directory(**inputs), seconds=0.5 if code == "input-timeout" else LIMIT, memory=200 * MEGABYTE
        )
        assert (answer["ok"], answer["code"]) == (False, code)
        assert words in answer["error"]
        assert shown(served, site.directory(do="nothing"))["files"] == []
