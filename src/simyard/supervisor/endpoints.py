"""The questions of web, one function each: found by the table at the end, answered with what is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tornado.web import Application

import simyard
from simyard.errors import Conflict, InvalidRequest, NotFound, ProtocolError, Unavailable
from simyard.protocol import asking
from simyard.protocol.code_places import CodePlaces, InstallCode
from simyard.protocol.jobs import FINAL, Run, RunSpec, State, identity
from simyard.protocol.targets import LoginAnswer, TargetList, TargetLogin, Targets
from simyard.store.records import Deleted
from simyard.supervisor import agency, cluster_plans, clusters, explaining, logins, plans, reactor, standings, streams
from simyard.supervisor.changes import ChangesStream
from simyard.supervisor.core import LANE_OF, Lane, Place
from simyard.supervisor.estimating import Wanted
from simyard.supervisor.metrics import render
from simyard.supervisor.shell import Shell
from simyard.supervisor.web_door import Ask, Handler

#: Nobody waits longer than this for a final state in one request (seconds).
MAX_WAIT = 60.0
MAX_PAGE = 500
#: A driver answers about a login so long after the wait that was asked for, at most (seconds).
LOGIN_LIMIT = 20.0


async def run_simulation(shell: Shell, question: asking.RunSimulation, _door: Ask) -> asking.RunAnswer:
    """Start a run, or answer with the one that is as good."""
    shell.must_write()
    code = shell.codes.code(question.code)
    await standings.must_stand(shell, code, question.target, question.user)
    spec = plans.plan(shell.config, code, shell.core.places, question, await shell.packed(code, question.target))
    previous = await _previous(shell, question, spec)
    answer: asking.RunAnswer = await shell.ask(
        lambda number: shell.tell(reactor.on_run_simulation, number, question, spec, previous, shell.clock())
    )
    run = await _awaited(shell, answer.run, question.wait)
    report = shell.known.report_along(run) if question.wait > 0 else ""
    return asking.RunAnswer(run=run, created=answer.created, reused=answer.reused, report=report)


async def run_status(shell: Shell, question: asking.RunStatus, _door: Ask) -> asking.RunAnswer | str:
    """One run, as it is, or once it is final."""
    run = shell.known.get(question.run)
    if run is None or run.user != question.user:
        run = await shell.run_of(question.user, question.run)
    if question.wait > 0:
        run = await _awaited(shell, run, question.wait)
        if report := shell.known.report_along(run):
            return asking.RunAnswer(run=run, report=report)
    if run.state is State.PENDING:
        return asking.RunAnswer(run=explaining.told(shell.core, run, shell.clock()))
    return shell.known.answer_text(run)


async def run_list(shell: Shell, question: asking.RunList, _door: Ask) -> str:
    """A page of the user's runs, newest first."""
    limit = _limit(question.limit)
    if question.state and question.state not in {state.value for state in State}:
        raise InvalidRequest(
            "unknown-state", f"There is no state {question.state[:40]!r}; there are {', '.join(state.value for state in State)}."
        )
    runs = await shell.read(
        shell.store.page, question.user, limit + 1, question.cursor,
        simulation=question.simulation, code=question.code, model=question.model, state=question.state,
    )  # fmt: skip
    now = shell.clock()
    told = tuple(explaining.told(shell.core, run, now) if run.state is State.PENDING else run for run in runs[:limit])
    return _page(told, lambda last: last.id, more=len(runs) > limit)


async def run_cancel(shell: Shell, question: asking.RunCancel, _door: Ask) -> asking.RunAnswer:
    """Cancel one run; one that is over is answered as it is."""
    run = await shell.run_of(question.user, question.run)
    if run.state not in FINAL:
        shell.must_write()
    answer: asking.RunAnswer = await shell.ask(lambda number: shell.tell(reactor.on_run_cancel, number, run, shell.clock()))
    newest = shell.known.get(run.id)
    return asking.RunAnswer(run=newest) if newest is not None and newest.revision > answer.run.revision else answer


async def run_delete(shell: Shell, question: asking.RunDelete, _door: Ask) -> asking.RunGone:
    """Delete a run that is over. Nobody finds it any more once this is answered."""
    run = await shell.run_of(question.user, question.run)
    shell.must_write()
    if run.state not in FINAL and run.id not in shell.core.runs:
        await shell.settled()  # it is over, and that is being written
        run = await shell.run_of(question.user, question.run)
    if run.state not in FINAL:
        raise Conflict("run-active", f"It is {run.state.value}: cancel it, or wait for its end, before you delete it.")
    gone: asking.RunGone = await shell.ask(lambda number: shell.tell(reactor.on_run_delete, number, run, shell.clock()))
    return gone


