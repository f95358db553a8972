"""The agent's connection: what it shows, what it does with garbage, and how it waits for a supervisor that is away."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from simyard import contents
from simyard.drivers.base import Life
from simyard.protocol import agents as talk
from tests.contract.agent_kit import LIMIT, SECRET, Bench, bench


def test_it_says_who_and_where_it_is(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        (hello,) = at.supervisor.hellos
        assert hello.version == contents.VERSION
        assert hello.pid == handle["pid"]
        assert hello.boot == handle["boot"]
        assert hello.cores >= 1
        assert hello.memory > 1 << 20
        assert hello.runs == ()

    play(tmp_path, story)


@pytest.mark.parametrize(
    "garbage",
    [
        "", "nonsense", "[1]", "[1,7,{}]", '[1,"Unknown",[]]', '[99,"Welcome",{}]', '[1,"StartRun",{"epoch":"one"}]', b"\x00" * 20, "[" * 100_000,
        '[1,"StopRun",{"run":"../../etc","epoch":1}]', '[1,"ListFiles",{"op":-1,"run":"x"}]',
    ],
)  # fmt: skip
def test_garbage_from_the_supervisor_ends_the_connection_and_not_the_agent(tmp_path: Path, garbage: str | bytes) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        run = at.start(do="frames", count=10, pause=0.05)
        await at.supervisor.until(lambda: at.supervisor.events.get(run))
        assert at.supervisor.door is not None
        at.supervisor.door.write_message(garbage, binary=isinstance(garbage, bytes))
        await at.supervisor.connected(2)
        assert at.supervisor.hellos[1].pid == handle["pid"]
        assert (await at.supervisor.finished(run))["state"] == "completed"
        assert at.supervisor.repeated == 0

    play(tmp_path, story)


def test_what_a_newer_supervisor_says_beside_what_is_known_is_answered_where_it_can_be_and_harms_nothing(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        run = at.start(do="frames", count=10, pause=0.05)
        await at.supervisor.until(lambda: at.supervisor.events.get(run))
        door = at.supervisor.door
        assert door is not None
        for text in ('[1,"Dance",{}]', '[1,"Paint",{"op":"x"}]', '[1,"Paint",{"op":-1}]', '[1,"Drop",{"op":5,"why":"because"}]'):
            door.write_message(text)
        door.write_message('[1,"MakeFilm",{"op":7,"run":"x"}]')
        await at.supervisor.until(lambda: 7 in at.supervisor.closed)
        assert at.supervisor.closed[7].code == "agent-too-old"
        assert "older version" in at.supervisor.closed[7].detail
        more = json.loads(talk.TO_AGENT.encode(talk.StartRun(epoch=1, spec=at.run_spec(again := at.new_run(), do="nothing"))))
        more[2]["spec"]["wishes"] = {"deep": [1]}
        more[2]["urgent"] = True
        door.write_message(json.dumps(more))
        assert (await at.supervisor.finished(again))["state"] == "completed"
        assert (await at.supervisor.finished(run))["state"] == "completed"
        assert at.supervisor.door is door
        assert [hello.pid for hello in at.supervisor.hellos] == [handle["pid"]]

    play(tmp_path, story)


def test_a_message_that_is_too_large_ends_the_connection_and_not_the_agent(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        assert at.supervisor.door is not None
        at.supervisor.door.write_message("x" * (5 << 20))
        await at.supervisor.connected(2)
        assert at.supervisor.hellos[1].pid == handle["pid"]

    play(tmp_path, story)


def test_it_leaves_when_told_and_by_sigterm_and_what_runs_goes_on(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        first = await at.agent()
        run = at.start(do="ticks")
        await at.supervisor.until(lambda: len(at.supervisor.events.get(run, [])) > 3)
        # it does not wait for its run, which goes on until it is told to end
        os.kill(first["pid"], signal.SIGTERM)
        await gone(at, first)
        second = await at.agent()
        at.supervisor.say(talk.Leave(reason="idle"))
        await gone(at, second)
        await at.agent()
        (at.directory(run) / "work/go").touch()
        assert (await at.supervisor.finished(run))["state"] == "completed"
        assert at.supervisor.repeated == 0

    play(tmp_path, story)


def test_without_a_supervisor_and_a_run_it_leaves_after_its_grace(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent(grace_without_supervisor=0.3)
        run = at.start(do="ticks")
        await at.supervisor.until(lambda: at.supervisor.events.get(run))
        await at.supervisor.leave()
        await asyncio.sleep(0.7)
        # it has a run, so it waits
        assert await at.driver.poll(handle) is Life.ALIVE
        (at.directory(run) / "work/go").touch()
        at.supervisor.listen()
        await at.supervisor.finished(run)
        await at.settled()
        await at.supervisor.leave()
        await gone(at, handle)

    play(tmp_path, story)


def test_a_supervisor_that_does_not_know_it_is_asked_again(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.driver.start(at.spec(secret="another"))
        at.handles.append(handle)
        await at.supervisor.until(lambda: "401" in at.log())
        assert await at.driver.poll(handle) is Life.ALIVE
        assert at.log().count("401") == 1

    play(tmp_path, story)


def test_the_secret_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        run = at.start(command=["sh", "-c", "env; cat /proc/$PPID/environ"])
        await at.supervisor.finished(run)
        process = Path("/proc", str(handle["pid"]))
        assert SECRET.encode() not in (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        assert SECRET not in repr(at.spec())
        for path in [*at.root.rglob("*"), *at.logs.rglob("*")]:
            if path.is_file():
                assert SECRET.encode() not in path.read_bytes()

    play(tmp_path, story)


def test_a_code_sees_only_the_environment_that_the_agent_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")

    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(command=["env"])
        await at.supervisor.finished(run)
        assert "hidden" not in (at.directory(run) / "run.log").read_text()

    play(tmp_path, story)


def test_its_loop_is_free_while_it_copies_large_inputs(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        await at.supervisor.finished(at.start(do="nothing"))
        # in a thread, so that this process answers its agent meanwhile
        sha = await asyncio.to_thread(at.store, b"x" * (200 << 20))
        door = at.supervisor.door
        assert door is not None
        answered = asyncio.Event()
        door.on_pong = lambda data: answered.set()  # type: ignore[method-assign]
        most = 0
        # this process may be the one that has to wait for the machine: then once more
        while most < 10:
            run, pongs = at.new_run(), -1
            spec = dataclasses.replace(at.run_spec(run, do="nothing"), files={"big": sha})
            at.supervisor.say(talk.StartRun(epoch=1, spec=spec))
            while not at.directory(run).exists():
                answered.clear()
                door.ping()
                await asyncio.wait_for(answered.wait(), LIMIT)
                pongs += 1
            most = max(most, pongs)
            await at.supervisor.finished(run)
            shutil.rmtree(at.directory(run))
        print(f"{most} pongs while an input of 200 MB was copied")

    play(tmp_path, story)


async def gone(at: Bench, handle: dict[str, Any]) -> None:
    deadline = time.monotonic() + LIMIT
    while await at.driver.poll(handle) is not Life.GONE:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def play(folder: Path, story: object) -> None:
    async def scene() -> None:
        async with bench(folder) as at:
            await story(at)  # type: ignore[operator]

    asyncio.run(scene())
