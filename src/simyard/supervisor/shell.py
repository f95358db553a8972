"""The shell around the brain: hands it what happens, one thing at a time, and does what it said once that is durable."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from simyard.clock import Clock
from simyard.codes.archive import Packed, pack
from simyard.codes.declaration import Declaration
from simyard.codes.registry import Codes
from simyard.codes.shelf import Shelf
from simyard.config import Config
from simyard.errors import NotFound, SimyardError, Unavailable
from simyard.protocol import agents as talk
from simyard.protocol.asking import Notice
from simyard.protocol.ids import is_ulid
from simyard.protocol.jobs import Run, RunSpec
from simyard.store.records import Batch
from simyard.store.runs import RunStore
from simyard.supervisor import outbox, reactor
from simyard.supervisor.agents_door import AgentSocket
from simyard.supervisor.core import Core
from simyard.supervisor.journal import Journal
from simyard.supervisor.known import Known
from simyard.supervisor.metrics import Counts
from simyard.supervisor.transfers import Transfers
from simyard.supervisor.writer import Writer

if TYPE_CHECKING:
    from simyard.supervisor.keeping import Keeping

journal = Journal(__name__)

P = ParamSpec("P")
T = TypeVar("T")
#: Told the answer to a request of the brain: the message, or the error.
Reply = Callable[[Any, SimyardError | None], None]
#: So many requests may wait for their answers at once.
MAX_REQUESTS = 20_000
#: While commits fail, agents are sent away once so many effects have piled up.
MAX_BACKLOG = 20_000
#: Agents that are told to leave when Simyard is stopped have ten seconds for it.
DISMISS_LOOKS = 500
#: An agent is asked to remove the directories of so many deleted runs at a time.
SWEPT_AT_ONCE = 500


class Shell:
    """What the doors share. Everything here happens on the event loop, but for `read`."""

    keeping: Keeping
    shelf: Shelf

    def __init__(self, config: Config, core: Core, store: RunStore, codes: Codes, known: Known, clock: Clock) -> None:
        self.config, self.core, self.store, self.codes, self.known, self.clock = config, core, store, codes, known, clock
        self.counts = Counts()
        self.out = outbox.Outbox()
        self.writer = Writer(store, self.out, self._durable, self.counts, self._refused)
        self.transfers = Transfers()
        self.connected: dict[str, AgentSocket] = {}
        self.stopping = False
        #: At its end the idle agents on clusters leave, too: nobody else can end them.
        self.dismissing = asyncio.Event()
        self._joining: dict[str, AgentSocket] = {}
        self._replies: dict[int, Reply] = {}
        self._numbers = itertools.count(1)
        self._readers = ThreadPoolExecutor(2, "reader")
        self._tasks: set[asyncio.Task[Any]] = set()

    # ── towards the brain ──

    def tell(self, handler: Callable[Concatenate[Core, outbox.Outbox, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Something has happened: call a handler of the brain; what it says is written and done soon."""
        try:
            return handler(self.core, self.out, *args, **kwargs)
        finally:
            self.writer.wake()
            if self.writer.failing and len(self.out.effects) > MAX_BACKLOG and self.connected:
                self._send_away()

    async def ask(self, handler: Callable[[int], Any]) -> Any:
        """Have a handler of the brain called with a new request's number (by `tell`); the message that it answers with, once
        that is durable. Raises what it refuses with."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def reply(message: Any, error: SimyardError | None) -> None:
            if not future.done():
                future.set_exception(error) if error is not None else future.set_result(message)

        number = self.new_request(reply)
        try:
            handler(number)
            return await future
        finally:
            self.drop_request(number)

    def new_request(self, reply: Reply) -> int:
        if len(self._replies) >= MAX_REQUESTS:
            raise Unavailable("overloaded", f"{MAX_REQUESTS} requests wait already. Try again shortly.")
        number = next(self._numbers)
        self._replies[number] = reply
        return number

    def drop_request(self, number: int) -> None:
        """Nobody waits for the answer any more."""
        self._replies.pop(number, None)

    async def settled(self, message: Any = None) -> Any:
        """`message`, once everything that the brain has said so far is durable and done."""
        return await self.ask(lambda number: self.tell(lambda _core, out: out.answer(number, message)))

    def must_write(self) -> None:
        """Raises Unavailable while nothing can be made durable."""
        if self.writer.failing:
            raise Unavailable("not-writing", f"Nothing can be changed right now: {self.writer.failing}")

    # ── towards the store ──

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a blocking function (of the store) on a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: function(*args, **kwargs))

    async def run_of(self, user: str, run_id: str) -> Run:
        """The user's run, as last committed. Raises NotFound, for another user's too."""
        run = self.known.get(run_id)
        if run is None and is_ulid(run_id):
            run = await self.read(self.store.get, run_id)
            if run is not None and self.known.is_deleted(run_id):
                run = None  # meanwhile
            if run is not None:
                self.known.remember(run)
        if run is None or run.user != user:
            raise NotFound("unknown-run", f"There is no run {run_id[:60]!r}; the list of runs has those that there are.")
        return run

    async def look_at_codes(self) -> None:
        """Know the codes as they are now, where somebody writes on them."""
        if self.config.web.reload_codes:
            self.codes = await self.read(self.shelf.fresh)

    async def packed(self, code: Declaration, target: str) -> Packed | None:
        """The code as an archive, where the target is a cluster, which gets it in that way. Raises InvalidRequest."""
        place = self.core.places.get(target)
        return await self.read(pack, code, self.config.archives) if place is not None and place.is_cluster else None

    # ── towards agents ──

    def agent_joins(self, door: AgentSocket, hello: talk.Hello) -> None:
        """An agent has said Hello. What was meant for its connection before this one is not sent over this one: it is the
        Welcome, which says all that is still true, that opens it."""
        agent = self.core.by_id.get(door.agent)
        if agent is None:
            door.refuse("replaced")
            return
        for old in (self.connected.pop(door.agent, None), self._joining.pop(door.agent, None)):
            if old is not None and old is not door:
                old.is_current = False  # not lost, but replaced
                old.leave(reason="replaced by a newer connection")
        door.is_current = True
        self._joining[door.agent] = door
        journal.info(
            "agent connected",
            agent=door.agent,
            user=agent.record.user,
            target=agent.record.target,
            pid=hello.pid,
            host=hello.host,
        )
        self.tell(reactor.on_agent_connected, door.agent, hello, self.clock())

    def agent_gone(self, door: AgentSocket) -> None:
        """The current connection of an agent has ended."""
        self.connected.pop(door.agent, None)
        self._joining.pop(door.agent, None)
        if not self.stopping:
            journal.info("agent disconnected", agent=door.agent)
            self.tell(reactor.on_agent_lost, door.agent, self.clock())

    def say(self, agent: str, message: Any) -> None:
        """Send a message that changes nothing, and need not wait: credit."""
        if door := self.connected.get(agent):
            door.say(talk.TO_AGENT.encode(message))

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run a task that is watched: what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def rest(self, seconds: float) -> None:
        """Wait until the tasks that are under way have ended, so long at most."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)

    async def dismiss(self) -> None:
        """Have the agents on clusters leave that follow no run, and wait until they have closed their connections."""
        busy = {(run.user, run.target) for run in self.core.runs.values()}
        places, seats = (
            self.core.places,
            {agent: self.core.by_id[agent].seat for agent in self.connected if agent in self.core.by_id},
        )
        idle = [agent for agent, seat in seats.items() if seat not in busy and seat[1] in places and places[seat[1]].is_cluster]
        for agent in idle:
            self.say(agent, talk.Leave(reason="Simyard is stopped with all its runs"))
        for _ in range(DISMISS_LOOKS):
            if not any(agent in self.connected for agent in idle):
                break
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Everything that was said is written; then the connections end. Agents and runs go on."""
        self.stopping = True
        self.writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for door in [*self.connected.values(), *self._joining.values()]:
            door.leave(reason="the supervisor stops")
        self._readers.shutdown(wait=False, cancel_futures=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            journal.failure(f"{task.get_name()} failed", error)

    def _send_away(self) -> None:
        # what they have to say stays in their runs' directories; an agent that is refused with 503 comes back
        doors, self.connected = list(self.connected.values()), {}
        for door in doors:
            door.leave(1013, "the supervisor's database takes no writes at the moment")

    # ── what has become durable ──

    def _durable(self, batch: Batch, effects: list[outbox.Effect], specs: dict[str, RunSpec]) -> None:
        self.known.committed(batch.runs.values(), batch.deleted.values())
        for effect in effects:
            try:
                self._perform(effect, specs)
            except Exception as error:  # noqa: BLE001
                # the wall between effects: one that cannot be done must not keep the others from being done
                journal.failure("an effect failed", error, effect=type(effect).__name__)

    def _refused(self, runs: list[str]) -> None:
        for run in runs:
            self.tell(reactor.on_not_stored, run, self.clock())

    def _perform(self, effect: outbox.Effect, specs: dict[str, RunSpec]) -> None:
        match effect:
            case outbox.Send(agent=agent, message=message):
                if isinstance(message, talk.Welcome) and agent in self._joining:
                    self.connected[agent] = self._joining.pop(agent)
                self.say(agent, message)
            case outbox.Launch(agent=agent, run=run, epoch=epoch):
                self._launch(agent, run, epoch, specs)
            case outbox.Answer(request=request, message=message):
                if reply := self._replies.pop(request, None):
                    reply(message, None)
            case outbox.Refuse(request=request, error=error):
                if reply := self._replies.pop(request, None):
                    reply(None, error)
            case outbox.Kick(agent=agent, reason=reason):
                for door in (self.connected.get(agent), self._joining.get(agent)):
                    if door is not None:
                        door.refuse(reason)
            case outbox.Notify(user=user, what=what, id=name):
                self.known.notice(Notice(user=user, what=what, id=name))
            case outbox.StartAgent():
                self.spawn(self.keeping.start(effect), f"start agent {effect.agent}")
            case outbox.PollAgent():
                self.spawn(self.keeping.poll(effect), f"poll agent {effect.agent}")
            case outbox.CheckAgent():
                self.spawn(self.keeping.check(effect), f"check agent {effect.agent}")
            case outbox.Sweep(agent=agent, user=user, target=target):
                self.spawn(self._sweep(agent, user, target), f"sweep for {agent}")
            case outbox.StopAgent():
                self.spawn(self.keeping.stop(effect), f"stop agent {effect.agent}")

    async def _sweep(self, agent: str, user: str, target: str) -> None:
        if runs := await self.read(self.store.left_of, user, target, SWEPT_AT_ONCE):
            self.say(agent, talk.RemoveRuns(runs=tuple(runs)))

    async def runs_removed(self, door: AgentSocket, message: talk.RunsRemoved) -> None:
        """An agent says that directories of deleted runs are gone."""
        agent = self.core.by_id.get(door.agent)
        if agent is not None:
            some = message.runs[:SWEPT_AT_ONCE]
            left = await self.read(self.store.left_of, *agent.seat, SWEPT_AT_ONCE, some)
            self.tell(reactor.on_runs_removed, door.agent, left, more=len(some) == SWEPT_AT_ONCE, now=self.clock())

    def _launch(self, agent: str, run: str, epoch: int, specs: dict[str, RunSpec]) -> None:
        spec = specs.get(run)
        if spec is None:
            journal.error("a run has no spec", run=run)
            self.tell(
                reactor.on_start_failed,
                agent,
                talk.StartFailed(run=run, epoch=epoch, reason="What it was to execute is not in the database any more."),
                self.clock(),
            )
        else:
            self.say(agent, talk.StartRun(epoch=epoch, spec=spec))
