"""Where the agent touches files: in threads, so that a slow disk stalls neither its loop nor, by a transfer, a run."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, Callable, TypeVar

T = TypeVar("T")
#: Threads of each pool.
SIZE = 4


class Threads:
    """Two small pools: `quick` for looking after runs, `bulk` for the bytes of transfers and input files."""

    def __init__(self) -> None:
        self._quick, self._bulk = _full("quick"), _full("bulk")

    async def quick(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._quick, function, *arguments)

    async def bulk(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._bulk, function, *arguments)

    def close(self) -> None:
        self._quick.shutdown(wait=False)
        self._bulk.shutdown(wait=False)


def _full(name: str) -> ThreadPoolExecutor:
    """A pool whose threads are all there already: where a code has used up the processes of its user there would be no more of them."""
    pool, gate = ThreadPoolExecutor(SIZE, name), Event()
    for _ in range(SIZE):
        pool.submit(gate.wait)
    gate.set()
    return pool
