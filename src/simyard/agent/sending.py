"""Files of runs on request: one of them, from anywhere on and as it grows, or the list of all."""

from __future__ import annotations

import asyncio
import os
from typing import Awaitable, Callable

from simyard.agent import files
from simyard.agent.place import Place
from simyard.agent.threads import Threads
from simyard.agent.transfers import Transfer
from simyard.errors import NotFound
from simyard.protocol import rundir
from simyard.protocol.agents import ListFiles, SendFile


class Sending:
    """`is_over` says whether nothing of a run will change any more; `gone` is said where there is no directory of it."""

    def __init__(self, place: Place, threads: Threads, is_over: Callable[[str], Awaitable[bool]], gone: str) -> None:
        self._place, self._threads, self._is_over, self._gone = place, threads, is_over, gone

    async def listed(self, ask: ListFiles, transfer: Transfer) -> None:
        """Raises SimyardError."""
        directory = await self._directory(ask.run)
        await transfer.send_bytes(await self._threads.bulk(files.list_files, directory), "application/json")

    async def file(self, ask: SendFile, transfer: Transfer) -> None:
        """Raises SimyardError."""
        directory = await self._directory(ask.run)
        offset = max(0, ask.offset)
        try:
            descriptor = await self._threads.bulk(files.open_file, directory, ask.path)
        except NotFound:
            if not ask.follow or ask.path != rundir.LOG or await self._is_over(ask.run):
                raise
            descriptor = await self._awaited(directory, ask)
        try:
            if ask.follow:
                await transfer.follow_file(descriptor, offset, files.media_type(ask.path), lambda: self._is_over(ask.run))
            else:
                await transfer.send_file(descriptor, offset, ask.length, files.media_type(ask.path))
        finally:
            os.close(descriptor)

    async def _awaited(self, directory: str, ask: SendFile) -> int:
        """The log of a run that has just been started is followed before it is there."""
        path = os.path.join(directory, rundir.LOG)
        while not await self._is_over(ask.run) and not await self._threads.bulk(os.path.lexists, path):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.1)
        return await self._threads.bulk(files.open_file, directory, ask.path)

    async def _directory(self, run: str) -> str:
        directory = self._place.run_dir(run)
        if not await self._threads.bulk(os.path.isdir, directory):
            raise NotFound("no-such-run", self._gone)
        return directory
