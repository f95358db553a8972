"""What a run needs and this place may not have: its input files, and its code's folder. Only a cluster's agent fetches; everywhere else
both are there."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import time
from typing import Awaitable, Callable, Dict, List, Optional, Sequence, Tuple

from simyard.agent import preparing, tidying
from simyard.agent.fetching import Fetching
from simyard.agent.place import Place
from simyard.agent.preparing import CannotPrepare, full
from simyard.agent.threads import Threads
from simyard.agent.unpacking import unpack
from simyard.errors import ProtocolError, is_out_of_space
from simyard.protocol.jobs import RunSpec

log = logging.getLogger(__name__)
#: How far it is is told this often (seconds), and not at all of what comes at once.
TELL = 2.0

#: Told how far it is, in words.
Told = Callable[[str], Awaitable[None]]


class Providing:
    """`is_cluster` says whether anything is ever fetched here."""

    def __init__(self, place: Place, threads: Threads, *, is_cluster: bool) -> None:
        self.is_cluster = is_cluster
        self.fetching = Fetching(place, threads, self._make_room)
        #: Called where a run's environment turns out not to be there.
        self.on_gone: Optional[Callable[[], Awaitable[None]]] = None
        self._place, self._threads = place, threads
        self._turns: Dict[str, asyncio.Lock] = {}

    def resolved(self, spec: RunSpec) -> RunSpec:
        """The spec with this place's own paths of code and interpreter; one that cannot be stays as it is, and cannot be prepared."""
        if not self.is_cluster:
            return spec
        try:
            return dataclasses.replace(spec, code_dir=self._place.code_dir(spec.code_dir), python=self._place.python(spec.python))
        except ProtocolError as error:
            log.warning("Run %s: %s", spec.run, error.detail)
            return spec

    async def provide(self, spec: RunSpec, told: Optional[Told] = None) -> None:
        """Have there what this (resolved) spec needs. Raises CannotPrepare."""
        if not self.is_cluster:
            return
        if not os.path.isabs(spec.code_dir):
            raise CannotPrepare("bad-spec", "What it says of its code's folder cannot be.")
        made = os.path.join(self._place.root, "envs", "")
        if spec.python.startswith(made) and not await self._threads.bulk(os.path.exists, spec.python):
            words = f"Its environment is not there any more. Run `simyard code install {spec.code} --target {self._place.target}`, then run it again."
            if self.on_gone is not None:
                await self.on_gone()
            raise CannotPrepare("code-not-installed", words)
        try:
            await self._all(spec, told)
        except ProtocolError as error:
            raise CannotPrepare("bad-spec", error.detail) from None
        except OSError as error:
            raise _why(self._place, error) from None

    async def wanted(self, spec: RunSpec, told: Told, unwanted: asyncio.Event) -> bool:
        """As `provide`; False as soon as the run is `unwanted`, for which nothing more is fetched."""
        if not self.is_cluster:
            return True
        providing, stop = asyncio.ensure_future(self.provide(spec, told)), asyncio.ensure_future(unwanted.wait())
        try:
            await asyncio.wait([providing, stop], return_when=asyncio.FIRST_COMPLETED)
            if providing.done():
                providing.result()
            return not unwanted.is_set()
        finally:
            for task in (providing, stop):
                task.cancel()
            await asyncio.gather(providing, stop, return_exceptions=True)

    async def code(self, code_dir: str, archive: str) -> None:
        """Have the folder of a code there, where it is known what it is made from. Raises CannotPrepare."""
        if not (self.is_cluster and archive) or os.path.dirname(code_dir) != self._place.codes:
            return
        try:
            await self._coded(code_dir, archive)
        except ProtocolError as error:
            raise CannotPrepare("bad-spec", error.detail) from None
        except OSError as error:
            raise _why(self._place, error) from None

    async def prepare(self, spec: RunSpec, epoch: int, cpus: Sequence[int], told: Told, script: str = "") -> bool:
        """As preparing.prepare; a content that turns out to be damaged, or has gone, comes once more where it can."""
        run_in = self._threads.bulk if spec.files else self._threads.quick
        try:
            return await run_in(preparing.prepare, self._place, spec, epoch, cpus, script)
        except CannotPrepare as error:
            sha = error.more.get("sha")
            if not self.is_cluster or not isinstance(sha, str):
                raise
            await self._threads.bulk(_remove, self._place.blob(sha))
            await self.provide(spec, told)
            return await run_in(preparing.prepare, self._place, spec, epoch, cpus, script)

    async def close(self) -> None:
        await self.fetching.close()

    # ── the parts of it ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _coded(self, code_dir: str, archive: str) -> None:
        async with self._turns.setdefault(code_dir, asyncio.Lock()):
            if await self._threads.bulk(_is_there, code_dir):
                return
            try:
                await self.fetching.get(archive)
            except CannotPrepare as error:
                if error.code != "missing-file":
                    raise
                raise CannotPrepare("cannot-prepare", "Its code is no longer stored as it was. Run it again.") from None
            blob = self._place.blob(archive)
            await self._threads.bulk(unpack, blob, code_dir, self._place.target)
            await self._threads.bulk(_remove, blob)

    async def _all(self, spec: RunSpec, told: Optional[Told]) -> None:
        """Its code and its files, side by side."""
        blobs = {sha: self._place.blob(sha) for sha in spec.files.values()}
        missing = await self._threads.bulk(_missing, blobs)
        tasks = {sha: asyncio.ensure_future(self.fetching.get(sha)) for sha in missing}
        code = asyncio.ensure_future(self.code(spec.code_dir, spec.archive))
        known: Dict[str, Tuple[int, int]] = {}
        words, pending = "", {code, *tasks.values()}
        try:
            while pending:
                _, pending = await asyncio.wait(pending, timeout=TELL, return_when=asyncio.FIRST_EXCEPTION)
                _reraise(code, "", spec)
                for sha, task in tasks.items():
                    _reraise(task, sha, spec)
                    known[sha] = self.fetching.progress(sha) or known.get(sha, (0, -1))
                now = _words([task.done() for task in tasks.values()], list(known.values())) if pending else ""
                if told is not None and now not in {words, ""}:
                    words = now
                    await told(words)
        finally:
            for task in (code, *tasks.values()):
                task.cancel()
            await asyncio.gather(code, *tasks.values(), return_exceptions=True)

    async def _make_room(self) -> bool:
        return await self._threads.bulk(tidying.unused, self._place, tidying.UNUSED_WHEN_FULL) > 0


