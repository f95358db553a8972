"""Stop 1, web: one stream of changes from the supervisor for each worker, handed on to every browser of the users it concerns.

A listener that is too slow, or that was not there, is *behind*: it asks for what it missed by the number of the last change
that it has, and goes on from there. So nothing is lost, and no queue needs to be longer than a moment.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gevent
from gevent.event import Event

from simyard.errors import SimyardError
from simyard.protocol.asking import ANSWER, Change, Notice, Ping, RunGone
from simyard.protocol.jobs import Run
from simyard.protocol.wire import MAX_MESSAGE
from simyard.web.answers import dump
from simyard.web.port import Port

log = logging.getLogger("simyard.web")

#: What a listener may have waiting, before it is behind: changes, and bytes.
MAX_WAITING = 256
MAX_BYTES = 4 << 20
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0
#: The stream is kept for so long after the last listener has gone (seconds): a page that is reloaded finds it there.
_LINGER = 30.0


@dataclass(frozen=True, kw_only=True)
class Told:
    """One change, as the bytes of its events; every listener of the user gets the same ones."""

    change: int
    text: bytes


class Listener:
    """One browser's queue. `behind` says that it must ask for what it missed. Notices are apart from that: they have no number by
    which they could be asked for, and come also while the supervisor is away."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.behind = True
        self.closing = False
        self._waiting: deque[Told] = deque()
        self._bytes = 0
        self._notices: deque[bytes] = deque()
        self._notice_bytes = 0
        self._missed = False
        self._wake = Event()

    def put_notice(self, text: bytes) -> None:
        if len(self._notices) >= MAX_WAITING or self._notice_bytes + len(text) > MAX_BYTES:
            self.miss()
            return
        self._notices.append(text)
        self._notice_bytes += len(text)
        self._wake.set()

    def take_notice(self) -> bytes | None:
        """The next notice; None where there is none."""
        if not self._notices:
            return None
        text = self._notices.popleft()
        self._notice_bytes -= len(text)
        return text

    def miss(self) -> None:
        """Notices were not told to it, or may not have been."""
        self._missed = True
        self._notices.clear()
        self._notice_bytes = 0
        self._wake.set()

    def took_missed(self) -> bool:
        """Whether some were missed since this was asked last."""
        missed, self._missed = self._missed, False
        return missed

    def put(self, told: Told) -> None:
        if self.behind:
            return  # it will ask for this one as well
        if len(self._waiting) >= MAX_WAITING or self._bytes + len(told.text) > MAX_BYTES:
            self.fall_behind()
            return
        self._waiting.append(told)
        self._bytes += len(told.text)
        self._wake.set()

    def fall_behind(self) -> None:
        self.behind = True
        self._waiting.clear()
        self._bytes = 0
        self._wake.set()

    def close(self) -> None:
        self.closing = True
        self._wake.set()

    def catch_up(self) -> None:
        """Everything from here on is queued; what was before is asked for."""
        self.behind = False

    def wake(self) -> None:
        self._wake.set()

    def wait(self, seconds: float) -> bool:
        """Until there may be something to do; False where the time has passed."""
        woken: bool = self._wake.wait(seconds)
        self._wake.clear()
        return woken

    def take(self) -> Told | None:
        """The next change; None where there is none."""
        if not self._waiting:
            return None
        told = self._waiting.popleft()
        self._bytes -= len(told.text)
        return told


