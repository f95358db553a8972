"""Inputs through a real agent: made in a folder that is gone afterwards, with the simulation's files, in the code's own words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from simyard.protocol import agents as talk
from tests.contract.agent_kit import LIMIT, Bench, bench


def play(tmp_path: Path, story: Any) -> None:
    async def whole() -> None:
        async with bench(tmp_path) as at:
            await at.agent()
            await story(at)

    asyncio.run(whole())


def make(at: Bench, op: int, seconds: float = LIMIT, **more: Any) -> talk.MakeInput:
    return talk.MakeInput(op=op, spec=at.run_spec("", **more), seconds=seconds, memory=1 << 30)


def scratch(at: Bench) -> Path:
    return at.root / "agents" / "local" / "scratch"


def test_an_input_is_told_with_the_simulations_files_there_and_nothing_is_left(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        question = make(at, 1, prepare="write", do="nothing", files={"mine.txt": b"uploaded", "data/same.txt": b"uploaded"})
        closed, data = await at.supervisor.fetch(question)
        assert closed.code == ""
        assert at.supervisor.opened[1].media_type == "application/json"
        found = json.loads(data)
        assert [one["name"] for one in found["files"]] == ["grid.bin", "in/job.txt", "long.txt", "mine.txt"]
        assert found["command"] is None
        assert list(scratch(at).iterdir()) == []
        assert list((at.root / "runs").iterdir()) == []
        closed, data = await at.supervisor.fetch(make(at, 2, command=["solver", "in"]))
        assert json.loads(data) == {"command": ["solver", "in"], "files": []}

    play(tmp_path, story)


@pytest.mark.parametrize(
    "more, code, words",
    [
        ({"prepare": "raise"}, "input-failed", "energy must be positive, not −1 GeV"),
        ({"prepare": "hang", "seconds": 0.5}, "input-timeout", "longer than 0.5 s"),
        ({"prepare": "crash"}, "input-failed", "SIGSEGV"),
        ({"code": "broken"}, "code-cannot-be-loaded", "no_such_module_anywhere"),
        ({"files": {"../out": b"x"}, "do": "nothing"}, "bad-spec", "plain relative path"),
    ],
)
def test_what_goes_wrong_is_told_in_words_and_nothing_is_left(
    tmp_path: Path, more: dict[str, Any], code: str, words: str
) -> None:
    async def story(at: Bench) -> None:
        closed, data = await at.supervisor.fetch(make(at, 1, **more))
        assert (closed.code, data) == (code, b"")
        assert words in closed.detail
        assert not scratch(at).exists() or list(scratch(at).iterdir()) == []

    play(tmp_path, story)


def test_a_file_whose_content_is_gone_is_named(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        question = make(at, 1, do="nothing", files={"ring.seq": b"lattice"})
        sha = question.spec.files["ring.seq"]
        (at.root / "files" / sha[:2] / sha).unlink()
        closed, _ = await at.supervisor.fetch(question)
        assert closed.code == "missing-file"
        assert "ring.seq" in closed.detail

    play(tmp_path, story)


def test_an_input_that_nobody_wants_any_more_is_dropped_with_its_folder(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        at.supervisor.say(make(at, 1, prepare="hang"))
        await at.supervisor.until(lambda: list(scratch(at).glob("*/work/preparing")))
        at.supervisor.say(talk.Drop(op=1))
        await at.supervisor.until(lambda: list(scratch(at).iterdir()) == [])
        closed, data = await at.supervisor.fetch(make(at, 2, command=["a"]))
        assert (closed.code, json.loads(data)["command"]) == ("", ["a"])

    play(tmp_path, story)


def test_what_a_killed_agent_was_making_is_removed_by_its_successor(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        at.supervisor.say(make(at, 1, prepare="hang"))
        await at.supervisor.until(lambda: list(scratch(at).glob("*/work/preparing")))
        at.kill_agent()
        await at.agent()
        await at.supervisor.until(lambda: list(scratch(at).iterdir()) == [])

    play(tmp_path, story)
