"""The codes in examples/ through a real agent: a program in C that has no Python, and an old script that runs under Python 2.7 only."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simyard.codes import code_toml
from simyard.codes.declaration import Declaration
from simyard.errors import InvalidRequest
from simyard.protocol import agents as talk
from tests.contract.agent_kit import Bench, bench
from tests.contract.runner_kit import interpreter

EXAMPLES = Path(__file__).parents[2] / "examples"


def play(tmp_path: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with bench(tmp_path) as at:
            await at.agent()
            await story(at)

    asyncio.run(whole())


@pytest.fixture(scope="module")
def oscillator(tmp_path_factory: pytest.TempPathFactory) -> Declaration:
    """The code, with its program built as its Makefile says."""
    folder = tmp_path_factory.mktemp("codes") / "oscillator"
    shutil.copytree(EXAMPLES / "oscillator", folder)
    subprocess.run(["make", "--silent", "-B"], cwd=folder, check=True)
    return code_toml.read(folder)


@pytest.fixture(scope="module")
def ising() -> Declaration:
    return code_toml.read(EXAMPLES / "ising")


def start(at: Bench, code: Declaration, example: str = "", *, python: str = "", **inputs: Any) -> str:
    """Start a run as web and supervisor would ask for it: of its only model, the inputs checked, and whole."""
    given = {**(code.examples[example].inputs if example else {}), **inputs}
    more: dict[str, Any] = {"python": python} if python else {}
    spec = at.run_spec(at.new_run(), code=code.name, code_dir=str(code.folder), **more, **code.values(given))
    at.supervisor.say(talk.StartRun(epoch=1, spec=replace(spec, model=next(iter(code.models)))))
    return spec.run


def fractions(at: Bench, run: str) -> list[float]:
    told = [event.data.get("fraction") for event in at.supervisor.events.get(run, []) if event.event == "progress"]
    return [one for one in told if one is not None]


def last(at: Bench, run: str, what: str) -> Any:
    told = [event.data.get(what) for event in at.supervisor.events.get(run, []) if event.event == "progress"]
    return next((one for one in reversed(told) if one is not None), None)


async def figure(at: Bench, op: int, run: str, report: str, frame: int = -1) -> dict[str, Any]:
    question = talk.MakeReport(op=op, run=run, report=report, frame=frame, seconds=30.0, memory=1 << 30)
    closed, data = await at.supervisor.fetch(question)
    assert closed.code == "", closed
    found: dict[str, Any] = json.loads(data)
    return found


def size(values: dict[str, str]) -> int:
    return len(base64.b64decode(values["bdata"])) // 8


def test_a_program_in_c_runs_from_its_template_to_its_reports(tmp_path: Path, oscillator: Declaration) -> None:
    async def story(at: Bench) -> None:
        run = start(at, oscillator, "free", damping=0.0, duration=20.0, precise=True)
        final = await at.supervisor.finished(run)
        assert (final["state"], final["results"]) == ("completed", {"largest": 1})
        work = at.directory(run) / "work"
        lines = (work / "oscillator.in").read_text().splitlines()
        assert lines[0] == "# made by Simyard for the model swing"
        assert lines[3:5] == ["drive           = 0.000000e+00", "drive_frequency = 1.0"]
        assert lines[-1] == "precise         = 1"
        assert fractions(at, run)[-1] == 1.0
        assert (last(at, run, "frames"), last(at, run, "message")) == (10, "step 20000 of 20000")

        motion = await figure(at, 1, run, "motion")
        assert [one["name"] for one in motion["data"]] == ["position", "velocity"]
        assert [size(one["y"]) for one in motion["data"]] == [2001, 2001]
        assert motion["layout"]["xaxis"]["title"]["text"] == "Time [s]"
        phase = await figure(at, 2, run, "phase", 9)
        assert phase["data"][0]["z"]["shape"] == "48, 48"
        closed, _ = await at.supervisor.fetch(
            talk.MakeReport(op=3, run=run, report="phase", frame=10, seconds=30.0, memory=1 << 30)
        )
        assert "There is no frame 11 yet: there are 10 files phase_*.txt." in closed.detail

    play(tmp_path, story)


def test_it_tells_how_far_it_is_and_a_stop_leaves_nothing_of_it(tmp_path: Path, oscillator: Declaration) -> None:
    async def story(at: Bench) -> None:
        # years of it, of which the first hundredth is soon over
        run = start(at, oscillator, duration=1e8, step=0.5, frames=1000)
        await at.supervisor.until(lambda: last(at, run, "frames"))
        assert 0 < fractions(at, run)[-1] < 1
        assert " of 200000000" in last(at, run, "message")
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        assert (await at.supervisor.finished(run))["state"] == "canceled"
        await at.gone(run)

    play(tmp_path, story)


def test_bad_input_is_refused_by_the_form_and_else_told_in_the_programs_words(tmp_path: Path, oscillator: Declaration) -> None:
    with pytest.raises(InvalidRequest, match="Damping: -1 is below the smallest allowed value"):
        oscillator.values({"damping": -1})

    async def story(at: Bench) -> None:
        final = await at.supervisor.finished(start(at, oscillator, step=2.0))
        assert (final["state"], final["cause"]) == ("failed", "input")
        assert final["reason"] == "the step is too long: step * frequency must be below 1"

    play(tmp_path, story)


@pytest.mark.interpreters
def test_an_old_script_runs_as_it_is_under_the_python_that_it_was_written_for(tmp_path: Path, ising: Declaration) -> None:
    python = interpreter("2.7.18")

    async def story(at: Bench) -> None:
        run = start(at, ising, "cold", python=python, size=12, temperature=0.5, sweeps=60, every=5)
        final = await at.supervisor.finished(run)
        assert final["state"] == "completed"
        # far below the critical temperature nearly all spins are alike, or there are two stripes of them
        assert -2 <= final["results"]["energy"] < -1.5
        assert 0 <= final["results"]["magnetization"] <= 1
        assert (at.directory(run) / "work/ising.par").read_text() == (
            "# model metropolis\nL = 12\nT = 0.5\nsweeps = 60\nevery = 5\nseed = 1\n"
        )
        assert (at.directory(run) / "run.log").read_text().startswith("Ising model, L = 12, T = 0.5, 60 sweeps\nsweep 5 of 60")
        assert (fractions(at, run)[-1], last(at, run, "frames")) == (1.0, 12)
        assert last(at, run, "message").startswith("sweep 60 of 60, ⟨m⟩ = ")
        curves = await figure(at, 1, run, "curves")
        assert [size(one["y"]) for one in curves["data"]] == [12, 12]
        spins = await figure(at, 2, run, "spins", 11)
        assert {spin for row in spins["data"][0]["z"] for spin in row} <= {-1, 1}
        assert [len(row) for row in spins["data"][0]["z"]] == [12] * 12

        run = start(at, ising, python=python, size=7)
        final = await at.supervisor.finished(run)
        assert (final["state"], final["reason"], final["cause"]) == ("failed", "L must be even, not 7L", "input")

        run = start(at, ising, python=python, size=64, sweeps=10_000_000, every=1)
        await at.supervisor.until(lambda: last(at, run, "frames"))
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        assert (await at.supervisor.finished(run))["state"] == "canceled"
        await at.gone(run)

    play(tmp_path, story)
