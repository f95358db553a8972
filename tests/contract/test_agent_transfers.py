"""The agent's transfers: files, lists, logs and reports of real runs; bounded, confined, and ended when nobody wants them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from simyard.protocol import agents as talk
from tests.contract.agent_kit import LIMIT, Bench, bench, children


async def a_run(at: Bench, **more: Any) -> str:
    await at.agent()
    run = at.start(do="nothing", **more)
    await at.supervisor.finished(run)
    return run


def test_a_file_arrives_whole_or_the_part_that_was_asked_for(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        content = os.urandom(2_000_000)
        run = await a_run(at, files={"data/in.bin": content})
        closed, data = await at.supervisor.fetch(talk.SendFile(op=1, run=run, path="work/data/in.bin"))
        assert closed.code == ""
        assert data == content
        assert at.supervisor.opened[1].size == len(content)
        closed, data = await at.supervisor.fetch(talk.SendFile(op=2, run=run, path="work/data/in.bin", offset=100, length=1000))
        assert data == content[100:1100]
        closed, data = await at.supervisor.fetch(talk.SendFile(op=3, run=run, path="work/data/in.bin", offset=9_000_000))
        assert (closed.code, data) == ("", b"")

    play(tmp_path, story)


@pytest.mark.parametrize(
    "path,code",
    [
        ("../../../secret", "bad-path"),
        ("/etc/passwd", "bad-path"),
        ("work/../../x", "bad-path"),
        ("work/out", "not-a-file"),
        ("work/folder/passwd", "no-such-file"),
        ("work/device", "not-a-file"),
        ("work/fifo", "not-a-file"),
        ("work/socket", "not-a-file"),
        ("work", "not-a-file"),
        ("lock", "no-such-file"),
        ("work/none", "no-such-file"),
        ("work/a\nb", "bad-path"),
    ],
)
def test_there_is_no_way_out_of_a_run_directory(tmp_path: Path, path: str, code: str) -> None:
    import socket

    async def story(at: Bench) -> None:
        run = await a_run(at)
        work = at.directory(run) / "work"
        (work / "out").symlink_to("/etc/passwd")
        (work / "folder").symlink_to("/etc")
        (work / "device").symlink_to("/dev/zero")
        os.mkfifo(work / "fifo")
        with socket.socket(socket.AF_UNIX) as door:
            os.chdir(work)
            door.bind("socket")
        closed, data = await at.supervisor.fetch(talk.SendFile(op=1, run=run, path=path))
        assert (closed.code, data) == (code, b"")
        assert 1 not in at.supervisor.opened

    before = os.getcwd()
    try:
        play(tmp_path, story)
    finally:
        os.chdir(before)


def test_a_list_has_the_plain_files_and_no_links(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        run = await a_run(at, files={"b/a.txt": b"12345"})
        work = at.directory(run) / "work"
        (work / "link").symlink_to("/etc/passwd")
        (work / "folder").symlink_to("/etc")
        write_nameless(work)
        closed, data = await at.supervisor.fetch(talk.ListFiles(op=1, run=run))
        assert closed.code == ""
        listed = json.loads(data)
        assert [file["path"] for file in listed] == ["events.jsonl", "run.json", "run.log", "work/b/a.txt"]
        assert listed[-1]["size"] == 5
        closed, _ = await at.supervisor.fetch(talk.ListFiles(op=2, run=at.new_run()))
        assert closed.code == "no-such-run"

    play(tmp_path, story)


def test_twenty_megabytes_wait_for_a_slow_reader_and_nothing_piles_up(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        content = os.urandom(1 << 20) * 20
        run = await a_run(at, files={"big": content})
        before = resident(at.handles[0]["pid"])
        at.supervisor.say(talk.SendFile(op=7, run=run, path="work/big"))
        await at.supervisor.until(lambda: len(at.supervisor.bytes.get(7, b"")) >= talk.FIRST_CREDIT)
        await asyncio.sleep(0.3)
        # without credit, not a byte more
        assert len(at.supervisor.bytes[7]) == talk.FIRST_CREDIT
        assert 7 not in at.supervisor.closed
        # and everything else goes on meanwhile
        assert (await at.supervisor.finished(at.start(do="nothing")))["state"] == "completed"
        granted = talk.FIRST_CREDIT
        while granted < len(content):
            granted += 1 << 20
            at.supervisor.say(talk.Credit(op=7, size=1 << 20))
            await at.supervisor.until(lambda: len(at.supervisor.bytes[7]) == min(granted, len(content)))  # noqa: B023 - used at once
            assert resident(at.handles[0]["pid"]) - before < 16 << 20
        await at.supervisor.until(lambda: 7 in at.supervisor.closed)
        assert bytes(at.supervisor.bytes[7]) == content

    play(tmp_path, story)


def test_a_log_is_followed_until_the_run_has_ended(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done"
        run = at.start(command=["sh", "-c", script])
        await at.supervisor.until((at.directory(run) / "run.log").exists)
        closed, data = await at.supervisor.fetch(talk.SendFile(op=1, run=run, path="run.log", follow=True))
        assert closed.code == ""
        assert data.decode().split("\n")[:-1] == [f"line {i}" for i in range(1, 6)]
        assert at.supervisor.opened[1].size == -1
        assert (await at.supervisor.finished(run))["state"] == "completed"

    play(tmp_path, story)


def test_a_dropped_transfer_stops_without_a_word(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="wait")
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        at.supervisor.say(talk.SendFile(op=1, run=run, path="run.log", follow=True))
        await at.supervisor.until(lambda: 1 in at.supervisor.opened)
        at.supervisor.say(talk.Drop(op=1))
        at.supervisor.say(talk.Credit(op=1, size=1000))
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        await at.supervisor.finished(run)
        assert 1 not in at.supervisor.closed

    play(tmp_path, story)


def test_a_report_is_made_and_made_only_once(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        run = await a_run(at)
        closed, data = await at.supervisor.fetch(report(1, run, "once", 3))
        assert closed.code == ""
        assert json.loads(data)["data"][0]["frame"] == 3
        closed, again = await at.supervisor.fetch(report(2, run, "once", 3))
        assert again == data  # which says when it was made
        assert at.supervisor.opened[2].media_type == "application/json"

    play(tmp_path, story)


@pytest.mark.parametrize(
    "name,code", [("fail", "report-failed"), ("hang", "report-timeout"), ("crash", "report-failed"), ("../x", "bad-report")]
)
def test_a_report_that_fails_says_why_and_harms_nothing(tmp_path: Path, name: str, code: str) -> None:
    async def story(at: Bench) -> None:
        run = await a_run(at)
        closed, data = await at.supervisor.fetch(report(1, run, name, -1, seconds=0.5))
        assert (closed.code, data) == (code, b"")
        assert closed.detail
        closed, _ = await at.supervisor.fetch(report(2, run, "small", -1))
        assert closed.code == ""

    play(tmp_path, story)


def test_a_report_that_nobody_wants_any_more_is_not_made_to_its_end(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        run = await a_run(at)
        (serve,) = children(at.handles[0]["pid"])
        at.supervisor.say(report(1, run, "hang", -1, seconds=60))
        await at.supervisor.until(lambda: at.directory(run) / "work" in folders(children(serve)))
        at.supervisor.say(talk.Drop(op=1))
        await at.supervisor.until(lambda: at.directory(run) / "work" not in folders(children(serve)))

    play(tmp_path, story)


def test_transfers_end_with_the_connection_and_the_next_one_works(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        run = await a_run(at, files={"big": b"x" * (4 << 20)})
        at.supervisor.say(talk.SendFile(op=1, run=run, path="work/big"))
        await at.supervisor.until(lambda: 1 in at.supervisor.opened)
        await at.supervisor.leave()
        at.supervisor.listen()
        await at.supervisor.connected(2)
        closed, data = await at.supervisor.fetch(talk.SendFile(op=2, run=run, path="work/big"), LIMIT)
        assert (closed.code, len(data)) == ("", 4 << 20)

    play(tmp_path, story)


def report(op: int, run: str, name: str, frame: int, seconds: float = LIMIT) -> talk.MakeReport:
    return talk.MakeReport(op=op, run=run, report=name, frame=frame, seconds=seconds, memory=1 << 30)


def write_nameless(folder: Path) -> None:
    """A file whose name is no text."""
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b"no text")


def folders(pids: list[int]) -> list[Path]:
    """Where processes work."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            found.append(Path(os.readlink(f"/proc/{pid}/cwd")))
    return found


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def play(folder: Path, story: object) -> None:
    async def scene() -> None:
        async with bench(folder) as at:
            await story(at)  # type: ignore[operator]

    asyncio.run(scene())