async def run_same(shell: Shell, question: asking.RunSame, _door: Ask) -> asking.RunPage:
    """The completed run that computed exactly this, if there is one: of the same simulation, or of another."""
    code = shell.codes.code(question.code)
    inputs = code.values(question.inputs, question.files)
    name = identity(code.name, code.version, code.model(question.model).name, inputs, question.files)
    run = await shell.read(shell.store.find_completed, question.user, name, question.simulation)
    return asking.RunPage(runs=() if run is None or shell.known.is_deleted(run.id) else (run,))


async def tell(shell: Shell, question: asking.Tell, _door: Ask) -> asking.Pong:
    """Hand a notice on to every web worker."""
    shell.known.notice(asking.Notice(user=question.user, what=question.what, id=question.id, origin=question.origin))
    return pong(shell)


async def run_explain(shell: Shell, question: asking.RunExplain, _door: Ask) -> asking.Explanation:
    """Why isn't it running?"""
    run = await shell.run_of(question.user, question.run)
    if shell.writer.failing:
        return explaining.explain(shell.core, run, shell.clock())
    # the brain knows best what it waits for; what it knows is told once it is durable
    latest = shell.core.runs.get(run.id, run)
    told: asking.Explanation = await shell.settled(explaining.explain(shell.core, latest, shell.clock()))
    return told


async def run_inputs(shell: Shell, question: asking.RunInputs, _door: Ask) -> asking.Inputs:
    """What a run was made of."""
    run = await shell.run_of(question.user, question.run)
    spec = (await shell.read(shell.store.specs, [run.id])).get(run.id)
    if spec is None:
        raise NotFound("no-inputs", "What this run was made of is not stored any more.")
    return asking.Inputs(run=run.id, inputs=spec.inputs, files=spec.files)


async def target_list(shell: Shell, question: TargetList, _door: Ask) -> Targets:
    """The places to run, as this user sees them."""
    model = shell.codes.code(question.code).model(question.model) if question.code and question.model else None

    def wanted(place: Place) -> Wanted | None:
        if model is None:
            return Wanted(user=question.user, lane=Lane.LONG, cores=1, memory=0)
        try:
            resources = plans.resources_of(shell.config, place, question.user, model, None)
        except InvalidRequest:
            return None
        return Wanted(user=question.user, lane=LANE_OF[model.kind], cores=resources.cores, memory=resources.memory)

    targets = explaining.targets(shell.core, question.user, wanted, shell.clock())
    return Targets(targets=tuple(cluster_plans.shown(shell.config.clusters.get(one.name), one) for one in targets))


async def target_login(shell: Shell, question: TargetLogin, _door: Ask) -> LoginAnswer:
    """How a login stands, or its next step. What waited for it goes on as soon as it stands."""
    place = plans.place_of(shell.core.places, question.target)
    step = logins.step(question, MAX_WAIT)
    try:
        async with asyncio.timeout(step.wait + LOGIN_LIMIT):
            login = await shell.keeping.driver(place.name).log_in(question.user, step)
    except TimeoutError:
        raise Unavailable(
            "login-silent",
            f"Nothing is heard of the login to {place.name}. Try again; `simyard target check {place.name}` says more.",
        ) from None
    if not shell.writer.failing:
        goes = question.begin or bool(question.answers) or bool(question.accept)
        shell.tell(clusters.on_login, (question.user, place.name), arrives=goes, now=shell.clock())
    return logins.answer(place.name, login)


async def arrive(shell: Shell, question: asking.Arrive, _door: Ask) -> asking.Pong:
    """A user is here: an agent is made ready, and the code warm, there and wherever this user has been lately. A code that is not
    installed keeps nobody from arriving."""
    plans.place_of(shell.core.places, question.target)
    for name in dict.fromkeys([question.target, *agency.lately(shell.core, question.user)]):
        warm = None
        if question.code:
            try:
                code = shell.codes.code(question.code)
                warm = plans.warm(shell.config, code, shell.core.places[name], await shell.packed(code, name))
            except InvalidRequest:
                pass  # said when somebody wants to run it
        if not shell.writer.failing:
            shell.tell(reactor.on_arrive, question.user, name, warm, shell.clock())
    return pong(shell)


async def changes(shell: Shell, question: asking.Changes, _door: Ask) -> str:
    """The user's runs that have changed since; `cursor` is the number of the last change where there may be more."""
    limit = _limit(question.limit)
    happened = await shell.read(shell.store.happened_after, question.user, question.after, limit)
    return _happened(happened, more=len(happened) == limit)


async def ping(shell: Shell, _question: asking.Ping, _door: Ask) -> asking.Pong:
    return pong(shell)


def pong(shell: Shell) -> asking.Pong:
    return asking.Pong(
        version=simyard.__version__,
        change=shell.known.last,
        agents=len(shell.connected),
        active=len(shell.known.active),
        failing=shell.writer.failing,
    )