def _reraise(task: asyncio.Future[None], sha: str, spec: RunSpec) -> None:
    """Raise what it has failed with, if it has; of a content that is gone, by its name."""
    try:
        if task.done():
            task.result()
    except CannotPrepare as error:
        if error.code != "missing-file":
            raise
        name = next(name for name, its in spec.files.items() if its == sha)
        detail = f"The content of {name} is no longer stored. Upload it again, then run it again."
        raise CannotPrepare("missing-file", detail) from None


def _words(done: List[bool], known: List[Tuple[int, int]]) -> str:
    """How far it is, from what is here of each file and how large it is (-1: not known yet)."""
    if not done:
        return "fetching its code"
    # one that is done has no more to tell than it told last
    got = sum(size if is_done and size >= 0 else some for is_done, (some, size) in zip(done, known))
    if all(size >= 0 for _, size in known):
        return f"fetching its input files: {_amount(got)} of {_amount(sum(size for _, size in known))}"
    return f"fetching its input files: {sum(done)} of {len(done)} are here, {_amount(got)} so far"


def _why(place: Place, error: OSError) -> CannotPrepare:
    if is_out_of_space(error):
        return CannotPrepare("disk-full", full(place.root))
    return CannotPrepare("cannot-prepare", f"What it needs could not be put there: {error.strerror or error}.")


def _amount(size: int) -> str:
    for unit, each in (("GB", 10**9), ("MB", 10**6)):
        if size >= each:
            return f"{size / each:.1f} {unit}"
    return f"{size / 1000:.0f} kB"


# ── blocking ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_there(path: str) -> bool:
    try:
        # once in a while is enough: what goes has not been used for days
        if time.time() - os.stat(path).st_mtime > 60.0:
            tidying.touch(path)
    except OSError:
        return False
    return True


def _missing(blobs: Dict[str, str]) -> List[str]:
    return [sha for sha, path in sorted(blobs.items()) if not _is_there(path)]


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
