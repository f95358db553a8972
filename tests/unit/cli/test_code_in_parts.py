"""`simyard code test` tries whether a code that says so goes on from its checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.test_cli_words import simyard

DECLARED = """\
title = "Steps"

[models.walk]
kind = "long"
checkpoints = true
"""
PROGRAM = """\
import os
import time


def prepare(run):
    return walk


def walk(run):
    step = int(open("saved").read()) if run.resumed else 0
    while step < 40:
        step += 1
        with open("saved", "w") as file:
            file.write(str(step))
        run.progress(fraction=step / 40.0)
        time.sleep(0.05)
        if run.must_stop:
            return
"""


@pytest.mark.parametrize(
    "program, wrong",
    [
        (PROGRAM, ""),
        (PROGRAM.replace('int(open("saved").read()) if run.resumed else 0', "0"), "its second part began at 0."),
        (PROGRAM.replace("if run.must_stop:", "if False:"), "it was done before it could be told to stop"),
        (PROGRAM.replace("            return", '            raise ValueError("no room")'), "told to stop, it failed: no room"),
    ],
    ids=["right", "forgets", "deaf", "raises"],
)
def test_a_code_that_says_so_is_told_to_stop_and_gone_on_with(tmp_path: Path, program: str, wrong: str) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    (folder / "code.toml").write_text(DECLARED)
    (folder / "code.py").write_text(program)
    said = simyard(tmp_path, "code", "test", str(folder), "--json")
    found = {one["what"]: one for one in json.loads(said.stdout)}
    one = found["walk: goes on from its checkpoint"]
    assert one["passed"] is not bool(wrong), said.stdout
    assert wrong in json.dumps(one)
