"""agent.pyz: one file, nothing installed, the oldest and the newest Python: a real run by a real door."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from simyard.agent import pyz
from simyard.protocol import agents as talk
from simyard.protocol.jobs import Kind
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
            (runner,) = (at.root / "agents/local").glob("runner-*.py")
            assert hashlib.sha256(runner.read_bytes()).hexdigest()[:12] in runner.name
            at.supervisor.say(talk.Leave(reason="done"))
            await at.settled()

    asyncio.run(story())


@each_version
def test_without_a_line_on_standard_input_it_says_so(built: Path, version: str) -> None:
    done = subprocess.run(
        [interpreter(version), "-I", "-S", str(built)], input=b"secret?\n", capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert b"started by a driver" in done.stderr
    assert b"secret?" not in done.stderr


def test_the_same_sources_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    assert pyz.build(tmp_path / "again.pyz").read_bytes() == built.read_bytes()


def test_it_holds_only_python(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    assert [name for name in names if not name.endswith((".py", "LICENSE"))] == []
    assert {name.split("/")[0] for name in names} == {"simyard", "tornado", "__main__.py"}
    assert "simyard/job_cmd/runner.py" in names
    assert not [name for name in names if name.startswith(("simyard/supervisor", "simyard/web", "tornado/test/"))]