class Fanout:
    """All listeners of this worker, and the one stream that feeds them. `show` makes the events of a change; `on_notice` hears
    what another worker has to tell; `alone`: there is none."""

    def __init__(self, door: Port, show: Callable[[Change | RunGone], bytes], *, alone: bool = True) -> None:
        self._alone = alone
        self.on_notice: Callable[[Notice], None] = lambda _: None
        self._door = door
        self._show = show
        self._listeners: dict[str, set[Listener]] = {}
        self._last: int | None = None
        self._feeding = False
        self._arrived = Event()
        #: Whether the stream is there; and whether it is known not to be: neither, while it is being opened.
        self.connected, self.away = False, False

    @contextmanager
    def listen(self, user: str) -> Iterator[Listener]:
        """A listener of this user's changes, for as long as the block lasts."""
        listener = Listener(user)
        self._listeners.setdefault(user, set()).add(listener)
        self._arrived.set()
        if not self._feeding:
            self._feeding = True
            gevent.spawn(self._feed)
        try:
            yield listener
        finally:
            mine = self._listeners[user]
            mine.discard(listener)
            if not mine:
                del self._listeners[user]

    def has_listeners(self, user: str) -> bool:
        return user in self._listeners

    def tell(self, user: str, text: bytes) -> None:
        """Events that have no number, to every listener of the user."""
        for listener in self._listeners.get(user, ()):
            listener.put_notice(text)

    def close(self) -> None:
        """End every stream: web is about to stop."""
        for listener in self._everybody():
            listener.close()

    def _everybody(self) -> list[Listener]:
        return [listener for some in self._listeners.values() for listener in some]

    def _feed(self) -> None:
        pause = _FIRST_PAUSE
        try:
            while self._is_wanted():
                away = False
                try:
                    self._follow()
                    pause = _FIRST_PAUSE
                except SimyardError as error:
                    away = True
                    if self.connected:
                        log.info("the stream of changes broke off: %s", error.detail)
                        pause = _FIRST_PAUSE
                self._set_connected(connected=False, away=away)
                gevent.sleep(pause * (0.5 + random.random()))  # noqa: S311 - it need not be unpredictable
                pause = min(pause * 2, _LAST_PAUSE)
        finally:
            self._feeding = False
            self._last = None
            self._set_connected(connected=False)

    def _is_wanted(self) -> bool:
        if not self._listeners:
            self._arrived.clear()
            self._arrived.wait(_LINGER)  # whoever comes meanwhile is not kept waiting
        return bool(self._listeners)

    def _follow(self) -> None:
        """Hand on what changes until the stream ends; raises SimyardError when it breaks."""
        fresh = self._last is None
        if self._last is None:
            self._last = self._door.ask(Ping()).change
        with self._door.changes(self._last) as stream:
            if fresh:
                for listener in self._everybody():
                    listener.fall_behind()  # what changed before the stream began is not in it
            if not self._alone and (self.away or not fresh):
                for listener in self._everybody():
                    listener.miss()  # what other workers told while there was no stream
            self._set_connected(connected=True)
            for line in _lines(stream):
                if line:
                    self._hand_on(ANSWER.decode(line))
                elif not self._listeners:
                    return

    def _hand_on(self, change: Change | RunGone | Notice) -> None:
        if isinstance(change, Notice):
            self.on_notice(change)
            return
        about: Run | RunGone = change.run if isinstance(change, Change) else change
        self._last = max(self._last or 0, about.change)
        mine = self._listeners.get(about.user)
        if mine:
            try:
                text = self._show(change)
            except Exception:
                # the wall of a change: one that cannot be shown must not end the stream of everybody
                log.exception("change %d cannot be shown", about.change)
                return
            told = Told(change=about.change, text=text)
            for listener in mine:
                listener.put(told)

    def _set_connected(self, *, connected: bool, away: bool = False) -> None:
        if (self.connected, self.away) != (connected, away):
            self.connected, self.away = connected, away
            for listener in self._everybody():
                listener.wake()


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream, of which none may be longer than a message."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > MAX_MESSAGE:
            raise SimyardError("malformed", "The supervisor sent a line without an end.")


def event(name: str, data: object, number: int | None = None) -> bytes:
    """One event of a text/event-stream, of JSON that may be bytes already; with `number`, from which a browser that was cut off
    goes on."""
    head = f"event: {name}\n" if number is None else f"event: {name}\nid: {number}\n"
    return head.encode() + b"data: " + (data if isinstance(data, bytes) else dump(data)) + b"\n\n"
