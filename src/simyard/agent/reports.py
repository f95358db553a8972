"""Reports on request: a file that is there already, or the warm process makes it."""

from __future__ import annotations

import os

from simyard.agent import files
from simyard.agent.children import CannotServe, ServeGone
from simyard.agent.place import Marker, Place
from simyard.agent.providing import Providing
from simyard.agent.pushing import is_report_name
from simyard.agent.shelf import Shelf, used
from simyard.agent.threads import Threads
from simyard.agent.transfers import Transfer
from simyard.agent.warm import Warm
from simyard.errors import InvalidRequest, NotFound, Unavailable
from simyard.protocol import rundir
from simyard.protocol.agents import MakeReport

_JSON = "application/json"
_MAX_FRAME = 10**9


async def send_report(
    place: Place,
    threads: Threads,
    warm: Warm,
    providing: Providing,
    shelf: Shelf,
    ask: MakeReport,
    transfer: Transfer,
    *,
    final: bool,
    gone: str,
) -> None:
    """Send a report's JSON, made if need be. `final`: the run is over, so that a report that was made of it stays true; a
    frame stays true in any case. `gone` is said where there is no directory of the run any more. Raises SimyardError."""
    directory = place.run_dir(ask.run)
    if not is_report_name(ask.report) or not -1 <= ask.frame <= _MAX_FRAME:
        raise InvalidRequest("bad-report", "There can be no report of that name.")
    path = rundir.report_name(ask.report, ask.frame)
    descriptor = await threads.bulk(_try_open, directory, path) if final or ask.frame >= 0 else -1
    was_there = descriptor >= 0
    if not was_there:
        path = await _made(place, threads, warm, providing, ask, directory, gone)
        descriptor = await threads.bulk(files.open_file, directory, path)
    try:
        if ask.frame >= 0 and was_there:
            await threads.bulk(used, descriptor)
        elif ask.frame >= 0:
            await threads.bulk(shelf.made, directory, files.size_of(descriptor))
        await transfer.send_file(descriptor, 0, -1, _JSON)
    finally:
        os.close(descriptor)


def _try_open(directory: str, path: str) -> int:
    try:
        return files.open_file(directory, path)
    except NotFound:
        return -1


async def _made(
    place: Place, threads: Threads, warm: Warm, providing: Providing, ask: MakeReport, directory: str, gone: str
) -> str:
    marker = await threads.bulk(place.marker_of, ask.run)
    if marker is None:
        raise NotFound("no-such-run", gone)
    if not marker.code_dir:
        raise NotFound("no-report", "The run never began, so there is nothing to show.")
    try:
        await providing.code(marker.code_dir, marker.archive)
        return await _ask(warm, ask, marker, directory)
    except ServeGone:
        # it died of something else meanwhile, or was let go: once more, with a new one
        try:
            return await _ask(warm, ask, marker, directory)
        except ServeGone as error:
            raise Unavailable("report-failed", f"The code's process is gone: {error.detail} Try again.") from None
    except CannotServe as error:
        raise InvalidRequest(error.code, error.detail) from None


async def _ask(warm: Warm, ask: MakeReport, marker: Marker, directory: str) -> str:
    serve = await warm.get(marker.python, marker.code_dir, marker.setup)
    return await serve.report(directory, ask.report, ask.frame, ask.seconds, ask.memory)