async def _previous(shell: Shell, question: asking.RunSimulation, spec: RunSpec) -> Run | None:
    """A run that may be the answer: of the same key, or completed with the same identity."""
    name = identity(spec.code, spec.code_version, spec.model, spec.inputs, spec.files)
    while question.key or question.reuse:
        found = await shell.read(_look_up, shell, question, name)
        made = shell.core.keys.get((question.user, question.key)) if question.key else None
        if made is None or made in shell.core.runs or (found is not None and found.id == made):
            return found
        # a run with this key was made and has ended since the store was asked: once that is durable, the store knows it
        await shell.settled()
    return None


def _look_up(shell: Shell, question: asking.RunSimulation, name: str) -> Run | None:
    found = shell.store.find_key(question.user, question.key) if question.key else None
    if found is None and question.reuse:
        found = shell.store.find_completed(question.user, name, question.simulation)
    return found


async def _awaited(shell: Shell, run: Run, seconds: float) -> Run:
    if seconds <= 0 or run.state in FINAL:
        return run
    return await shell.known.until(run, lambda now: now.state in FINAL, min(seconds, MAX_WAIT))


def _page(runs: tuple[Run, ...], cursor: Callable[[Run], str], *, more: bool) -> str:
    """The text of a page of these runs: of the first of them, where all together (their results, that is) are too large
    for a message. `more`: others follow."""
    while True:
        try:
            return asking.ANSWER.encode(asking.RunPage(runs=runs, cursor=cursor(runs[-1]) if more else ""))
        except ProtocolError:
            if len(runs) < 2:
                raise
            runs, more = runs[: len(runs) // 2], True


def _happened(some: list[Run | Deleted], *, more: bool) -> str:
    """As `_page`, of changes and deletions in order."""
    while True:
        runs = tuple(one for one in some if isinstance(one, Run))
        gone = tuple(asking.RunGone(user=one.user, run=one.run, change=one.change) for one in some if isinstance(one, Deleted))
        try:
            return asking.ANSWER.encode(asking.RunPage(runs=runs, gone=gone, cursor=str(some[-1].change) if more else ""))
        except ProtocolError:
            if len(some) < 2:
                raise
            some, more = some[: len(some) // 2], True


def _limit(asked: int) -> int:
    if asked < 1:
        raise InvalidRequest("invalid-limit", "A page has at least one run.")
    return min(asked, MAX_PAGE)


#: Every question, and who answers it.
ANSWERS: dict[type, Callable[[Shell, Any, Ask], Any]] = {
    asking.RunSimulation: run_simulation,
    asking.RunStatus: run_status,
    asking.RunList: run_list,
    asking.RunCancel: run_cancel,
    asking.RunDelete: run_delete,
    asking.RunSame: run_same,
    asking.Tell: tell,
    asking.RunExplain: run_explain,
    asking.RunInputs: run_inputs,
    asking.ShowInput: streams.show_input,
    asking.Report: streams.report,
    asking.Frame: streams.frame,
    asking.RunLog: streams.run_log,
    asking.RunFiles: streams.run_files,
    asking.RunFile: streams.run_file,
    TargetList: target_list,
    TargetLogin: target_login,
    CodePlaces: standings.code_places,
    InstallCode: streams.install_code,
    asking.Arrive: arrive,
    asking.Changes: changes,
    asking.Ping: ping,
}


class Health(Handler):
    """`GET /healthz`: the loop turns. `GET /readyz`: and what is told can be made durable."""

    def get(self) -> None:
        failing = self.shell.writer.failing if self.request.path == "/readyz" else ""
        self.set_status(503 if failing else 200)
        self.finish({"status": failing or "ok"})


class Metrics(Handler):
    """`GET /metrics`, for Prometheus."""

    async def get(self) -> None:
        shell = self.shell
        gauges = {
            "agents_connected": ("Agents that are connected", len(shell.connected)),
            "runs_active": ("Runs that are not over", len(shell.known.active)),
            "runs_waiting": ("Runs that wait for a gate", len(shell.core.ops)),
            "listeners": ("Streams of changes", len(shell.known.listeners)),
            "transfers": ("Reports and files that are waited for", len(shell.transfers)),
            "last_change": ("Number of the last durable change", shell.known.last),
            "ready": ("Whether commits succeed", 0 if shell.writer.failing else 1),
        }
        text = await shell.read(render, shell.counts, gauges)
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish(text)


def application(shell: Shell, secret: str) -> Application:
    """The web door."""
    given = {"shell": shell}
    return Application(
        [
            ("/healthz", Health, given),
            ("/readyz", Health, given),
            ("/metrics", Metrics, given),
            *((path, ChangesStream if path == "/changes" else Ask, given) for path in asking.PATHS),
        ],
        default_handler_class=_Nowhere,
        default_handler_args=given,
        log_function=lambda _handler: None,
        wanted=f"Bearer {secret}".encode(),
        answers=ANSWERS,
    )


class _Nowhere(Handler):
    """Every other path."""

    def prepare(self) -> None:
        self.problem(NotFound("no-such-path", f"Nothing is asked at {self.request.path[:200]}."))
