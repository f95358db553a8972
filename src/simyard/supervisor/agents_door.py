"""The agents' door: a websocket that an agent dials, and everything that it may say checked before the brain hears of it."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamBufferFullError, StreamClosedError
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from simyard.errors import ProtocolError
from simyard.protocol import agents as talk
from simyard.protocol.wire import MAX_MESSAGE, Unknown, unpack
from simyard.supervisor import clusters, reactor, views
from simyard.supervisor.handing_out import HandingOut
from simyard.supervisor.journal import Journal
from simyard.supervisor.outbox import hash_secret
from simyard.supervisor.transfers import AGENTS_OWN, Pushes

if TYPE_CHECKING:
    from simyard.supervisor.shell import Shell

journal = Journal(__name__)

#: An agent that has not said Hello by then is no agent (seconds).
HELLO_LIMIT = 30.0
PING = 20.0
#: An agent that leaves this much unread is disconnected; it comes back and its Hello sets things right (bytes).
MAX_UNREAD = 16 << 20
# close codes of RFC 6455
_PROTOCOL_ERROR, _TRY_AGAIN, _AWAY = 1002, 1013, 1001


class AgentSocket(WebSocketHandler):
    """One connection of one agent. `is_current` is False once another one, or nothing, has taken its place."""

    def initialize(self, shell: Shell) -> None:
        self.shell = shell
        self.agent = ""
        self.is_current = False
        self._said_hello = False
        self._has_wondered = False
        self._is_over = False
        self._limit: asyncio.TimerHandle | None = None
        self._pushes = Pushes(shell.known)
        self.handing: HandingOut | None = None

    def prepare(self) -> None:
        """Who is it? One answer for all that is wrong: whoever guesses learns nothing."""
        words = self.request.headers.get(talk.AUTHORIZATION, "").split(" ")
        agent_id, secret = words if len(words) == 2 else ("", "")
        agent = self.shell.core.by_id.get(agent_id)
        wanted = agent.record.secret_hash if agent is not None else "0" * 64
        try:
            right = hmac.compare_digest(hash_secret(secret), wanted) and agent is not None
        except UnicodeEncodeError:
            right = False
        if not right:
            self.shell.counts.agents_refused += 1
            journal.warning("agent refused: unknown, replaced, or a wrong secret", agent=agent_id[:40])
            self.set_status(401)
            self.finish()
        elif self.shell.writer.failing:
            self.set_status(503)  # nothing that it says could be stored; it comes back
            self.finish()
        else:
            self.agent = agent_id

    def check_origin(self, origin: str) -> bool:
        return False  # only browsers have one, and none has any business here

    def open(self, *_args: str, **_kwargs: str) -> None:
        self.set_nodelay(True)
        if self.ws_connection is not None and self.ws_connection.stream is not None:
            self.ws_connection.stream.max_write_buffer_size = MAX_UNREAD
        self._limit = asyncio.get_running_loop().call_later(HELLO_LIMIT, self.refuse, "no Hello")

    def on_message(self, message: str | bytes) -> None:
        if self._is_over:
            return  # what was on its way when it was disconnected
        self.shell.counts.agent_messages += 1
        try:
            if isinstance(message, bytes):
                self._bytes(message)
            else:
                self._heard(talk.FROM_AGENT.understand(message))
        except ProtocolError as error:
            self.refuse(error.detail)
        except Exception as error:  # noqa: BLE001
            # the wall of a connection: what one agent brought about must not end those of the others
            journal.failure("a message of an agent could not be handled", error, agent=self.agent)
            self.refuse("internal error")

    def on_close(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        if self.handing is not None:
            self.handing.close()
        if self.is_current:
            self.is_current = False
            self.shell.agent_gone(self)

    def say(self, text: str) -> None:
        """Send a message; one who is gone, or does not read, is disconnected."""
        try:
            future = self.write_message(text)
        except WebSocketClosedError:
            return
        except StreamBufferFullError:
            self.refuse("too much unread")
            self.abort()
            return
        future.add_done_callback(_seen)

    async def deliver(self, message: Any) -> None:
        """Send a message or a binary frame, and wait until it has left. Raises ConnectionError where there is nobody any more."""
        data, binary = (message, True) if isinstance(message, bytes) else (talk.TO_AGENT.encode(message), False)
        try:
            await self.write_message(data, binary=binary)
        except (WebSocketClosedError, StreamClosedError, StreamBufferFullError) as error:
            raise ConnectionError(str(error)) from None

    def refuse(self, reason: str) -> None:
        """Close the connection, saying why."""
        self.shell.counts.agents_refused += 1
        journal.warning("connection of an agent closed", agent=self.agent, reason=reason[:300])
        self.leave(_PROTOCOL_ERROR, reason)

    def leave(self, code: int = _AWAY, reason: str = "") -> None:
        """Close the connection; from now on nothing that comes over it counts."""
        self._is_over = True
        was_current, self.is_current = self.is_current, False
        # 123 bytes are what a close frame has room for
        self.close(code, reason.encode()[:120].decode(errors="ignore"))
        if was_current:
            self.shell.agent_gone(self)

    def abort(self) -> None:
        """Close it without waiting for the other side."""
        if self.ws_connection is not None:
            self.ws_connection._abort()  # noqa: SLF001 - its close() waits for a peer that does not read

    def _heard(self, message: Any) -> None:
        if isinstance(message, talk.Hello) != (not self._said_hello):
            raise ProtocolError("malformed", "An agent says Hello once, and first.")
        if isinstance(message, talk.Hello):
            self._said_hello = True
            if self._limit is not None:
                self._limit.cancel()
            if agent := self.shell.core.by_id.get(self.agent):
                self.handing = HandingOut(self.shell.config, agent.record.user, self.deliver)
            self.shell.agent_joins(self, message)
        elif self.is_current:
            HEARD[type(message)](self.shell, self, message)

    def _bytes(self, frame: bytes) -> None:
        number, payload = unpack(frame)
        if not self.is_current:
            return
        if number >= AGENTS_OWN:
            self._pushes.on_bytes(number, bytes(payload))
        elif _is_its_own(self.shell, self.agent, number):
            self.shell.transfers.on_bytes(number, bytes(payload))

    def on_unknown(self, message: Unknown) -> None:
        """An agent of another version: what it says beside what is known changes nothing. Noted once for each connection."""
        if not self._has_wondered:
            self._has_wondered = True
            journal.info("an agent of another version says what is not known here", agent=self.agent, message=message.name[:60])

    def on_pushed(self, message: talk.ReportPushed) -> None:
        run, agent = self.shell.core.runs.get(message.run), self.shell.core.by_id.get(self.agent)
        may = run is not None and agent is not None and (run.user, run.target) == agent.seat and run.epoch == message.epoch
        self._pushes.on_pushed(message, run if may else None)

    def on_transfer_closed(self, message: talk.Closed) -> None:
        if message.op >= AGENTS_OWN:
            self._pushes.on_closed(message)
        elif _is_its_own(self.shell, self.agent, message.op):
            self.shell.transfers.on_closed(message)
            self.shell.tell(views.on_view_done, message.op, self.shell.clock())


def _is_its_own(shell: Shell, agent_id: str, number: int) -> bool:
    """Whether this view was asked of this agent: nobody else's word on it counts."""
    op, agent = shell.core.views.get(number), shell.core.by_id.get(agent_id)
    return op is not None and agent is not None and (op.user, op.target) == agent.seat


