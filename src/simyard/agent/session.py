"""The connection to the supervisor: made, kept, made again; what comes over it goes to the agent's handlers, one by one."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Callable, Optional, Protocol

from tornado.httpclient import HTTPError
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketError

from simyard.agent.dialing import dial
from simyard.agent.link import Link, LinkDown
from simyard.errors import ProtocolError
from simyard.protocol.agents import TO_AGENT, Hello, Welcome
from simyard.protocol.launch import AgentSpec

log = logging.getLogger(__name__)
#: The first and the longest wait before the next try (seconds); each is drawn between half of it and one and a half.
FIRST_WAIT, LAST_WAIT = 0.05, 2.0
#: A supervisor that has let the agent in answers its Hello by then (seconds).
WELCOME_LIMIT = 15.0


class Listener(Protocol):
    """What a session needs of the agent."""

    def hello(self) -> Hello: ...

    def connected(self, link: Link) -> None: ...

    def heard(self, link: Link, message: object) -> None:
        """One message, or a binary frame; the first is a Welcome. Raises ProtocolError for what cannot be obeyed."""

    async def disconnected(self, link: Link) -> None: ...

    def idle(self) -> bool:
        """Whether nobody would miss this agent."""


class Waits:
    """How long to wait before each next try: doubled, up to LAST_WAIT, and never the same for two agents."""

    def __init__(self, randomness: Callable[[], float]) -> None:
        self._randomness = randomness
        self._next = FIRST_WAIT

    def reset(self) -> None:
        self._next = FIRST_WAIT

    def next(self) -> float:
        """Seconds. `randomness` answers with numbers between 0 and 1."""
        wait, self._next = self._next, min(LAST_WAIT, self._next * 2)
        return wait * (0.5 + self._randomness())


async def stay_connected(spec: AgentSpec, listener: Listener, randomness: Callable[[], float]) -> None:
    """Be connected, whenever that is possible. Returns when there has been neither a supervisor nor a run for the spec's
    grace."""
    waits = Waits(randomness)
    last_heard = time.monotonic()
    quiet = False
    while True:
        why = await _once(spec, listener)
        if why is None:
            waits.reset()
            last_heard, quiet = time.monotonic(), False
        elif not quiet:
            quiet = True  # said once, not every two seconds for a week
            log.warning("No supervisor: %s", why)
        if not listener.idle():
            last_heard = time.monotonic()
        if time.monotonic() - last_heard > spec.grace_without_supervisor:
            log.info("No supervisor and no run for %.0f s: leaving.", spec.grace_without_supervisor)
            return
        await asyncio.sleep(waits.next())


async def _once(spec: AgentSpec, listener: Listener) -> Optional[str]:
    """One connection, to its end. None, if it got as far as a Welcome, else why not."""
    try:
        connection = await dial(spec)
    except (OSError, HTTPError, WebSocketError, StreamClosedError, asyncio.TimeoutError, ValueError) as error:
        return f"{type(error).__name__}: {error}"[:200]
    link = Link(connection)
    try:
        return await _converse(connection, link, listener)
    finally:
        link.down = True
        connection.close()
        await listener.disconnected(link)


async def _converse(connection: WebSocketClientConnection, link: Link, listener: Listener) -> Optional[str]:
    welcomed = False
    try:
        await link.say(listener.hello())
        first = await asyncio.wait_for(_first(connection), WELCOME_LIMIT)
        welcomed = True
        log.info("Connected.")
        listener.connected(link)
        listener.heard(link, first)
        while True:
            listener.heard(link, await _next(connection))
    except ProtocolError as error:
        log.error("The supervisor is not understood: %s Connecting anew.", error.detail)  # noqa: TRY400 - the sentence says it all
        return error.detail
    except LinkDown:
        log.info("The connection has ended (%s).", connection.close_reason or connection.close_code or "no reason given")
        return None if welcomed else "It closed the connection."
    except asyncio.TimeoutError:
        return f"It did not answer within {WELCOME_LIMIT:.0f} s."
    except Exception:
        # the wall of a connection: a fault in obeying one message must not end the agent
        log.exception("What the supervisor said could not be obeyed; connecting anew.")
        return "What it said could not be obeyed."


async def _first(connection: WebSocketClientConnection) -> Welcome:
    first = await _next(connection)
    if not isinstance(first, Welcome):
        raise ProtocolError("malformed", "The first message was not a Welcome.")
    return first


async def _next(connection: WebSocketClientConnection) -> object:
    data = await connection.read_message()
    if data is None:
        raise LinkDown
    return data if isinstance(data, bytes) else TO_AGENT.understand(data)
