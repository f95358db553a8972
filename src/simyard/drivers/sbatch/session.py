"""One user's login to one cluster: made by hand or by itself, kept, and made again after the connection was lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import asyncssh

from simyard.clock import Clock
from simyard.config import ClusterConfig
from simyard.drivers.base import DriverError, Login, LoginStep, News
from simyard.drivers.ssh import login as ssh
from simyard.drivers.ssh.hostkeys import HostKeys

#: The first and the longest wait before a lost connection is tried again (seconds).
FIRST_WAIT, LAST_WAIT = 1.0, 30.0
#: One that was let in by a key before, and is refused now, is tried again this often (seconds).
REFUSED_WAIT = 300.0
#: A connection that nobody has asked for in so long is not tried again (seconds).
WANTED = 1800.0
#: Whoever logs in has so long for each step, comparing a fingerprint included (seconds).
TURN_LIMIT = 600.0
#: What is asked of a connection that is being made waits for it so long (seconds).
MADE_LIMIT = 20.0
#: States in which nothing happens until somebody does something.
_THEIR_TURN = frozenset({"needs-login", "asking", "unknown-host", "ready", "refused"})


class Closing(Protocol):
    """What a connection is used for, and what ends with it."""

    def close(self) -> None: ...


S = TypeVar("S", bound=Closing)


@dataclass(frozen=True)
class Standing(Generic[S]):
    """A connection that stands, and what was prepared at its other end."""

    connection: asyncssh.SSHClientConnection
    there: S


class Session(Generic[S]):
    """`prepare` makes ready what is needed at the other end of each new connection; it may raise DriverError, and is tried again when that is
    asked for. `untried` users of an installation whose own keys may be used need not do anything, as far as is known."""

    def __init__(
        self,
        cluster: str,
        config: ClusterConfig,
        keys: HostKeys,
        clock: Clock,
        prepare: Callable[[asyncssh.SSHClientConnection], Awaitable[S]],
    ) -> None:
        self._cluster, self._config, self._keys, self._clock, self._prepare = cluster, config, keys, clock, prepare
        self._ssh_config = Path(config.ssh_config).expanduser() if config.ssh_config else None
        self._name = ""
        self._by_itself, self._by_hand, self._had = config.own_keys, False, False
        self.login = Login(state="untried" if self._by_itself else "needs-login", host=config.host)
        self.news: list[News] = []
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._talk: ssh.Login | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._prepared: asyncio.Task[S] | None = None
        self._wanted = clock()

    # ── what the user does ──────────────────────────────────────────────────────────────────────────────────────────

    async def step(self, step: LoginStep) -> Login:
        """Take it, and answer how the login stands when it is the user's turn again, or after the step's wait. Raises DriverError."""
        self._wanted = self._clock()
        if step.end:
            await self.end()
            return self.login
        if step.begin:
            await self._begin(step.name)
        if step.accept:
            self._accept(step.accept)
        if step.answers and self.login.state == "asking" and self._talk is not None:
            if len(step.answers) != len(self.login.prompts):
                raise DriverError(
                    f"{self.login.host} asks {len(self.login.prompts)} questions, and {len(step.answers)} were answered."
                )
            self._be("connecting")
            self._talk.answer(step.answers)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, step.wait)):
                await self._until(lambda: self.login.state in _THEIR_TURN)
        return self.login

    async def end(self) -> None:
        """Log out: nothing is tried until somebody logs in again. What runs there goes on."""
        await self._hang_up()
        self._by_itself = False
        self._be("needs-login", words="You have logged out.")

    async def _begin(self, name: str) -> None:
        if self.login.state in {"connecting", "asking", "unknown-host", "ready"} and name in {"", self._name}:
            # somebody, in another window perhaps, or it by itself, has begun already: this one goes on with that
            self._by_hand = True
            return
        await self._hang_up()
        self._name = name or self._name
        self._by_itself = self._config.own_keys
        self._by_hand = True
        self._be("connecting")
        self._task = asyncio.create_task(self._live(), name=f"login to {self._cluster}")

    def _accept(self, fingerprint: str) -> None:
        if self.login.state != "unknown-host" or self._talk is None:
            return  # another window has accepted it, or it is over
        if not self._talk.accept(fingerprint):
            raise DriverError(f"{self.login.host} has shown another key than this one. Compare its fingerprint again.")
        self._be("connecting")

    # ── what the driver does ────────────────────────────────────────────────────────────────────────────────────────

    def want(self) -> None:
        """Have a connection, if that can be without anybody's doing. Returns at once."""
        self._wanted = self._clock()
        if self.login.state == "untried":
            self._by_hand = False
            self._be("connecting")
            self._task = asyncio.create_task(self._live(), name=f"login to {self._cluster}")

    async def standing(self) -> Standing[S]:
        """The connection and what was prepared. Raises DriverError, whose words say what the user can do."""
        self.want()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MADE_LIMIT):
                await self._until(lambda: self.login.state != "connecting")
        connection = self._connection
        if connection is None or self.login.state != "ready":
            raise DriverError(self.why_not())
        if self._prepared is None or (
            self._prepared.done() and (self._prepared.cancelled() or self._prepared.exception() is not None)
        ):
            self._prepared = asyncio.create_task(self._at(connection), name=f"prepare {self._cluster}")
        # whoever asks may give up; the next one who asks finds it done
        return Standing(connection, await asyncio.shield(self._prepared))

    def why_not(self) -> str:
        """Why there is no connection, and what to do, in words."""
        login = self.login
        if login.state == "lost":
            return f"{login.words} Nothing needs to be done."
        if login.state == "refused":
            return f"The login to {self._cluster} was refused: {login.words}"
        if login.state == "connecting":
            return f"{login.host} has not answered yet."
        return f"You are not logged in to {self._cluster}: log in from the page, or with `simyard target login {self._cluster}`."

    async def close(self) -> None:
        await self._hang_up()

    # ── its life ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        wait = FIRST_WAIT
        while True:
            made, asked = await self._connect()
            if made is not None:
                wait = FIRST_WAIT
                await self._hold(made)
                if asked or not self._by_itself:
                    self._be(
                        "needs-login", words=f"The connection to {self._config.host} was lost. Log in again.", since=self._clock()
                    )
                    return
                self._lost(f"The connection to {self._config.host} was lost")
            elif self._is_maintenance():
                await asyncio.sleep(REFUSED_WAIT)
                continue
            elif self.login.state != "lost":
                return
            self._by_hand = False
            if self._clock() - self._wanted > WANTED:
                self._be("untried")
                return
            await asyncio.sleep(wait)
            wait = min(LAST_WAIT, wait * 2)

    def _is_maintenance(self) -> bool:
        """Whether a login that needed nobody was let in before, and is not now: sites close their login nodes for a while."""
        return self._had and not self._by_hand and self._by_itself and self.login.state == "refused" and self.login.again

    async def _connect(self) -> tuple[asyncssh.SSHClientConnection | None, bool]:
        """A connection, and whether anybody was asked anything for it; without one the state says why."""
        config, asked = self._config, False
        talk = self._talk = ssh.Login(
            config.host, self._keys, user=self._name or config.user, port=config.port, own_keys=config.own_keys,
            config=self._ssh_config,
        )  # fmt: skip
        try:
            while True:
                async with asyncio.timeout(TURN_LIMIT):
                    turn = await talk.next()
                if isinstance(turn, ssh.Ready):
                    return talk.take(), asked
                if isinstance(turn, ssh.Refused):
                    self._refused(turn, unanswered=self.login.state == "asking", by_itself=self._by_itself and not asked)
                    return None, asked
                if not self._by_hand:
                    self._be("needs-login", since=self.login.since)
                    return None, asked
                asked = True
                if isinstance(turn, ssh.Asked):
                    self._be("asking", host=turn.host, words=turn.words, prompts=turn.prompts)
                else:
                    self._be("unknown-host", host=turn.host, fingerprint=turn.fingerprint, key_type=turn.kind)
        except TimeoutError:
            self._be("needs-login", words="Nobody answered in time. Begin again.")
            return None, asked
        finally:
            self._talk = None
            await talk.close()

    def _refused(self, turn: ssh.Refused, *, unanswered: bool, by_itself: bool) -> None:
        if unanswered:
            self._be("needs-login", words="Nobody answered in time. Begin again.")
        elif turn.silent and by_itself:
            self._lost(turn.words.rstrip(". "))
        else:
            self._be("refused", words=turn.words, again=turn.again)

    def _lost(self, what: str) -> None:
        words = f"{what}{'' if what.endswith('?') else '.'} It is tried again by itself; what runs there goes on."
        self._be("lost", words=words, since=self.login.since if self.login.state == "lost" else self._clock())

    async def _hold(self, connection: asyncssh.SSHClientConnection) -> None:
        """Until it ends."""
        self._connection, self._had = connection, True
        # at once, so that an agent that is there already finds its way back
        self._prepared = asyncio.create_task(self._at(connection), name=f"prepare {self._cluster}")
        self._prepared.add_done_callback(_seen)
        self._be("ready")
        try:
            await connection.wait_closed()
        finally:
            await self._let_go()

    async def _at(self, connection: asyncssh.SSHClientConnection) -> S:
        return await self._prepare(connection)

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            if prepared.done() and not prepared.cancelled() and prepared.exception() is None:
                prepared.result().close()
            prepared.cancel()
        if connection is not None:
            connection.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await connection.wait_closed()
            connection.abort()

    async def _hang_up(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _be(
        self, state: str, *, words: str = "", host: str = "", prompts: tuple[tuple[str, bool], ...] = (), fingerprint: str = "",
        key_type: str = "", again: bool = False, since: float | None = None,
    ) -> None:  # fmt: skip
        before = self.login.state
        self.login = Login(
            state=state, words=words, host=host or self._config.host, prompts=prompts, fingerprint=fingerprint, key_type=key_type,
            again=again, since=since,
        )  # fmt: skip
        if state == "ready" and before != "ready":
            self.news.append(News(words=f"{self._cluster}: logged in to {self._config.host}", good=True))
        elif before == "ready" or (state == "lost" and before != "lost"):
            self.news.append(News(words=f"{self._cluster}: {words or state}", good=False))
        task = asyncio.ensure_future(self._tell())
        _TELLING.add(task)
        task.add_done_callback(_TELLING.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, what: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(what)


#: Kept from the collector until they are done.
_TELLING: set[asyncio.Future[None]] = set()


def _seen(task: asyncio.Task[S]) -> None:
    # whoever asks for it hears what went wrong
    if not task.cancelled():
        task.exception()
