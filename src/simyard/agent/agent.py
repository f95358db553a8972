"""The switchboard: what the supervisor says goes to the keeper, the transfer or the warm process that it concerns."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from typing import Any, Callable, Dict, List, Optional, Set

from simyard import __version__
from simyard.agent import files, machine
from simyard.agent.bell import Bell
from simyard.agent.jobcmd import Conclude, Tools
from simyard.agent.keeper import Keeper
from simyard.agent.link import Link
from simyard.agent.place import Marker, Place
from simyard.agent.preparing import marker_of
from simyard.agent.reports import send_report
from simyard.agent.threads import Threads
from simyard.agent.transfers import Transfer, Transfers, Work
from simyard.agent.warm import Warm
from simyard.errors import NotFound, ProtocolError, SimyardError
from simyard.protocol import agents as talk
from simyard.protocol import ids, rundir
from simyard.protocol.launch import AgentSpec

log = logging.getLogger(__name__)
#: No more unsettled runs than this: the supervisor's limits are far below.
MAX_RUNS = 20_000
#: Warm processes and their logs are looked after this often (seconds).
SWEEP = 30.0


class Agent:
    """All that one agent has: keepers of runs, warm processes, transfers. Made on the running loop."""

    def __init__(self, spec: AgentSpec, place: Place, conclude: Conclude) -> None:
        self.threads = Threads()
        self.warm = Warm(place, self.threads, spec.environment)
        self.keepers: Dict[str, Keeper] = {}
        self.leaving = asyncio.Event()
        self._place = place
        self._tools = Tools(place, self.threads, self.warm, conclude, machine.boot_id(), machine.host())
        self._bell = Bell(place.bell, self._rung)
        self._transfers: Optional[Transfers] = None
        self._tasks: Set[asyncio.Task[Any]] = set()

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Adopt the runs that are not settled, and listen for the bell."""
        self._bell.hang()
        for marker in await self.threads.quick(self._place.markers):
            self._keep(Keeper(self._tools, marker))
        if self.keepers:
            log.info("Adopted %d runs.", len(self.keepers))
        self._watch(self._sweep(), "sweep")

    async def close(self) -> None:
        """Let go of everything. What runs goes on."""
        self._bell.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.warm.close()
        self.threads.close()

    def _watch(self, work: Any, name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._watched)
        return task

    def _watched(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed.", task.get_name(), exc_info=task.exception())

    def _keep(self, keeper: Keeper) -> Keeper:
        self.keepers[keeper.run] = keeper
        self._watch(self._kept(keeper), f"run {keeper.run}")
        return keeper

    async def _kept(self, keeper: Keeper) -> None:
        try:
            await keeper.keep()
        finally:
            if self.keepers.get(keeper.run) is keeper:
                del self.keepers[keeper.run]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self.warm.sweep()
            try:
                await self.threads.bulk(self.warm.trim_logs)
            except OSError as error:
                log.warning("Logs cannot be trimmed: %s", error)

    def _rung(self, run: str) -> None:
        keeper = self.keepers.get(run)
        if keeper is not None:
            keeper.ring()

    # ── the session's side (session.Listener) ───────────────────────────────────────────────────────────────────────

    def idle(self) -> bool:
        return not self.keepers

    def hello(self) -> talk.Hello:
        runs = tuple(
            talk.RunSeen(run=keeper.run, epoch=keeper.marker.epoch, last=keeper.facts.seen.n)
            for keeper in self.keepers.values()
            if not keeper.settled
        )
        return talk.Hello(
            version=__version__, host=machine.host(), boot=machine.boot_id(), pid=os.getpid(),
            python=platform.python_version(), cores=machine.cores(), memory=machine.memory(), runs=runs,
        )  # fmt: skip

    def connected(self, link: Link) -> None:
        self._transfers = Transfers(link, self.threads)

    async def disconnected(self, link: Link) -> None:
        transfers, self._transfers = self._transfers, None
        for keeper in self.keepers.values():
            keeper.unlink()
        if transfers is not None:
            await transfers.close()

    def heard(self, link: Link, message: object) -> None:
        handler = HANDLERS.get(type(message))
        assert handler is not None  # the codec lets nothing else through
        handler(self, link, message)

    # ── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_welcome(self, link: Link, message: talk.Welcome) -> None:
        for wanted in message.follow:
            keeper = self.keepers.get(wanted.run)
            if keeper is None:
                log.warning("Asked to follow run %s, which is not here.", wanted.run)
            elif not self._stale(keeper, wanted.epoch):
                keeper.follow(link, wanted.after)
        for run in message.forget:
            keeper = self.keepers.get(run)
            if keeper is not None:
                keeper.forget()

    def on_start_run(self, link: Link, message: talk.StartRun) -> None:
        spec, keeper = message.spec, self.keepers.get(message.spec.run)
        if keeper is None:
            self._checked(spec.run)
            keeper = self._keep(Keeper(self._tools, marker_of(spec, message.epoch), spec))
        elif self._stale(keeper, message.epoch):
            return
        keeper.follow(link, 0)

    def on_stop_run(self, link: Link, message: talk.StopRun) -> None:
        keeper = self.keepers.get(message.run)
        if keeper is None:
            # never heard of, or settled: its directory, made if need be, holds the answer
            self._checked(message.run)
            keeper = self._keep(Keeper(self._tools, Marker(run=message.run, epoch=message.epoch)))
        elif self._stale(keeper, message.epoch):
            return
        keeper.follow(link, 0)
        keeper.stop()

    def on_events_stored(self, _link: Link, message: talk.EventsStored) -> None:
        keeper = self.keepers.get(message.run)
        if keeper is not None and message.epoch == keeper.marker.epoch:
            keeper.stored(message.last)

    def _checked(self, run: str) -> None:
        if not ids.is_ulid(run):
            raise ProtocolError("malformed", "That is not the id of a run.")
        if len(self.keepers) >= MAX_RUNS:
            raise ProtocolError("too-many", f"{MAX_RUNS} runs are not settled here, the most possible.")

    def _stale(self, keeper: Keeper, epoch: int) -> bool:
        """The one place where what comes too late is dropped."""
        if epoch < keeper.marker.epoch:
            log.warning("Run %s is at epoch %d; what was said of epoch %d is dropped.", keeper.run, keeper.marker.epoch, epoch)
            return True
        keeper.renew(epoch)
        return False

    # ── transfers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def on_make_report(self, _link: Link, message: talk.MakeReport) -> None:
        async def work(transfer: Transfer) -> None:
            final = await self._is_over(message.run)
            await send_report(self._place, self.threads, self.warm, message, transfer, final=final)

        self._transfer(message.op, work)

    def on_send_file(self, _link: Link, message: talk.SendFile) -> None:
        self._transfer(message.op, lambda transfer: self._send_file(message, transfer))

    def on_list_files(self, _link: Link, message: talk.ListFiles) -> None:
        async def work(transfer: Transfer) -> None:
            directory = await self._directory(message.run)
            await transfer.send_bytes(await self.threads.bulk(files.list_files, directory), "application/json")

        self._transfer(message.op, work)

    def on_credit(self, _link: Link, message: talk.Credit) -> None:
        if self._transfers is not None:
            self._transfers.grant(message.op, message.size)

    def on_drop(self, _link: Link, message: talk.Drop) -> None:
        if self._transfers is not None:
            self._transfers.drop(message.op)

    def _transfer(self, op: int, work: Work) -> None:
        if not 0 <= op < 1 << 63:
            raise ProtocolError("malformed", "A transfer's number is between 0 and 2**63.")
        if self._transfers is not None:
            self._transfers.begin(op, work)

    async def _send_file(self, ask: talk.SendFile, transfer: Transfer) -> None:
        directory = await self._directory(ask.run)
        offset = max(0, ask.offset)
        try:
            descriptor = await self.threads.bulk(files.open_file, directory, ask.path)
        except NotFound:
            if not ask.follow or ask.path != rundir.LOG or await self._is_over(ask.run):
                raise
            descriptor = await self._awaited(directory, ask)
        try:
            if ask.follow:
                await transfer.follow_file(descriptor, offset, files.media_type(ask.path), lambda: self._is_over(ask.run))
            else:
                await transfer.send_file(descriptor, offset, ask.length, files.media_type(ask.path))
        finally:
            os.close(descriptor)

    async def _awaited(self, directory: str, ask: talk.SendFile) -> int:
        """The log of a run that has just been started is followed before it is there."""
        path = os.path.join(directory, rundir.LOG)
        while not await self._is_over(ask.run) and not await self.threads.bulk(os.path.lexists, path):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.1)
        return await self.threads.bulk(files.open_file, directory, ask.path)

    async def _directory(self, run: str) -> str:
        directory = self._place.run_dir(run)
        if not await self.threads.bulk(os.path.isdir, directory):
            raise NotFound("no-such-run", "The run's directory is not there.")
        return directory

    async def _is_over(self, run: str) -> bool:
        """Whether nothing of the run will change any more. One that has no keeper is settled."""
        keeper = self.keepers.get(run)
        return keeper is None or keeper.final

    # ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_warm(self, _link: Link, message: talk.Warm) -> None:
        self._watch(self._warm_up(message), f"warm {message.code}")

    async def _warm_up(self, message: talk.Warm) -> None:
        try:
            await self.warm.get(message.python, message.code_dir)
        except SimyardError as error:
            log.warning("Code %s cannot be warmed: %s", message.code, error.detail)

    def on_leave(self, _link: Link, message: talk.Leave) -> None:
        log.info("Told to leave: %s", message.reason)
        self.leaving.set()

    def warm_pids(self) -> List[int]:
        return self.warm.pids()


#: What an agent obeys: all of TO_AGENT.
HANDLERS: Dict[type, Callable[[Agent, Link, Any], None]] = {
    talk.Welcome: Agent.on_welcome,
    talk.StartRun: Agent.on_start_run,
    talk.StopRun: Agent.on_stop_run,
    talk.EventsStored: Agent.on_events_stored,
    talk.MakeReport: Agent.on_make_report,
    talk.SendFile: Agent.on_send_file,
    talk.ListFiles: Agent.on_list_files,
    talk.Credit: Agent.on_credit,
    talk.Drop: Agent.on_drop,
    talk.Warm: Agent.on_warm,
    talk.Leave: Agent.on_leave,
}
