"""The input of a model as its code would get it: made by the warm process in a folder of its own, told, and gone again."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from dataclasses import replace
from typing import Set

from simyard.agent import files, preparing
from simyard.agent.children import CannotServe, ServeGone
from simyard.agent.place import Place
from simyard.agent.providing import Providing
from simyard.agent.threads import Threads
from simyard.agent.transfers import Transfer
from simyard.agent.warm import Warm
from simyard.errors import Conflict, InvalidRequest, Unavailable
from simyard.protocol.agents import MakeInput

log = logging.getLogger(__name__)
#: What the code's side may tell of an input (bytes); job_cmd/runner.py keeps within it.
MAX_INPUT = 4 << 20
#: No run has this id: it is what code.py sees as `run.id`.
NO_RUN = "0" * 26


class Inputs:
    """Makes inputs, each in a folder below `place.scratch`, which holds nothing else."""

    def __init__(self, place: Place, threads: Threads, warm: Warm, providing: Providing) -> None:
        self._place, self._threads, self._warm, self._providing = place, threads, warm, providing
        self._numbers = itertools.count(1)
        self._making: Set[str] = set()

    async def send(self, ask: MakeInput, transfer: Transfer) -> None:
        """Make it and send it as JSON. Raises SimyardError."""
        ask = replace(ask, spec=self._providing.resolved(replace(ask.spec, run=NO_RUN)))
        await self._providing.provide(ask.spec)
        try:
            data = await self._made_at_last(ask)
        except CannotServe as error:
            raise InvalidRequest(error.code, error.detail) from None
        except ServeGone as error:
            raise Unavailable("input-failed", f"The code's process is gone: {error.detail} Try again.") from None
        await transfer.send_bytes(data, "application/json")

    async def _made_at_last(self, ask: MakeInput) -> bytes:
        try:
            return await self._made(ask)
        except ServeGone:
            # it died of something else meanwhile, or was let go: once more, with a new one
            return await self._made(ask)

    async def _made(self, ask: MakeInput) -> bytes:
        name = f"{os.getpid()}-{next(self._numbers)}"
        folder = os.path.join(self._place.scratch, name)
        self._making.add(name)
        try:
            await self._threads.bulk(preparing.prepare_scratch, self._place, ask.spec, folder)
            marker = preparing.marker_of(ask.spec, 0)
            serve = await self._warm.get(marker.python, marker.code_dir, marker.setup)
            path = await serve.input(folder, ask.seconds, ask.memory)
            return await self._threads.bulk(_read, folder, path)
        finally:
            self._making.discard(name)
            await self._threads.bulk(_remove, folder)

    def sweep(self) -> None:
        """Remove what was left of inputs that nobody waits for any more. Blocking."""
        try:
            left = set(os.listdir(self._place.scratch)) - self._making
        except FileNotFoundError:
            return
        for name in left:
            _remove(os.path.join(self._place.scratch, name))


def _read(folder: str, path: str) -> bytes:
    descriptor = files.open_file(folder, path)
    try:
        size = files.size_of(descriptor)
        if size > MAX_INPUT:
            raise Conflict("input-failed", f"What the code would be given fills {size} bytes: too much to be shown.")
        return os.pread(descriptor, size, 0)
    finally:
        os.close(descriptor)


def _remove(folder: str) -> None:
    # what a code left there may be without permissions, or still be written: the next sweep has another go
    shutil.rmtree(folder, ignore_errors=True)