def _opened(shell: Shell, door: AgentSocket, message: talk.Opened) -> None:
    if _is_its_own(shell, door.agent, message.op):
        shell.transfers.on_opened(message)


#: What an agent may say after its Hello, and who hears it.
HEARD: dict[type, Callable[[Any, AgentSocket, Any], None]] = {
    talk.RunEvents: lambda shell, door, message: shell.tell(reactor.on_run_events, door.agent, message, shell.clock()),
    talk.StartFailed: lambda shell, door, message: shell.tell(reactor.on_start_failed, door.agent, message, shell.clock()),
    talk.StopFailed: lambda shell, door, message: shell.tell(reactor.on_stop_failed, door.agent, message, shell.clock()),
    talk.RunsRemoved: lambda shell, door, message: shell.spawn(shell.runs_removed(door, message), "runs removed"),
    talk.DiskUsed: lambda shell, door, message: shell.tell(reactor.on_disk_used, door.agent, message, shell.clock()),
    talk.Opened: _opened,
    talk.Closed: lambda _shell, door, message: door.on_transfer_closed(message),
    talk.ReportPushed: lambda _shell, door, message: door.on_pushed(message),
    talk.RunNote: lambda shell, door, message: shell.tell(clusters.on_run_note, door.agent, message, shell.clock()),
    talk.Partitions: lambda shell, door, message: shell.tell(clusters.on_partitions, door.agent, message, shell.clock()),
    talk.Environments: lambda shell, door, message: shell.tell(clusters.on_environments, door.agent, message, shell.clock()),
    talk.WantFile: lambda _shell, door, message: door.handing.on_wanted(message) if door.handing else None,
    talk.FileCredit: lambda _shell, door, message: door.handing.on_credit(message) if door.handing else None,
    Unknown: lambda _shell, door, message: door.on_unknown(message),
}


def _seen(future: asyncio.Future[None]) -> None:
    # a connection that ended before the message had left; its on_close says so
    if not future.cancelled():
        future.exception()


def application(shell: Shell) -> Application:
    """The agents' door."""
    return Application(
        [(talk.PATH, AgentSocket, {"shell": shell})],
        websocket_ping_interval=PING,
        websocket_ping_timeout=PING,
        websocket_max_message_size=MAX_MESSAGE,
        log_function=lambda _handler: None,
    )
