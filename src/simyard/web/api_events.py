"""Stop 1, web: GET /events, one stream of server-sent events for each browser."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Response, request

from simyard.codes.shelf import Shelf
from simyard.errors import Busy, InvalidRequest, SimyardError
from simyard.protocol.asking import Change, Changes, Ping, Pong, RunGone
from simyard.protocol.jobs import Run
from simyard.store.notes import NONE, NoteStore
from simyard.web import present
from simyard.web.answers import dump_with
from simyard.web.arriving import arrive
from simyard.web.context import Services, services, user
from simyard.web.fanout import Listener, event
from simyard.web.routes import Routes

routes = Routes("events")

#: A silent stream says a comment as often (seconds): proxies end what is silent, and a browser that has gone is found out.
KEEP_ALIVE = 15.0
MAX_STREAMS = 4000
#: The first listener has the supervisor's stream opened: one that does not come for so long (seconds) is away.
OPENING = 10.0
_PAGE = 200


@routes.get(
    "/events", answers={200: "text/event-stream"}, problems=(422, 429), headers={"Last-Event-ID": "Go on after this change."}
)
def events() -> Response:
    """What changes, as it changes.

    `run` events carry a run as it now is, their id is the change's number. `report` events carry `{figure, run, report}`
    where a first report came along; `gone` says which `run` was deleted. `simulation` carries a simulation as it now is (or
    `{id, gone}`), `note` what was written on a run; `target` names a place to run whose login or partitions have changed; `missed` says that some of these three were not told. `supervisor` says `{connected}` when the supervisor goes away or comes back; `open` opens a
    stream that does not go on from an earlier one, with the number of the last change before it.
    """
    given, known = request.headers.get("Last-Event-ID", ""), services()
    if given and not (given.isascii() and given.isdigit() and len(given) < 16):
        raise InvalidRequest("stale-event-id", "Last-Event-ID is the id of an event of this stream, a number.")
    if known.metrics.streams >= MAX_STREAMS:
        raise Busy("too-many-streams", f"There are {MAX_STREAMS} open event streams; close some pages, or wait a moment.")
    arrive(known, user())
    # where we are is settled before the answer's head: whoever reads a run once the head is there misses nothing after it
    here = None if given else _here(known)
    text = b"" if here is None else event("open", {"change": here}, here)
    response = Response(
        _stream(known, user(), int(given) if given else here, text), content_type="text/event-stream; charset=utf-8"
    )
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _here(known: Services) -> int | None:
    """The number of the last change; None while the supervisor is away: the stream then opens when it is back."""
    try:
        pong: Pong = known.door.ask(Ping())
    except SimyardError:
        return None
    return pong.change


def _stream(known: Services, who: str, position: int | None, first: bytes = b"") -> Iterator[bytes]:
    known.metrics.streams += 1
    try:
        with known.fanout.listen(who) as listener:
            yield b"retry: 1000\n\n"
            yield from _follow(known, listener, position, first)
    finally:
        known.metrics.streams -= 1


def _follow(known: Services, listener: Listener, position: int | None, first: bytes) -> Iterator[bytes]:
    feed, patience = known.fanout, time.monotonic() + OPENING
    while not (feed.connected or feed.away or listener.closing) and (left := patience - time.monotonic()) > 0:
        listener.wait(left)
    if first:
        # not before: what other workers tell from here on is heard, and whoever looks at everything now misses nothing after it
        yield first
    connected = True
    while not listener.closing:
        if known.fanout.connected != connected:
            connected = not connected
            yield event("supervisor", {"connected": connected})
        if (notice := listener.take_notice()) is not None:
            yield notice
        elif listener.behind and connected:
            listener.catch_up()
            try:
                for number, text in _missed(known, listener.user, position):
                    position = number
                    yield text
            except SimyardError:
                listener.fall_behind()
                listener.wait(1.0)
        elif (told := listener.take()) is not None:
            if position is None or told.change > position:
                position = told.change
                yield told.text
        elif listener.took_missed():
            yield event("missed", {})
        elif not listener.wait(KEEP_ALIVE):
            yield b":\n\n"


def _missed(known: Services, who: str, position: int | None) -> Iterator[tuple[int, bytes]]:
    """What changed after `position`, each run as it now is; without a position, where we are."""
    if position is None:
        here = known.door.ask(Ping()).change
        yield here, event("open", {"change": here}, here)
        return
    while True:
        page = known.door.ask(Changes(user=who, after=position, limit=_PAGE))
        notes = known.notes.of_all(who, [run.id for run in page.runs]) if page.runs else {}
        happened: list[Run | RunGone] = sorted([*page.runs, *page.gone], key=lambda one: one.change)
        for one in happened:
            position = one.change
            if isinstance(one, RunGone):
                yield one.change, gone(one)
            else:
                yield one.change, event("run", present.run(one, known.shelf.codes(), notes.get(one.id, NONE)), one.change)
        if not page.cursor:
            return


def gone(one: RunGone) -> bytes:
    """The event of a deletion. It has no id: a browser that asks again for what came after the run before hears it twice."""
    return event("gone", {"run": one.run})


class Show:
    """Makes the events of a change."""

    def __init__(self, shelf: Shelf, notes: NoteStore) -> None:
        self._shelf, self._notes = shelf, notes

    def __call__(self, change: Change | RunGone) -> bytes:
        if isinstance(change, RunGone):
            return gone(change)
        run = change.run
        text = event("run", present.run(run, self._shelf.codes(), self._notes.of(run.user, run.id)), run.change)
        figure = present.figure(change.report)
        if figure != "null":
            # before its run: who sees that a run has ended has its report already
            text = event("report", dump_with({"run": run.id, "report": run.report}, "figure", figure)) + text
        return text
