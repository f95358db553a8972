"""The warm processes: one for each interpreter and code, started when wanted, replaced when the code changed, let go when idle."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import pkgutil
import time
from typing import Dict, List, Mapping, Optional, Tuple

from simyard.agent.children import CannotServe, Command, Launched, Serve, ServeGone, run_fresh
from simyard.agent.place import Place, write
from simyard.agent.threads import Threads

log = logging.getLogger(__name__)
#: No more warm processes than this, and those that are on their way out (each holds a code's imports: 30–100 MB).
MAX_WARM, MAX_RETIRED = 8, 8
#: One that nobody asked anything is let go after this (seconds).
IDLE = 900.0
#: The files of a code are looked at no more often than this (seconds).
LOOK_AGAIN = 0.5
_MAX_FILES = 2000
#: The files of the job cmd. runner.py is the last to be written: where it is, the others are.
JOB_CMD = ("toml_reader.py", "tables.py", "template.py", "runner.py")
_MAX_LOG = 4 << 20

Print = Tuple[Tuple[str, int, int], ...]
#: Interpreter, folder of the code, and setup lines.
Key = Tuple[str, str, Tuple[str, ...]]


def runner_file(place: Place) -> str:
    """The path of runner.py, with the job cmd's other files beside it: where it lies, or a copy by its content where this agent is
    one file."""
    from simyard.job_cmd import runner

    path = os.path.abspath(runner.__file__ or "")
    if os.path.isfile(path):
        return path
    sources = {name: pkgutil.get_data("simyard.job_cmd", name) or b"" for name in JOB_CMD}
    folder = os.path.join(place.home, f"runner-{hashlib.sha256(b''.join(sources.values())).hexdigest()[:12]}")
    path = os.path.join(folder, JOB_CMD[-1])
    if not os.path.exists(path):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for name, source in sources.items():
            write(os.path.join(folder, name), source)
    return path


def fingerprint(folder: str) -> Print:
    """Names, times and sizes of a code's files: another fingerprint, another code."""
    found: List[Tuple[str, int, int]] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for name in sorted(names):
            try:
                status = os.stat(os.path.join(parent, name))
            except OSError:
                continue
            found.append((os.path.join(parent, name), status.st_mtime_ns, status.st_size))
            if len(found) >= _MAX_FILES:
                return tuple(found)
    return tuple(found)


class _Entry:
    def __init__(self, serve: Serve, print_: Print, now: float) -> None:
        self.serve, self.print, self.looked, self.used = serve, print_, now, now


class Warm:
    """All warm processes of an agent."""

    def __init__(self, place: Place, threads: Threads, environment: Mapping[str, str]) -> None:
        self._place, self._threads, self._environment = place, threads, dict(environment)
        self._runner = runner_file(place)
        self._entries: Dict[Key, _Entry] = {}
        self._retired: List[Serve] = []
        self._turns: Dict[Key, asyncio.Lock] = {}

    def command(self, python: str, code_dir: str, setup: Tuple[str, ...] = ()) -> Command:
        name = hashlib.sha256("\0".join((python, code_dir, *setup)).encode("utf-8", "replace")).hexdigest()[:12]
        return Command(
            python=python, runner=self._runner, code_dir=code_dir, environment=self._environment, folder=self._place.root,
            log=os.path.join(self._place.home, f"serve-{name}.log"), setup=setup,
        )  # fmt: skip

    async def get(self, python: str, code_dir: str, setup: Tuple[str, ...] = ()) -> Serve:
        """A process that has this code's imports done, as the code is now, after the site's `setup` lines. Raises CannotServe or
        ServeGone."""
        key = (python, code_dir, setup)
        async with self._turns.setdefault(key, asyncio.Lock()):
            entry = await self._current(key)
        entry.used = time.monotonic()
        await entry.serve.ready()
        return entry.serve

    async def launch(self, python: str, code_dir: str, directory: str) -> Launched:
        """Start the job cmd of a run directory: by a fork of the warm process, else by a fresh one. Raises CannotServe."""
        try:
            serve = await self.get(python, code_dir)
            return await serve.run(directory)
        except ServeGone as error:
            # if there is a job cmd after all, it has the lock, and the second one leaves again
            log.warning("No warm process for %s (%s); starting a fresh one.", code_dir, error.detail)
            return await run_fresh(self.command(python, code_dir), directory)

    async def _current(self, key: Key) -> _Entry:
        entry, now = self._entries.get(key), time.monotonic()
        if entry is not None and entry.serve.alive and now - entry.looked < LOOK_AGAIN:
            return entry
        print_ = await self._threads.quick(fingerprint, key[1])
        if entry is not None:
            if entry.serve.alive and entry.print == print_:
                entry.looked = now
                return entry
            self._let_go(key)
        if not print_:
            name = os.path.basename(key[1])
            raise CannotServe(
                f"The code's folder {key[1]} is not there: it has been removed, or it is not in the image that containers are made "
                f"of (`simyard image build --code {name}` puts it there)."
            )
        self._make_room()
        entry = self._entries[key] = _Entry(Serve(self.command(*key)), print_, now)
        return entry

    def _let_go(self, key: Key) -> None:
        """It answers no more new questions, and is closed once it has answered the old ones: while it lives, it tells how
        its runs end."""
        serve = self._entries.pop(key).serve
        if serve.busy and serve.alive:
            self._retired.append(serve)
            while len(self._retired) > MAX_RETIRED:
                self._retired.pop(0).retire()
        else:
            serve.retire()

    def _make_room(self) -> None:
        if len(self._entries) < MAX_WARM:
            return
        # idle ones first, then those that were used longest ago
        self._let_go(min(self._entries, key=lambda key: (self._entries[key].serve.busy, self._entries[key].used)))

    def sweep(self, now: Optional[float] = None) -> None:
        """Called now and then: let go what is idle or has changed its mind about living."""
        now = time.monotonic() if now is None else now
        for key, entry in list(self._entries.items()):
            if entry.serve.busy:
                entry.used = now
            elif not entry.serve.alive or now - entry.used >= IDLE:
                self._let_go(key)
        for serve in [serve for serve in self._retired if not serve.busy]:
            self._retired.remove(serve)
            serve.retire()
        for key in [key for key, lock in self._turns.items() if key not in self._entries and not lock.locked()]:
            del self._turns[key]

    def trim_logs(self) -> None:
        """Codes print what they like: a log of theirs that has grown too long starts again. Blocking."""
        for name in os.listdir(self._place.home):
            path = os.path.join(self._place.home, name)
            if name.startswith("serve-") and os.lstat(path).st_size > _MAX_LOG:
                os.truncate(path, 0)

    def pids(self) -> List[int]:
        return [entry.serve.pid for entry in self._entries.values() if entry.serve.alive]

    async def close(self) -> None:
        """Let all go, and wait a moment for them to leave. Runs go on."""
        serves = [entry.serve for entry in self._entries.values()] + self._retired
        self._entries.clear()
        self._retired.clear()
        for serve in serves:
            serve.retire()
        if serves:
            await asyncio.wait([asyncio.ensure_future(serve.gone()) for serve in serves], timeout=1.0)
