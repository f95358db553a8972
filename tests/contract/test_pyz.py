"""agent.pyz: one file, nothing installed, the oldest and the newest Python: a real run by a real door."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from simyard import contents
from simyard.agent import pyz
from simyard.agent.warm import JOB_CMD
from simyard.protocol import agents as talk
from simyard.protocol.jobs import Kind
from simyard.protocol.tunnel import Tunnel
from tests.contract.agent_kit import bench
from tests.contract.runner_kit import interpreter

each_version = pytest.mark.parametrize("version", ["3.9.18", "3.11.7", "3.13.0"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pyz.build(tmp_path_factory.mktemp("pyz") / "agent.pyz")


@each_version
def test_it_runs_a_quick_run_with_nothing_installed(built: Path, version: str, tmp_path: Path) -> None:
    python = interpreter(version)

    async def story() -> None:
        async with bench(tmp_path) as at:
            # -I -S: no environment, no working folder, no site-packages
            await at.agent(command=(python, "-I", "-S", str(built)))
            assert at.supervisor.hellos[0].python == version
            run = at.start(do="frames", count=2, kind=Kind.QUICK, first_report="small", python=python, files={"a": b"x"})
            assert (await at.supervisor.finished(run))["state"] == "completed"
            assert at.supervisor.told(talk.ReportPushed)
            closed, data = await at.supervisor.fetch(talk.SendFile(op=1, run=run, path="reports/small.json"))
            assert (closed.code, bytes(at.supervisor.bytes[1])) == ("", data)
            (folder,) = (at.root / "agents/local").glob("runner-*")
            content = b"".join((folder / name).read_bytes() for name in JOB_CMD)
            assert folder.name == f"runner-{hashlib.sha256(content).hexdigest()[:12]}"
            assert sorted(one.name for one in folder.iterdir()) == sorted(JOB_CMD)
            # a code without a code.py is what the files beside runner.py make of it
            inputs: dict[str, Any] = {"steps": 3, "factor": 0.1, "verbose": False, "label": "", "fail": "no", "points": []}
            run = at.start(code="counter", python=python, first_report="curve", kind=Kind.QUICK, **inputs)
            final = await at.supervisor.finished(run)
            assert (final["state"], final["results"], final["report"]) == ("completed", {"value": 15.0}, "curve")
            # a run that the agent still has in mind when it leaves stays marked: what runs goes on
            await at.settled()
            at.supervisor.say(talk.Leave(reason="done"))

    asyncio.run(story())


@each_version
def test_without_a_line_on_standard_input_it_says_so(built: Path, version: str) -> None:
    done = subprocess.run(
        [interpreter(version), "-I", "-S", str(built)], input=b"secret?\n", capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert b"started by a driver" in done.stderr
    assert b"secret?" not in done.stderr


@each_version
def test_as_a_relay_it_hands_connections_on_until_its_standard_input_ends(built: Path, version: str, tmp_path: Path) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    async def read(relay: asyncio.subprocess.Process, tunnel: Tunnel) -> None:
        assert relay.stdout is not None
        while data := await relay.stdout.read(1 << 16):
            tunnel.feed(data)
            up.set()

    up = asyncio.Event()

    async def story() -> None:
        supervisor = await asyncio.start_unix_server(shout, tmp_path / "supervisor")
        relay = await asyncio.create_subprocess_exec(
            interpreter(version), "-I", "-S", built, "relay", tmp_path / "door", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert relay.stdin is not None

        async def send(data: bytes) -> None:
            assert relay.stdin is not None
            relay.stdin.write(data)
            await relay.stdin.drain()

        tunnel = Tunnel(send, lambda: asyncio.open_unix_connection(tmp_path / "supervisor"))
        reading = asyncio.create_task(read(relay, tunnel))
        await up.wait()
        reader, writer = await asyncio.open_unix_connection(tmp_path / "door")
        writer.write(b"hello\n")
        assert await reader.read() == b"HELLO\n"
        writer.close()
        relay.stdin.close()
        assert await relay.wait() == 0
        await reading
        await tunnel.close()
        supervisor.close()
        await supervisor.wait_closed()

    asyncio.run(asyncio.wait_for(story(), 60))


def test_the_same_sources_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    assert pyz.build(tmp_path / "again.pyz").read_bytes() == built.read_bytes()


def test_its_version_is_that_of_the_sources_that_it_was_made_of(built: Path) -> None:
    done = subprocess.run([interpreter("3.9.18"), "-I", "-S", str(built), "version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == contents.VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+\+[0-9a-f]{12}", contents.VERSION)


def test_any_change_of_what_an_agent_is_made_of_changes_its_version(tmp_path: Path) -> None:
    source = Path(contents.__file__).parent
    shutil.copytree(source, tmp_path / "simyard", ignore=shutil.ignore_patterns("static", "codes", "__pycache__"))
    said = [sys.executable, "-P", "-m", "simyard.agent", "version"]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": ""}

    def version() -> str:
        return subprocess.run(said, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    assert version() == contents.VERSION
    seen = {contents.VERSION}
    for name in ("job_cmd/runner.py", "protocol/wire.py", "agent/pyz.lock", "agent/pyz.py"):
        with (tmp_path / "simyard" / name).open("a") as file:
            file.write("\n# another\n")
        seen.add(version())
    assert len(seen) == 5


def test_it_holds_only_python(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    assert [name for name in names if not name.endswith((".py", "LICENSE"))] == ["simyard/version.txt"]
    assert {name.split("/")[0] for name in names} == {"simyard", "tornado", "__main__.py"}
    assert "simyard/job_cmd/runner.py" in names
    assert not [name for name in names if name.startswith(("simyard/supervisor", "simyard/web", "tornado/test/"))]
