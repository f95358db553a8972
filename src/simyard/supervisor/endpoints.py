"""The questions of web, one function each: found by the table at the end, answered with what is durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tornado.web import Application

import simyard
from simyard.errors import InvalidRequest, NotFound, ProtocolError
from simyard.protocol import asking
from simyard.protocol.jobs import FINAL, Run, RunSpec, State, identity
from simyard.supervisor import explaining, plans, reactor, streams
from simyard.supervisor.changes import ChangesStream
from simyard.supervisor.metrics import render
from simyard.supervisor.shell import Shell
from simyard.supervisor.web_door import Ask, Handler

#: Nobody waits longer than this for a final state in one request (seconds).
MAX_WAIT = 60.0
MAX_PAGE = 500


async def run_simulation(shell: Shell, question: asking.RunSimulation, _door: Ask) -> asking.RunAnswer:
    """Start a run, or answer with the one that is as good."""
    shell.must_write()
    spec = plans.plan(shell.config, shell.codes.code(question.code), shell.core.places, question)
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
        shell.store.page, question.user, limit + 1, question.cursor, question.simulation, question.model, question.state
    )
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


async def run_explain(shell: Shell, question: asking.RunExplain, _door: Ask) -> asking.Explanation:
    """Why isn't it running?"""
    run = await shell.run_of(question.user, question.run)
    if shell.writer.failing:
        return explaining.explain(shell.core, run, shell.clock())
    # the brain knows best what it waits for; what it knows is told once it is durable
    latest = shell.core.runs.get(run.id, run)
    told: asking.Explanation = await shell.settled(explaining.explain(shell.core, latest, shell.clock()))
    return told


async def target_list(shell: Shell, question: asking.TargetList, _door: Ask) -> asking.Targets:
    """The places to run, as this user sees them."""
    return asking.Targets(targets=explaining.targets(shell.core, question.user, shell.clock()))


async def target_login(shell: Shell, question: asking.TargetLogin, _door: Ask) -> asking.LoginAnswer:
    """A target of kind local needs no login."""
    place = plans.place_of(shell.core.places, question.target)
    return asking.LoginAnswer(target=place.name, state="ready")


async def arrive(shell: Shell, question: asking.Arrive, _door: Ask) -> asking.Pong:
    """A user is here: an agent is made ready, and the code warm. A code that is not installed keeps nobody from arriving."""
    place = plans.place_of(shell.core.places, question.target)
    warm = None
    if question.code:
        try:
            warm = plans.warm(shell.config, shell.codes.code(question.code))
        except InvalidRequest:
            pass  # said when somebody wants to run it
    if not shell.writer.failing:
        shell.tell(reactor.on_arrive, question.user, place.name, warm, shell.clock())
    return pong(shell)


async def changes(shell: Shell, question: asking.Changes, _door: Ask) -> str:
    """The user's runs that have changed since; `cursor` is the number of the last change where there may be more."""
    limit = _limit(question.limit)
    runs = await shell.read(shell.store.changed_after, question.user, question.after, limit)
    return _page(tuple(runs), lambda last: str(last.change), more=len(runs) == limit)


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
        found = shell.store.find_completed(question.user, name)
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
    asking.RunExplain: run_explain,
    asking.Report: streams.report,
    asking.Frame: streams.frame,
    asking.RunLog: streams.run_log,
    asking.RunFiles: streams.run_files,
    asking.RunFile: streams.run_file,
    asking.TargetList: target_list,
    asking.TargetLogin: target_login,
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
