"""The first report of a quick run goes along with its final event: no second round trip, if it is small."""

from __future__ import annotations

import itertools
import os
import re
from typing import Optional

from simyard.agent import files
from simyard.agent.link import Link
from simyard.agent.threads import Threads
from simyard.errors import SimyardError
from simyard.protocol import rundir
from simyard.protocol.agents import MAX_PUSHED_REPORT, Event, ReportPushed
from simyard.protocol.jobs import State
from simyard.protocol.wire import MAX_CHUNK

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\Z")
#: Numbers of what nobody asked for.
_numbers = itertools.count(1 << 63)


def is_report_name(name: object) -> bool:
    """Whether it may become part of a path."""
    return isinstance(name, str) and _NAME.match(name) is not None


async def push_report(link: Link, threads: Threads, directory: str, run: str, epoch: int, final: Event) -> None:
    """Push the report that a final event names, if it is there and small enough. Raises LinkDown."""
    report = final.data.get("report")
    if final.data.get("state") != State.COMPLETED.value or not isinstance(report, str) or not is_report_name(report):
        return
    data = await threads.quick(_read, directory, rundir.report_name(report, -1))
    if data is None:
        return
    op = next(_numbers)
    await link.say(ReportPushed(op=op, run=run, epoch=epoch, report=report, size=len(data)))
    for start in range(0, len(data), MAX_CHUNK):
        await link.chunk(op, data[start : start + MAX_CHUNK])


def _read(directory: str, path: str) -> Optional[bytes]:
    try:
        descriptor = files.open_file(directory, path)
    except SimyardError:
        return None
    try:
        size = files.size_of(descriptor)
        data = os.pread(descriptor, size, 0) if 0 < size <= MAX_PUSHED_REPORT else b""
        return data if data and len(data) == size else None
    finally:
        os.close(descriptor)
