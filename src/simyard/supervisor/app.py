"""The supervisor's process: opens store and doors, starts the brain where the store says that it was, and turns until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from simyard import clock as clocks
from simyard import config as configuration
from simyard import notify
from simyard.again import begin_again
from simyard.clock import Clock
from simyard.codes.shelf import Shelf
from simyard.config import KINDS, Config
from simyard.drivers.base import Driver
from simyard.drivers.environment import allowed
from simyard.drivers.local import LocalDriver
from simyard.errors import SimyardError
from simyard.protocol.wire import MAX_MESSAGE
from simyard.store.engine import make_engine, migrate
from simyard.store.runs import RunStore
from simyard.supervisor import agents_door, endpoints, reactor
from simyard.supervisor.agents_server import AgentsServer
from simyard.supervisor.core import CLUSTER_START_LIMIT, ENDLESS, Core, Place
from simyard.supervisor.home import listen_at, locked, private_folder, secret_in, shown_folder
from simyard.supervisor.journal import Journal, configure
from simyard.supervisor.keeping import Keeping
from simyard.supervisor.known import Known
from simyard.supervisor.shell import Shell

journal = Journal(__name__)

TICK = 1.0
#: A page that was away for so long (seconds) looks at everything anew: who deleted what before that need not be known.
REMEMBER_DELETED = 30 * 86400.0
#: So many of the newest runs say at a start how long runs take.
REMEMBER_DURATIONS = 200
#: The loop is looked at this often, and is late when it comes more than STALL after that (seconds).
LOOK, STALL = 0.1, 0.05
#: At a stop, what was said is written within this time, or stays unsaid (seconds).
STOP_LIMIT = 5.0
#: And what was begun with drivers ends within this time, or is broken off (seconds).
REST_LIMIT = 5.0
#: Connections that may wait to be accepted: all agents come back at once when a supervisor is started again.
BACKLOG = 16_384


def main(config: Config, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM or SIGINT; the exit status. Agents and runs go on. What is safe of `environ` is passed on to agents.
    SIGHUP has it begin again with the settings as they are then, in the same process."""
    configure()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        private_folder(config.home)
        with locked(config.home / "supervisor.lock"):
            again = asyncio.run(serve(config, environ))
    except SimyardError as error:
        journal.error("cannot run", code=error.code, reason=error.detail)
        print(f"simyard supervisor: {error.detail}", file=sys.stderr)  # noqa: T201 - for whoever started it by hand
        return 1
    if again:
        begin_again()
    return 0


