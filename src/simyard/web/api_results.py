"""Stop 1, web: what a run leaves: its log, its files, all of them as one zip, and its reports."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response
from werkzeug.utils import secure_filename

from simyard.clock import to_iso
from simyard.errors import NotFound, TooLarge, Unavailable
from simyard.protocol.asking import Frame, Report, RunFile, RunFiles, RunLog
from simyard.web import bodies
from simyard.web.answers import answer
from simyard.web.api_runs import check_run
from simyard.web.context import services, user
from simyard.web.port import Port, Stream
from simyard.web.routes import Routes
from simyard.web.streams import browser, hand_on, opened, ranged, watched

if TYPE_CHECKING:
    from zipstream import ZipStream

log = logging.getLogger("simyard.web")
routes = Routes("results")

_REPORT = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"
_RANGE = {"Range": "The bytes that you want, such as `bytes=0-1023`."}
#: A log that is followed is silent for as long as its code is (seconds).
_FOLLOW_PATIENCE = 30 * 86400.0
#: The list of a run's files is JSON that is held in memory (bytes).
_MAX_LISTING = 32 << 20


@routes.get("/runs/<run>/log", answers={200: "text/plain", 206: "text/plain"}, problems=(404, 416, 503), headers=_RANGE)
def run_log(run: str, query: bodies.LogQuery) -> Response:
    """What the code printed. With `follow`, a stream that goes on as it grows, until the run has ended."""
    door, who = services().door, user()
    check_run(run)
    headers = {"Content-Type": _TEXT, "X-Accel-Buffering": "no"}
    if query.follow:
        question = RunLog(user=who, run=run, offset=query.offset, follow=True)
        return hand_on(opened(door, question, patience=_FOLLOW_PATIENCE), headers=headers)
    if query.offset:
        return hand_on(opened(door, RunLog(user=who, run=run, offset=query.offset)), headers=headers)
    return ranged(lambda offset, length: opened(door, RunLog(user=who, run=run, offset=offset, length=length)), headers)


@routes.get("/runs/<run>/files", answers={200: "RunFileList"}, problems=(404, 503))
def run_file_list(run: str) -> Response:
    """The files of the run's folder, sorted by path: `path`, `size` in bytes, and `modified`."""
    return answer({"items": _listing(services().door, user(), check_run(run)), "cursor": ""})


@routes.get("/runs/<run>/files/<path:path>", answers={200: _BYTES, 206: _BYTES}, problems=(404, 416, 503), headers=_RANGE)
def run_file(run: str, path: str) -> Response:
    """Download a file of the run's folder."""
    door, who = services().door, user()
    check_run(run)
    _check_path(path)
    name = path.rpartition("/")[2]
    headers = {"Content-Type": _BYTES, "Content-Disposition": _attachment(name)}
    return ranged(
        lambda offset, length: opened(door, RunFile(user=who, run=run, path=path, offset=offset, length=length)), headers
    )


@routes.get("/runs/<run>/bundle", answers={200: "application/zip"}, problems=(404, 503))
def run_bundle(run: str) -> Response:
    """All files of the run's folder as one zip, made while it is sent."""
    door, who = services().door, user()
    listing = _listing(door, who, check_run(run))
    headers = {"Content-Disposition": _attachment(f"{run}.zip")}
    parts = _bundle(door, who, run, listing, browser())
    return Response(parts, content_type="application/zip", headers=headers, direct_passthrough=True)


@routes.get("/runs/<run>/reports/<report>", answers={200: "Figure"}, problems=(404, 409, 503))
def run_report(run: str, report: str, query: bodies.ReportQuery) -> Response:
    """A report as a Plotly figure; `frame` is which picture of one that has many."""
    check_run(run)
    if not _REPORT.match(report):
        raise NotFound("unknown-report", f"There is no report called {report[:60]!r}.")
    who = user()
    question: Any = Report(user=who, run=run, report=report)
    if query.frame >= 0:
        question = Frame(user=who, run=run, report=report, frame=query.frame)
    # made while the browser waits: if it goes away meanwhile, nobody needs it any more
    return hand_on(opened(services().door, question), headers={"Content-Type": "application/json"})


def _listing(door: Port, who: str, run: str) -> list[dict[str, Any]]:
    data = bytearray()
    with opened(door, RunFiles(user=who, run=run)) as stream:
        for chunk in stream:
            data += chunk
            if len(data) > _MAX_LISTING:
                raise TooLarge("too-many-files", "The run has too many files to list; look at them where it ran.")
    try:
        found = json.loads(data)
    except ValueError:
        raise Unavailable("malformed-listing", "The list of files came damaged. Try again.") from None
    return [_shown(one) for one in found if isinstance(one, dict) and isinstance(one.get("path"), str)]


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    modified = one.get("modified")
    is_time = isinstance(modified, int | float) and 0 <= modified < 1e11
    return {
        "path": one["path"],
        "size": one.get("size", 0),
        "modified": to_iso(modified) if is_time and modified is not None else None,
    }


def _bundle(door: Port, who: str, run: str, listing: list[dict[str, Any]], client: socket.socket | None) -> Iterator[bytes]:
    from zipstream import ZIP_DEFLATED, ZipStream

    bundle: ZipStream = ZipStream(compress_type=ZIP_DEFLATED, compress_level=1)
    for one in listing:
        bundle.add(_content(door, RunFile(user=who, run=run, path=one["path"])), arcname=f"{run}/{one['path']}")
    yield b""  # as of every stream, the head goes out first: what breaks off later breaks the connection off
    with watched(client):
        yield from bundle


def _content(door: Port, question: RunFile) -> Iterator[bytes]:
    """One file's bytes, asked for when its turn comes. A file that has gone since it was listed is an empty one with a note."""
    try:
        stream: Stream = door.open(question)
    except NotFound:
        log.info("%s of run %s has gone since it was listed", ascii(question.path), question.run)
        return
    with stream:
        yield from stream


def _check_path(path: str) -> None:
    # what the agent lists, and no more: a name may hold any letter of any script, but nothing that ends a line
    is_text = all(ord(letter) >= 32 and ord(letter) != 127 for letter in path)
    if not is_text or any(part in {"", ".", ".."} for part in path.split("/")) or len(path) > 4096:
        raise NotFound("unknown-file", "The run has no such file.")


def _attachment(name: str) -> str:
    """A Content-Disposition that is always a download; the name as it is for browsers that know RFC 6266, plain for others."""
    plain = secure_filename(name) or "file"
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'
