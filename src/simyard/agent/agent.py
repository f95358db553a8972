"""The switchboard: what the supervisor says goes to the keeper, the transfer or the warm process that it concerns."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import platform
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from simyard import contents
from simyard.agent import machine, tidying
from simyard.agent.bell import Bell
from simyard.agent.cores import Cores
from simyard.agent.environments import CodeEnvironments
from simyard.agent.inputs import Inputs
from simyard.agent.jobcmd import Conclude, Tools
from simyard.agent.keeper import Keeper
from simyard.agent.link import Link, LinkDown
from simyard.agent.place import Marker, Place
from simyard.agent.preparing import marker_of
from simyard.agent.providing import Providing
from simyard.agent.quota import Quota
from simyard.agent.removing import remove
from simyard.agent.reports import send_report
from simyard.agent.sending import Sending
from simyard.agent.shelf import Shelf
from simyard.agent.slurm.programs import of_jobs
from simyard.agent.slurm.shared import Slurm
from simyard.agent.threads import Threads
from simyard.agent.transfers import Transfer, Transfers, Work
from simyard.agent.warm import Warm, runner_file
from simyard.errors import ProtocolError, SimyardError
from simyard.protocol import agents as talk
from simyard.protocol import ids
from simyard.protocol.launch import AgentSpec
from simyard.protocol.wire import Unknown

log = logging.getLogger(__name__)
#: No more unsettled runs than this: the supervisor's limits are far below.
MAX_RUNS = 20_000
#: Warm processes and their logs are looked after this often (seconds).
SWEEP = 30.0
#: A deleted run that is still kept here has so long to be let go of (seconds); it is asked for again otherwise.
LET_GO = 10.0


class Agent:
    """All that one agent has: keepers of runs, warm processes, transfers. Made on the running loop."""

    def __init__(self, spec: AgentSpec, place: Place, conclude: Conclude) -> None:
        self.threads = Threads()
        # on a login node a code gets what a job of the same login gets
        environment = of_jobs({**os.environ, **spec.environment}) if spec.cluster is not None else spec.environment
        self.warm = Warm(place, self.threads, environment)
        self.providing = Providing(place, self.threads, is_cluster=spec.cluster is not None)
        self.inputs = Inputs(place, self.threads, self.warm, self.providing)
        self.environments = CodeEnvironments(place, self.threads, self.providing, {**os.environ, **spec.environment})
        self._keep_for = spec.cluster.keep if spec.cluster is not None else 0.0
        self.sending = Sending(place, self.threads, self._is_over, tidying.gone_words(self._keep_for))
        self.shelf = Shelf()
        self.keepers: Dict[str, Keeper] = {}
        self.quota = Quota(place, self.threads, self.keepers)
        self.leaving = asyncio.Event()
        self._place = place
        self.cores = Cores(place.home)
        self.slurm: Optional[Slurm] = None
        if spec.cluster is not None:
            self.slurm = Slurm({**os.environ, **spec.environment}, spec.cluster.interval, runner_file(place))
        self._tools = Tools(
            place, self.threads, self.warm, conclude, machine.boot_id(), machine.host(), machine.is_container(), self.cores, self.providing,
            self.slurm,
        )  # fmt: skip
        self._bell = Bell(place.bell, self._rung)
        self._transfers: Optional[Transfers] = None
        self._tasks: Set[asyncio.Task[Any]] = set()

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Adopt the runs that are not settled, and listen for the bell."""
        self._bell.hang()
        for marker in (await self.threads.quick(self._place.markers))[:MAX_RUNS]:
            self.cores.adopt(marker.run, await self.threads.quick(self._place.cores_of, marker.run))
            self._keep(Keeper(self._tools, marker))
        if self.keepers:
            log.info("Adopted %d runs.", len(self.keepers))
        await self.threads.bulk(self.inputs.sweep)
        self._watch(self._sweep(), "sweep")
        self._watch(self.quota.watch(), "quota")
        if self.slurm is not None:
            self._watch(self._tidy(), "tidying")
            self._watch(self.slurm.watch(), "Slurm's queue")
            self._watch(self.slurm.tell(), "Slurm's partitions")

    async def close(self) -> None:
        """Let go of everything. What runs goes on."""
        self._bell.close()
        self.quota.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.environments.close()
        await self.providing.close()
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
                self.cores.give(keeper.run)
                self.quota.departed(keeper.run)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self.warm.sweep()
            self.cores.look()
            try:
                await self.threads.bulk(self.warm.trim_logs)
                await self.threads.bulk(self.inputs.sweep)
            except OSError as error:
                log.warning("Logs cannot be trimmed: %s", error)

    async def _tidy(self) -> None:
        """Remove by rule what a cluster's disk holds for nothing (see `tidying`)."""
        while True:
            await asyncio.sleep(tidying.pause(self._keep_for))
            await self.threads.bulk(tidying.unused, self._place, tidying.UNUSED)
            for run in await self.threads.bulk(tidying.over, self._place, self._keep_for):
                if run not in self.keepers and await self.threads.bulk(remove, self._place, run):
                    log.info("Removed the directory of run %s, which was over long ago.", run)
                    self.quota.look_soon()

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
            version=contents.VERSION, host=machine.host(), boot=machine.boot_id(), pid=os.getpid(),
            python=platform.python_version(), cores=machine.cores(), memory=machine.memory(), runs=runs,
        )  # fmt: skip

    def connected(self, link: Link) -> None:
        self._transfers = Transfers(link, self.threads)
        self.providing.fetching.connected(link)

    async def disconnected(self, link: Link) -> None:
        transfers, self._transfers = self._transfers, None
        self.quota.unlink()
        self.providing.fetching.disconnected()
        for keeper in self.keepers.values():
            keeper.unlink()
        if transfers is not None:
            await transfers.close()

    def heard(self, link: Link, message: object) -> None:
        if isinstance(message, bytes):
            self.providing.fetching.on_bytes(message)
            return
        handler = HANDLERS.get(type(message))
        assert handler is not None  # the codec lets nothing else through
        handler(self, link, message)

    # ── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_welcome(self, link: Link, message: talk.Welcome) -> None:
        self.quota.limit(link, message.disk, message.disk_free)
        if self.slurm is not None:
            self.slurm.linked(link)
            self._watch(self.environments.linked(link), "environments")
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
            spec = dataclasses.replace(self.providing.resolved(spec), disk=self.quota.allowance(spec.disk))
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

    def on_remove_runs(self, link: Link, message: talk.RemoveRuns) -> None:
        self._watch(self._remove(link, message.runs), "remove runs")

    async def _remove(self, link: Link, runs: Tuple[str, ...]) -> None:
        """Remove what is left of these runs, and say of which nothing is. A run that is still kept here is let go of first."""
        removed = []
        for run in runs:
            keeper = self.keepers.get(run)
            if keeper is not None and not await self._let_go(keeper):
                continue
            if await self.threads.bulk(remove, self._place, run):
                removed.append(run)
                self.quota.look_soon()
        try:
            await link.say(talk.RunsRemoved(runs=tuple(removed)))
        except LinkDown:
            pass  # the supervisor asks again over the next connection

    async def _let_go(self, keeper: Keeper) -> bool:
        """Whether nothing of this run is looked after any more, which for one that is over is so in a moment."""
        keeper.forget()
        limit = time.monotonic() + LET_GO
        while self.keepers.get(keeper.run) is keeper:
            if time.monotonic() > limit:
                log.warning("Run %s was deleted, and is still there: its directory stays.", keeper.run)
                return False
            await asyncio.sleep(0.05)
        return True

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
            await send_report(
                self._place, self.threads, self.warm, self.providing, self.shelf, message, transfer, final=final,
                gone=tidying.gone_words(self._keep_for),
            )  # fmt: skip

        self._transfer(message.op, work)

    def on_make_input(self, _link: Link, message: talk.MakeInput) -> None:
        self._transfer(message.op, lambda transfer: self.inputs.send(message, transfer))

    def on_make_environment(self, _link: Link, message: talk.MakeEnvironment) -> None:
        self._transfer(message.op, lambda transfer: self.environments.send(message, transfer))

    def on_send_file(self, _link: Link, message: talk.SendFile) -> None:
        self._transfer(message.op, lambda transfer: self.sending.file(message, transfer))

    def on_list_files(self, _link: Link, message: talk.ListFiles) -> None:
        self._transfer(message.op, lambda transfer: self.sending.listed(message, transfer))

    def on_credit(self, _link: Link, message: talk.Credit) -> None:
        if self._transfers is not None:
            self._transfers.grant(message.op, message.size)

    def on_file_opened(self, _link: Link, message: talk.FileOpened) -> None:
        self.providing.fetching.on_opened(message)

    def on_file_closed(self, _link: Link, message: talk.FileClosed) -> None:
        self.providing.fetching.on_closed(message)

    def on_drop(self, _link: Link, message: talk.Drop) -> None:
        if self._transfers is not None:
            self._transfers.drop(message.op)

    def _transfer(self, op: int, work: Work) -> None:
        if not 0 <= op < 1 << 63:
            raise ProtocolError("malformed", "A transfer's number is between 0 and 2**63.")
        if self._transfers is not None:
            self._transfers.begin(op, work)

    async def _is_over(self, run: str) -> bool:
        """Whether nothing of the run will change any more. One that has no keeper is settled."""
        keeper = self.keepers.get(run)
        return keeper is None or keeper.final

    # ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_warm(self, _link: Link, message: talk.Warm) -> None:
        self._watch(self._warm_up(message), f"warm {message.code}")

    async def _warm_up(self, message: talk.Warm) -> None:
        try:
            python, code_dir = message.python, message.code_dir
            if self.providing.is_cluster:
                python, code_dir = self._place.python(python), self._place.code_dir(code_dir)
                await self.providing.code(code_dir, message.archive)
            await self.warm.get(python, code_dir, message.site.setup if message.site is not None else ())
        except SimyardError as error:
            log.warning("Code %s cannot be warmed: %s", message.code, error.detail)

    def on_leave(self, _link: Link, message: talk.Leave) -> None:
        log.info("Told to leave: %s", message.reason)
        self.leaving.set()

    def on_unknown(self, link: Link, message: Unknown) -> None:
        """A supervisor that is newer wants something that is not known here: it is told so where it waits for an answer."""
        log.warning("Asked for %.60r, which is not known here: the supervisor is of another version.", message.name)
        op = message.fields.get("op")
        if type(op) is int and 0 <= op < 1 << 63:
            self._watch(self._not_known(link, op), f"not known: op {op}")

    async def _not_known(self, link: Link, op: int) -> None:
        words = "Your agent is of an older version, which cannot do this yet; it is replaced when its runs are done."
        try:
            await link.say(talk.Closed(op=op, code="agent-too-old", detail=words))
        except LinkDown:
            pass  # nobody waits any more

    def warm_pids(self) -> List[int]:
        return self.warm.pids()


#: What an agent obeys: all of TO_AGENT, and what is not of it.
HANDLERS: Dict[type, Callable[[Agent, Link, Any], None]] = {
    talk.Welcome: Agent.on_welcome,
    talk.StartRun: Agent.on_start_run,
    talk.StopRun: Agent.on_stop_run,
    talk.EventsStored: Agent.on_events_stored,
    talk.RemoveRuns: Agent.on_remove_runs,
    talk.MakeReport: Agent.on_make_report,
    talk.MakeInput: Agent.on_make_input,
    talk.MakeEnvironment: Agent.on_make_environment,
    talk.SendFile: Agent.on_send_file,
    talk.ListFiles: Agent.on_list_files,
    talk.Credit: Agent.on_credit,
    talk.Drop: Agent.on_drop,
    talk.Warm: Agent.on_warm,
    talk.Leave: Agent.on_leave,
    talk.FileOpened: Agent.on_file_opened,
    talk.FileClosed: Agent.on_file_closed,
    Unknown: Agent.on_unknown,
}