async def serve(config: Config, environ: Mapping[str, str]) -> bool:
    """Everything between start and stop; whether it is to begin again. Raises SimyardError for what keeps it from starting."""
    stop = asyncio.Event()
    again = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _on_reload, config, environ, stop, again)
    async with running(config, _drivers(config), allowed(environ)) as (shell, writing):
        loop.add_signal_handler(signal.SIGUSR2, shell.dismissing.set)
        journal.info("ready", home=str(config.home), active=len(shell.known.active), change=shell.known.last)
        notify.tell(notify.READY)
        told = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait({told, writing}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if writing.done():
            # nothing can be written any more: whoever keeps us starts us again, and the store says where to go on
            writing.result()
        notify.tell(notify.RELOADING if again.is_set() else notify.STOPPING)
    return again.is_set()


def _on_reload(config: Config, environ: Mapping[str, str], stop: asyncio.Event, again: asyncio.Event) -> None:
    try:
        configuration.load(environ, config.home)
    except SimyardError as error:
        journal.error("the new settings are wrong; going on with those that were", reason=error.detail)
    else:
        journal.info("beginning again, with the settings as they are now")
        again.set()
        stop.set()


def _drivers(config: Config) -> dict[str, Driver]:
    drivers: dict[str, Driver] = {"local": LocalDriver(config.home / "log" / "agents")}
    if any(target.kind == "docker" for target in config.targets.values()):
        from simyard.drivers.docker import making  # here, because its client takes a while to import

        drivers["docker"] = making.driver(config, clocks.system)
    if config.clusters:
        from simyard.drivers.sbatch import making as clusters  # as above

        drivers.update(clusters.drivers(config, clocks.system))
    return drivers


@contextlib.asynccontextmanager
async def running(
    config: Config,
    drivers: Mapping[str, Driver],
    environment: Mapping[str, str],
    clock: Clock = clocks.system,
    store: RunStore | None = None,
) -> AsyncIterator[tuple[Shell, asyncio.Task[None]]]:
    """A supervisor with open doors, and its writer's task. At the end everything that was said is written, the sockets are
    removed, and agents and runs go on. `environment` is what agents and codes may see."""
    private_folder(config.home)
    private_folder(config.doors)
    owner = config.container_owner if "docker" in drivers else (os.getuid(), os.getgid())
    shown_folder(config.agent_door.parent, owner)
    secret = secret_in(config.door_secret)
    if store is None:
        engine = make_engine(config.jobs_url)
        migrate(engine, "jobs")
        store = RunStore(engine)
    shell = _restored(config, drivers, environment, clock, store)
    web = HTTPServer(endpoints.application(shell, secret), max_body_size=16 * MAX_MESSAGE)
    agents = AgentsServer(agents_door.application(shell), max_body_size=MAX_MESSAGE)
    writing = asyncio.create_task(shell.writer.run(), name="writer")
    tasks = {asyncio.create_task(_tick(shell), name="tick"), asyncio.create_task(_watch(shell), name="stall watch")}
    tasks.add(asyncio.create_task(shell.keeping.watch(), name="watch of the drivers"))
    try:
        for server, path in ((agents, config.agent_door), (web, config.web_door)):
            listen_at(path)
            server.add_socket(bind_unix_socket(str(path), mode=0o600, backlog=BACKLOG))
        if os.getuid() == 0:
            os.chown(config.agent_door, *owner)
        # what lives as long as the process is not looked at again by the collector, whose full rounds stall the loop
        gc.collect()
        gc.freeze()
        yield shell, writing
    finally:
        web.stop()
        agents.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _close(shell, writing)
        await web.close_all_connections()
        await agents.close_all_connections()
        for path in (config.web_door, config.agent_door):
            path.unlink(missing_ok=True)
        for driver in drivers.values():
            await driver.cleanup()
        store.close()
        journal.info("stopped")


def _restored(
    config: Config, drivers: Mapping[str, Driver], environment: Mapping[str, str], clock: Clock, store: RunStore
) -> Shell:
    """The brain as the store says that it was."""
    active, change, now = store.active(), store.last_change(), clock()
    store.forget_deleted(now - REMEMBER_DELETED)
    core = Core(_places(config, drivers), secrets.token_bytes)
    core.restore(active, store.agents(), change, now)
    core.learn_from(store.newest(REMEMBER_DURATIONS))
    shelf = Shelf(config)
    codes = shelf.fresh()
    for name, words in codes.broken.items():
        journal.warning("a code cannot be used", code=name, reason=words)
    shell = Shell(config, core, store, codes, Known(active, change), clock)
    shell.shelf = shelf
    shell.keeping = Keeping(shell, drivers, environment)
    return shell


def _places(config: Config, drivers: Mapping[str, Driver]) -> list[Place]:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    places = []
    # the default first: so they are shown
    for name in sorted(config.targets, key=lambda name: name != config.default_target):
        limits = config.targets[name]
        why = "" if limits.enabled else f"{name} is switched off in the configuration."
        driver = drivers.get(config.driver(name))
        if driver is None:
            why = f"{name} is of kind {limits.kind!r}, which this Simyard cannot drive; it can drive {', '.join(KINDS)}."
        place = Place(name=name, limits=limits, cores=limits.cores or cores, memory=limits.memory or memory, why_disabled=why)
        if place.is_cluster:
            place.cores, place.memory, place.start_limit = limits.cores or ENDLESS, ENDLESS, CLUSTER_START_LIMIT
        if driver is not None:
            place.trouble, place.login = driver.trouble, driver.login
        places.append(place)
    return places


async def _tick(shell: Shell) -> None:
    while True:
        try:
            # while nothing can be written nothing can be told either: no deadline is judged by what nobody heard
            if not shell.writer.failing:
                shell.tell(reactor.on_tick, shell.clock())
        except Exception as error:  # noqa: BLE001
            # the wall of the clock: one deadline that cannot be kept must not keep the others from being kept
            journal.failure("tick failed", error)
        notify.tell(notify.ALIVE)
        await asyncio.sleep(TICK)


async def _watch(shell: Shell) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LOOK
        await asyncio.sleep(LOOK)
        late = loop.time() - due
        if late > STALL:
            shell.counts.stalls += 1
            shell.counts.longest_stall = max(shell.counts.longest_stall, late)
            journal.warning("the event loop was late", seconds=round(late, 3))


async def _close(shell: Shell, writing: asyncio.Task[None]) -> None:
    # an agent whose start is under way is written down first: nobody would find it again otherwise
    await shell.rest(REST_LIMIT)
    shell.stopping = True
    if shell.dismissing.is_set():
        await shell.dismiss()
    shell.writer.close()
    _, late = await asyncio.wait({writing}, timeout=STOP_LIMIT)
    if late:
        journal.error("stopped although something could not be written", reason=shell.writer.failing)
        writing.cancel()
    await shell.close()
