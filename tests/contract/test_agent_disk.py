"""What an agent does about a disk that fills up: the run that fills it ends in words, others go on, and the supervisor is told."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from simyard.protocol import agents as talk
from simyard.protocol import rundir
from tests.contract.agent_kit import Bench, bench

MIB = 1 << 20
WRITE = """
import os, time
for number in range({count}):
    with open("filler-%d" % number, "wb") as file:
        file.write(os.urandom({size} << 20))
    time.sleep(0.05)
open("written", "w").close()
while not os.path.exists("go"):
    time.sleep(0.05)
"""


def limited(made: Bench, quota: int = 0, keep: int = 0) -> None:
    """The supervisor of this bench lets agents have so much."""
    made.supervisor.disk = (quota, keep)


def writer(made: Bench, count: int, size: int = 1, **more: Any) -> str:
    return made.start(command=["PYTHON", "-c", WRITE.format(count=count, size=size)], **more)


def path(made: Bench, run: str, name: str) -> Path:
    return made.directory(run) / rundir.WORK / name


def used(made: Bench) -> int:
    told = made.supervisor.told(talk.DiskUsed)
    return told[-1].used if told else -1


async def until_written(made: Bench, run: str) -> None:
    await made.supervisor.until(path(made, run, "written").exists)


def test_the_run_that_fills_the_quota_fails_and_the_one_beside_it_completes(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as made:
            limited(made, quota=20 * MIB)
            await made.agent()
            quiet = writer(made, 1)
            await until_written(made, quiet)
            filler = writer(made, 500)
            final = await made.supervisor.finished(filler)
            assert (final["state"], final["cause"]) == ("failed", "disk")
            assert final["reason"].startswith("Disk quota: your files and runs take ")
            assert " of 20 MiB" in final["reason"]
            assert final["usage"]["wall"] > 0
            await made.gone(filler)
            path(made, quiet, "go").touch()
            assert (await made.supervisor.finished(quiet))["state"] == "completed"
            assert used(made) >= 20 * MIB
            # what is deleted is room again, and that is told
            await made.settled()
            made.supervisor.say(talk.RemoveRuns(runs=(filler,)))
            await made.supervisor.until(lambda: used(made) < 5 * MIB)
            again = writer(made, 1)
            await until_written(made, again)
            path(made, again, "go").touch()
            assert (await made.supervisor.finished(again))["state"] == "completed"

    asyncio.run(main())


def test_a_new_run_is_told_what_is_left_and_a_file_of_more_cannot_be_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as made:
            made.store(os.urandom(6 * MIB))
            limited(made, quota=20 * MIB)
            await made.agent()
            await made.supervisor.until(lambda: used(made) >= 6 * MIB)
            run = made.start(command=["PYTHON", "-c", "open('one', 'wb').write(b'x' * (30 << 20))"])
            final = await made.supervisor.finished(run)
            assert (final["state"], final["cause"]) == ("failed", "disk"), final
            allowed = json.loads((made.directory(run) / rundir.RUN).read_text())["disk"]
            assert 13 * MIB < allowed <= 14 * MIB
            assert path(made, run, "one").stat().st_size <= allowed

    asyncio.run(main())


def test_a_run_that_cannot_be_told_why_is_killed_and_has_the_same_reason(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as made:
            limited(made, quota=20 * MIB)
            await made.agent()
            filler = writer(made, 500)
            await made.supervisor.until(path(made, filler, "filler-1").exists)
            (made.directory(filler) / "stop.json.new").mkdir()  # a code may write here
            final = await made.supervisor.finished(filler)
            assert (final["state"], final["cause"]) == ("failed", "disk")
            assert final["reason"].startswith("Disk quota: ")
            await made.gone(filler)

    asyncio.run(main())


#: Ways to fill a disk that are not large files: each goes on until it is ended.
SLY = {
    "empty files": "n = 0\nwhile True:\n    open('f%d' % n, 'w').close()\n    n += 1\n    time.sleep(0.0001)",
    "folders in folders": "while True:\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\n    open('f', 'wb').write(bytes(20000))\n    time.sleep(0.001)",
    "a folder that is shut": "os.mkdir('in')\nos.chdir('in')\nos.chmod('.', 0o300)\nn = 0\n"
    "while True:\n    open('f%d' % n, 'wb').write(bytes(1 << 20))\n    n += 1\n    time.sleep(0.05)",
    "an old name": "n = 0\nwhile True:\n    open('f', 'wb').write(bytes(1 << 20))\n    os.rename('f', '.g%d' % n)\n    n += 1\n    time.sleep(0.05)",
}


@pytest.mark.parametrize("way", sorted(SLY))
def test_no_way_to_fill_it_goes_unseen(way: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as made:
            limited(made, quota=20 * MIB)
            await made.agent()
            run = made.start(command=["PYTHON", "-c", "import os, time\n" + SLY[way]])
            final = await made.supervisor.finished(run, 90.0)
            assert (final["state"], final["cause"]) == ("failed", "disk")
            assert final["reason"].startswith("Disk quota: ")
            # and all of it can be deleted
            await made.settled()
            await made.gone(run)
            made.supervisor.say(talk.RemoveRuns(runs=(run,)))
            await made.supervisor.until(lambda: made.supervisor.told(talk.RunsRemoved), 60.0)
            assert made.supervisor.told(talk.RunsRemoved)[-1].runs == (run,)
            await made.supervisor.until(lambda: used(made) < MIB, 60.0)

    asyncio.run(main())


def test_the_reason_outlives_the_agent_that_ended_the_run(tmp_path: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, lambda *_: open('asked', 'w').close())\n" + WRITE

    async def main() -> None:
        async with bench(tmp_path) as made:
            limited(made, quota=20 * MIB)
            await made.agent()
            run = made.start(command=["PYTHON", "-c", stubborn.format(count=30, size=1)], grace=60.0)
            await made.supervisor.until(path(made, run, "asked").exists)
            made.kill_agent()
            await made.supervisor.until(lambda: made.supervisor.door is None)
            path(made, run, "go").touch()
            await made.agent()
            final = await made.supervisor.finished(run, 60.0)
            assert (final["state"], final["cause"]) == ("failed", "disk")
            assert final["reason"].startswith("Disk quota: ")

    asyncio.run(main())


def test_a_run_that_writes_while_the_disk_is_nearly_full_is_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as made:
            limited(made, keep=1 << 60)
            await made.agent()
            quiet = writer(made, 0)
            filler = writer(made, 500, 8)
            final = await made.supervisor.finished(filler, 60.0)
            assert (final["state"], final["cause"]) == ("failed", "disk")
            assert final["reason"].startswith("Disk: ")
            path(made, quiet, "go").touch()
            assert (await made.supervisor.finished(quiet))["state"] == "completed"

    asyncio.run(main())


def test_without_a_limit_nothing_is_weighed_or_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as made:
            await made.agent()
            run = writer(made, 30)
            await until_written(made, run)
            path(made, run, "go").touch()
            assert (await made.supervisor.finished(run))["state"] == "completed"
            assert not made.supervisor.told(talk.DiskUsed)
            assert json.loads((made.directory(run) / rundir.RUN).read_text())["disk"] == 0

    asyncio.run(main())
