"""`simyard code test` tries whether a code can be stopped, and goes on from its checkpoint where it says so."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from simyard.cli.bench import Bench, Limits
from simyard.cli.test_here import cancel
from simyard.codes import code_toml
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


#: A job cmd that takes some seconds to end, as on a machine that has much else to do.
SLOW = """\
import json, os, signal, sys, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
with open(os.path.join(sys.argv[2], "events.jsonl"), "w") as file:
    print(json.dumps({"n": 1, "event": "started", "data": {}}), file=file, flush=True)
    while not told:
        time.sleep(0.01)
    time.sleep(3.5)
    print(json.dumps({"n": 2, "event": "final", "data": {"state": "canceled"}}), file=file)
"""


def test_a_stop_that_takes_a_few_seconds_is_no_fault_of_the_code(tmp_path: Path) -> None:
    (tmp_path / "code.toml").write_text(DECLARED)
    (tmp_path / "code.py").write_text(PROGRAM)
    (tmp_path / "slow.py").write_text(SLOW)
    code = code_toml.read(tmp_path)
    bench = Bench(code, sys.executable, tmp_path, Limits(grace=0.0))
    bench.runner = str(tmp_path / "slow.py")
    assert cancel(bench, code.models["walk"], {}) == ("cancel leaves nothing behind", "")
