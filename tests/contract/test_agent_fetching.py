"""What a cluster's agent does not have it fetches: once, whole, from where it was broken off; and what cannot come is said in words."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.codes import archive, code_toml
from simyard.protocol import agents as talk
from simyard.protocol import rundir
from simyard.protocol.batch import Batch, Site
from simyard.protocol.jobs import Resources
from simyard.protocol.launch import Cluster
from simyard.protocol.wire import MAX_CHUNK, pack
from tests.contract.agent_kit import LIMIT, Bench, Door, bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="as everything here")


class Store:
    """The supervisor's side of fetching: contents by their SHA-256, sent no faster than granted, and no further than `cut`."""

    def __init__(self, at: Bench) -> None:
        self.contents: dict[str, bytes] = {}
        self.wanted: list[talk.WantFile] = []
        self.cut: dict[str, int] = {}
        self.damaged: set[str] = set()
        self.most_ahead = 0
        self._ways: dict[int, tuple[Door, bytes, int, int]] = {}
        at.supervisor.answers[talk.WantFile] = self._want
        at.supervisor.answers[talk.FileCredit] = self._credit

    def add(self, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        self.contents[sha] = content
        return sha

    def _want(self, door: Door, message: talk.WantFile) -> None:
        self.wanted.append(message)
        content = self.contents.get(message.sha)
        if content is None:
            door.write_message(talk.TO_AGENT.encode(talk.FileClosed(op=message.op, code="no-such-file", detail="Gone.")))
            return
        door.write_message(talk.TO_AGENT.encode(talk.FileOpened(op=message.op, size=len(content) - message.offset)))
        if message.sha in self.damaged:
            self.damaged.discard(message.sha)
            content = bytes(len(content))
        self._ways[message.op] = (door, content, message.offset, talk.FIRST_CREDIT)
        self._send(message.op)

    def _credit(self, door: Door, message: talk.FileCredit) -> None:
        if message.op in self._ways:
            _, content, offset, credit = self._ways[message.op]
            self._ways[message.op] = (door, content, offset, credit + message.size)
            self._send(message.op)

    def _send(self, op: int) -> None:
        door, content, offset, credit = self._ways.pop(op)
        self.most_ahead = max(self.most_ahead, credit)
        sha = hashlib.sha256(content).hexdigest()
        end = self.cut.get(sha, len(content))
        while credit and offset < end:
            piece = content[offset : offset + min(credit, MAX_CHUNK, end - offset)]
            door.write_message(pack(op, piece), binary=True)
            offset, credit = offset + len(piece), credit - len(piece)
        if offset >= len(content):
            door.write_message(talk.TO_AGENT.encode(talk.FileClosed(op=op)))
        else:
            self._ways[op] = (door, content, offset, credit)


def play(tmp_path: Path, story: Any, **more: Any) -> None:
    async def whole() -> None:
        async with bench(tmp_path) as at:
            store = Store(at)
            await at.agent(cluster=Cluster(**more))
            await story(at, store)

    asyncio.run(whole())


def a_spec(at: Bench, run: str, files: dict[str, str], **more: Any) -> Any:
    """Of a run on a cluster that has nothing yet; `more` are fields of the spec."""
    spec = at.run_spec(run, do="nothing")
    chosen = Resources(batch=Batch(tasks=3))
    return dataclasses.replace(spec, **{"files": files, "resources": chosen, "site": Site(), **more})


def start(at: Bench, files: dict[str, str], **more: Any) -> str:
    run = at.new_run()
    at.supervisor.say(talk.StartRun(epoch=1, spec=a_spec(at, run, files, **more)))
    return run


async def made(at: Bench, run: str) -> Path:
    """The directory of the run, once it is there."""
    await at.supervisor.until(lambda: at.directory(run).is_dir())
    return at.directory(run)


async def stop(at: Bench, run: str) -> None:
    """End what there is of it: nothing of it runs, for there is no Slurm."""
    at.supervisor.say(talk.StopRun(run=run, epoch=1))


def parts(at: Bench) -> list[Path]:
    return sorted((at.root / "files").glob("*.part"))


# ── input files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_input_files_come_before_the_run_directory_is_made_and_each_content_once(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        large, small = os.urandom(6_000_000), b"energy = 3"
        files = {"a.bin": store.add(large), "deep/b.bin": store.add(large), "in.txt": store.add(small)}
        runs = [start(at, files) for _ in range(3)]
        for run in runs:
            work = await made(at, run) / rundir.WORK
            assert (work / "a.bin").read_bytes() == (work / "deep" / "b.bin").read_bytes() == large
            assert (work / "in.txt").read_bytes() == small
        assert sorted(one.sha for one in store.wanted) == sorted(set(files.values()))
        assert parts(at) == []
        # a few mebibytes are on their way at most, however large it is
        assert store.most_ahead <= 2 << 20
        again = await made(at, start(at, files))
        assert (again / rundir.WORK / "a.bin").exists()
        assert len(store.wanted) == 2

    play(tmp_path, story)


def test_a_fetch_goes_on_where_the_connection_was_cut(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        content = os.urandom(5_000_000)
        sha = store.add(content)
        store.cut[sha] = 3_000_000
        run = start(at, {"a.bin": sha})
        await at.supervisor.until(lambda: parts(at) and parts(at)[0].stat().st_size == 3_000_000)
        await at.supervisor.leave()
        store.cut.clear()
        at.supervisor.listen()
        await at.supervisor.connected(2)
        assert ((await made(at, run)) / rundir.WORK / "a.bin").read_bytes() == content
        assert [one.offset for one in store.wanted] == [0, 3_000_000]

    play(tmp_path, story)


def test_a_fetch_goes_on_where_an_agent_was_killed(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        content = os.urandom(3_000_000)
        sha = store.add(content)
        store.cut[sha] = 1_500_000
        run = start(at, {"a.bin": sha})
        await at.supervisor.until(lambda: parts(at) and parts(at)[0].stat().st_size == 1_500_000)
        at.kill_agent()
        store.cut.clear()
        await at.agent(cluster=Cluster())
        # of a run of which there is no directory nothing is said, so that it is sent again
        assert at.supervisor.hellos[-1].runs == ()
        at.supervisor.say(talk.StartRun(epoch=1, spec=a_spec(at, run, {"a.bin": sha})))
        assert ((await made(at, run)) / rundir.WORK / "a.bin").read_bytes() == content
        assert store.wanted[-1].offset == 1_500_000

    play(tmp_path, story)


def test_how_far_it_is_is_told_in_words(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        sha = store.add(os.urandom(4_000_000))
        store.cut[sha] = 3_000_000
        run = start(at, {"a.bin": sha})
        words = "fetching its input files: 3.0 MB of 4.0 MB"
        # on the way there it may be told how far it was before
        note = await at.supervisor.until(lambda: [one for one in at.supervisor.told(talk.RunNote) if one.remote.words == words])
        assert (note[0].run, note[0].epoch) == (run, 1)

    play(tmp_path, story)


def test_what_comes_damaged_comes_again(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        content = os.urandom(1_000_000)
        sha = store.add(content)
        store.damaged.add(sha)
        assert ((await made(at, start(at, {"a.bin": sha}))) / rundir.WORK / "a.bin").read_bytes() == content
        assert [one.offset for one in store.wanted] == [0, 0]
        # and what has been damaged since
        (at.root / "files" / sha[:2] / sha).write_bytes(b"something else")
        assert ((await made(at, start(at, {"a.bin": sha}))) / rundir.WORK / "a.bin").read_bytes() == content

    play(tmp_path, story)


def test_a_content_that_is_nowhere_fails_the_run_by_its_name(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        run = start(at, {"in.txt": store.add(b"x"), "gone.txt": "0" * 64})
        failed = await at.supervisor.until(lambda: at.supervisor.told(talk.StartFailed))
        assert (failed[0].run, failed[0].cause) == (run, "input")
        assert failed[0].reason == "The content of gone.txt is no longer stored. Upload it again, then run it again."
        assert not at.directory(run).exists()
        assert at.markers() == []

    play(tmp_path, story)


def test_a_run_that_is_stopped_while_its_files_come_ends_canceled_and_nothing_more_comes(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        sha = store.add(bytes(3_000_000))
        store.cut[sha] = 1_000_000
        run = start(at, {"a.bin": sha})
        await at.supervisor.until(lambda: store.wanted)
        await stop(at, run)
        final = await at.supervisor.finished(run)
        assert final["state"] == "canceled"
        await at.settled()
        # another one goes on from there
        store.cut.clear()
        assert (await made(at, start(at, {"a.bin": sha})) / rundir.WORK / "a.bin").stat().st_size == 3_000_000

    play(tmp_path, story)


@contextlib.contextmanager
def a_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of that size at the folder."""
    if os.getuid() != 0:
        pytest.skip("a disk can be mounted by root only")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("size", [4_000_000, 1_500_000], ids=["no room to fetch it", "no room for the run's copy"])
def test_a_full_disk_fails_the_run_in_words_and_the_agent_goes_on(tmp_path: Path, size: int) -> None:
    async def story(at: Bench, store: Store) -> None:
        run = start(at, {"a.bin": store.add(os.urandom(size))})
        failed = (await at.supervisor.until(lambda: at.supervisor.told(talk.StartFailed)))[0]
        assert (failed.run, failed.cause) == (run, "disk")
        assert "Delete what is not needed there" in failed.reason
        assert not at.directory(run).exists()
        assert parts(at) == []
        await made(at, start(at, {"small.txt": store.add(b"x")}))

    with a_disk(tmp_path / "u", "2m"):
        play(tmp_path, story)


def test_where_the_disk_is_full_what_is_not_used_any_more_makes_room(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        old, new = store.add(os.urandom(1_900_000)), store.add(os.urandom(800_000))
        blob = at.root / "files" / old[:2] / old
        blob.parent.mkdir()
        blob.write_bytes(store.contents[old])
        os.utime(blob, (time.time() - 86400,) * 2)
        await made(at, start(at, {"a.bin": new}))
        assert not blob.exists()

    with a_disk(tmp_path / "u", "2m"):
        play(tmp_path, story)


# ── codes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def code(tmp_path: Path) -> archive.Packed:
    """A code as a cluster gets it, whose input tells what its setup has set."""
    folder = tmp_path / "codes" / "told"
    folder.mkdir(parents=True)
    (folder / "code.toml").write_text('title = "Told"\n[models.twiss]\nkind = "long"\n')
    (folder / "code.py").write_text(
        "import os, sys\n"
        "def prepare(run):\n"
        "    return [os.environ.get('FROM_SETUP', 'nothing'), sys.executable, ' '.join(run.launcher)]\n"
    )
    return archive.pack(code_toml.read(folder), tmp_path / "archives")


def packed(tmp_path: Path, code: archive.Packed, store: Store) -> None:
    store.add(archive.path_of(tmp_path / "archives", code.archive).read_bytes())


def test_a_code_comes_once_and_its_setup_lines_come_before_its_interpreter(tmp_path: Path, code: archive.Packed) -> None:
    async def story(at: Bench, store: Store) -> None:
        packed(tmp_path, code, store)
        setup = ("echo loading; cat", 'export FROM_SETUP="it\'s here"', f"PATH={Path(sys.executable).parent}:$PATH")
        spec = a_spec(at, "", {}, code_dir=code.code_dir, archive=code.archive, python="python", site=Site(setup=setup))
        for op in (1, 2):
            closed, data = await at.supervisor.fetch(talk.MakeInput(op=op, spec=spec, seconds=LIMIT, memory=1 << 30))
            assert closed.code == "", closed.detail
            assert json.loads(data)["command"][:2] == ["it's here", sys.executable]
        assert [one.sha for one in store.wanted] == [code.archive]
        assert sorted(one.name for one in (at.root / code.code_dir).iterdir()) == ["code.py", "code.toml"]
        # what it was made from is not kept
        assert not (at.root / "files" / code.archive[:2] / code.archive).exists()

    play(tmp_path, story)


def test_the_agents_own_python_serves_where_none_is_named(tmp_path: Path, code: archive.Packed) -> None:
    async def story(at: Bench, store: Store) -> None:
        packed(tmp_path, code, store)
        spec = a_spec(at, "", {}, code_dir=code.code_dir, archive=code.archive, python="")
        closed, data = await at.supervisor.fetch(talk.MakeInput(op=1, spec=spec, seconds=LIMIT, memory=1 << 30))
        assert closed.code == "", closed.detail
        assert json.loads(data)["command"][:2] == ["nothing", sys.executable]

    play(tmp_path, story)


@pytest.mark.parametrize(
    "python, setup, words",
    [
        ("no-such-python", ("true",), "After its setup lines there is no interpreter no-such-python."),
        ("python3", ("echo 'no such module: madx/5' >&2", "exit 1"), "no such module: madx/5"),
        ("python3", ("if true",), "syntax error"),
        ("/no/such/python", (), "/no/such/python cannot be started: No such file or directory."),
    ],
)
def test_setup_that_fails_says_so(tmp_path: Path, code: archive.Packed, python: str, setup: tuple[str, ...], words: str) -> None:
    async def story(at: Bench, store: Store) -> None:
        packed(tmp_path, code, store)
        spec = a_spec(at, "", {}, code_dir=code.code_dir, archive=code.archive, python=python, site=Site(setup=setup))
        closed, _ = await at.supervisor.fetch(talk.MakeInput(op=1, spec=spec, seconds=LIMIT, memory=1 << 30))
        assert closed.code == "code-cannot-be-loaded"
        assert words in closed.detail

    play(tmp_path, story)


def test_run_json_says_what_a_cluster_adds(tmp_path: Path, code: archive.Packed) -> None:
    async def story(at: Bench, store: Store) -> None:
        packed(tmp_path, code, store)
        site = Site(setup=("module load x || true",), launcher=("srun", "--mpi=pmi2"))
        more: dict[str, Any] = {"code_dir": code.code_dir, "archive": code.archive, "python": "env/bin/python", "site": site}
        run = start(at, {}, parallel=True, checkpoints=True, **more)
        said = json.loads((await made(at, run) / rundir.RUN).read_text())
        assert said["code_dir"] == str(at.root / code.code_dir)
        assert said["python"] == str(at.root / "env/bin/python")
        assert (said["launcher"], said["tasks"], said["checkpoints"]) == (["srun", "--mpi=pmi2"], 3, True)
        assert (said["cluster"], said["archive"], said["setup"]) == (True, code.archive, ["module load x || true"])

    play(tmp_path, story)


@pytest.mark.parametrize("code_dir", ["../codes/x", "codes/../../x", "codes/", "elsewhere/x", ""])
def test_a_code_that_is_to_lie_elsewhere_fails_the_run(tmp_path: Path, code_dir: str) -> None:
    async def story(at: Bench, store: Store) -> None:
        run = start(at, {}, code_dir=code_dir, archive=store.add(b"x"))
        failed = (await at.supervisor.until(lambda: at.supervisor.told(talk.StartFailed)))[0]
        assert (failed.run, failed.cause) == (run, "input")
        assert store.wanted == []

    play(tmp_path, story)


def test_an_archive_that_is_none_fails_the_run(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        run = start(at, {}, code_dir="codes/told-1", archive=store.add(b"no archive"))
        failed = (await at.supervisor.until(lambda: at.supervisor.told(talk.StartFailed)))[0]
        assert (failed.run, failed.cause) == (run, "input")
        assert "archive" in failed.reason
        assert list((at.root / "codes").iterdir()) == []

    play(tmp_path, story)


# ── what is not needed any more ─────────────────────────────────────────────────────────────────────────────────────────


def test_directories_of_runs_go_by_rule_and_what_is_asked_of_them_is_answered_in_words(tmp_path: Path) -> None:
    async def story(at: Bench, _store: Store) -> None:
        run, other = at.new_run(), at.new_run()
        await stop(at, run)
        assert (await at.supervisor.finished(run))["state"] == "canceled"
        # another target's, which is not settled
        elsewhere = at.root / "agents" / "elsewhere" / "active"
        elsewhere.mkdir(parents=True)
        (elsewhere / other).write_text("{}")
        at.directory(other).mkdir()
        await at.supervisor.until(lambda: not at.directory(run).exists())
        closed, _ = await at.supervisor.fetch(talk.SendFile(op=1, run=run, path=rundir.LOG))
        assert closed.code == "no-such-run"
        assert "not on the cluster any more" in closed.detail
        closed, _ = await at.supervisor.fetch(talk.MakeReport(op=2, run=run, report="r", frame=-1, seconds=5.0, memory=1 << 30))
        assert (closed.code, "not on the cluster any more" in closed.detail) == ("no-such-run", True)
        assert at.directory(other).is_dir()

    play(tmp_path, story, keep=1.0)
