"""Stop 1, web: runs: start one, see how it is, why it waits, cancel it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from simyard.codes.declaration import Model
from simyard.errors import Conflict, InvalidRequest, NotFound
from simyard.protocol.asking import RunAnswer, RunCancel, RunExplain, RunList, RunSimulation, RunStatus
from simyard.protocol.batch import Batch
from simyard.protocol.ids import is_ulid
from simyard.protocol.jobs import FINAL, Resources
from simyard.web import bodies, present
from simyard.web.answers import answer, dump_with
from simyard.web.api_simulations import declaration, find_live
from simyard.web.context import services, user
from simyard.web.routes import PREFIX, Routes
from simyard.web.showing import run_plain, runs_plain
from simyard.web.sources import Sources
from simyard.web.streams import browser, watched

routes = Routes("runs")

#: Nobody is kept waiting for longer (seconds): who wants to, asks again.
MAX_WAIT = 60
_KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_PREFER = {"Prefer": f"`wait=N`: answer once the run is final, or after N seconds ({MAX_WAIT} at most)."}
_KEY_HEADER = {"Idempotency-Key": "Any word of your own: a repetition with the same one answers with the same run."}


def check_run(run: str) -> str:
    """`run`, if it can be a run's id; raises NotFound."""
    if not is_ulid(run):
        raise NotFound("unknown-run", f"There is no run {run[:60]!r}; the list of runs has those that there are.")
    return run


@routes.post(
    "/simulations/<simulation>/runs",
    answers={200: "StartedRun", 202: "StartedRun"},
    problems=(404, 409, 413, 429, 503, 507),
    headers={**_KEY_HEADER, **_PREFER},
)
def run_start(simulation: str, body: bodies.NewRun) -> Response:
    """Start a run of a model. 202 with its address, 200 where it is final already.

    An active run of the same inputs is the answer (`new` is false); one of other inputs is a conflict, whose `location` is
    that run's address, unless you supersede it. An identical completed run is the answer too (`reused`), unless you say not to.

    What an input takes from another simulation is taken now; where there is nothing to take, that is a conflict too (`source-…`).
    """
    found = find_live(simulation)
    code = declaration(found.code)
    model = code.model(body.model)
    sources = Sources(services(), user())
    key = request.headers.get("Idempotency-Key", "")
    if key and not _KEY.match(key):
        raise InvalidRequest("invalid-key", "An Idempotency-Key has 1 to 200 printable ASCII characters and no spaces.")
    wait = _wait()
    given = sources.given(found, code)
    question = RunSimulation(
        user=user(),
        simulation=found.id,
        simulation_revision=found.revision,
        code=code.name,
        model=model.name,
        inputs=given.inputs,
        files=given.files,
        target=body.target or services().config.default_target,
        resources=resources(body.resources, model),
        reuse=body.reuse,
        supersede=body.supersede,
        key=key,
        # what it was given is kept first: who waits may go away, and nobody would know where it came from
        wait=0.0 if given.sources else wait or 0.0,
    )
    try:
        started: RunAnswer = _ask(question, 0 if given.sources else wait)
    except Conflict as conflict:
        if "run" in conflict.more:
            conflict.more["location"] = f"{PREFIX}/runs/{conflict.more['run']}"
        raise
    said = {"new": started.created, "reused": started.reused}
    if given.sources:
        sources.record(given, started.run, found, model.name, created=started.created)
        started = _ask(RunStatus(user=user(), run=started.run.id, wait=wait), wait) if wait else started
    return _shown(started, wait, said, present.figure(started.report))


@routes.get("/runs", answers={200: "RunList"}, problems=(503,))
def run_list(query: bodies.RunPaging) -> Response:
    """Your runs, newest first."""
    found = services().door.ask(
        RunList(
            user=user(),
            limit=query.limit,
            cursor=query.cursor,
            simulation=query.simulation,
            code=query.code,
            model=query.model,
            state=query.state,
        )
    )
    return answer({"items": runs_plain(services(), found.runs), "cursor": found.cursor})


@routes.get("/runs/<run>", answers={200: "Run"}, problems=(404, 503), headers=_PREFER)
def run_status(run: str) -> Response:
    """One run, as it is; with `Prefer: wait=N` also its first `report` where it came along."""
    wait = _wait()
    found = _ask(RunStatus(user=user(), run=check_run(run), wait=wait or 0.0), wait)
    body = run_plain(services(), found.run)
    data = body if wait is None else dump_with(body, "report", present.figure(found.report))
    return answer(data, headers=_applied(wait))


@routes.post("/runs/<run>/cancel", answers={200: "Run", 202: "Run"}, problems=(404, 409, 503))
def run_cancel(run: str) -> Response:
    """Stop a run. 202: it is `canceling` until all of it is gone; 200: it is final."""
    return _shown(services().door.ask(RunCancel(user=user(), run=check_run(run))), None, {})


@routes.get("/runs/<run>/explain", answers={200: "Explanation"}, problems=(404, 503))
def run_explain(run: str) -> Response:
    """Why isn't it running? Each gate's word, the run's place among what waits, and what would clear it."""
    return answer(present.explanation(services().door.ask(RunExplain(user=user(), run=check_run(run)))))


def _ask(question: Any, wait: int | None) -> Any:
    door = services().door
    if not wait:
        return door.ask(question)
    with watched(browser()):  # who has gone away need not be waited for
        return door.ask(question, wait)


def _shown(found: RunAnswer, wait: int | None, said: Mapping[str, object], figure: str = "") -> Response:
    body = {**run_plain(services(), found.run), **said}
    headers = {"Location": f"{PREFIX}/runs/{found.run.id}", **_applied(wait)}
    return answer(dump_with(body, "report", figure) if figure else body, 200 if found.run.state in FINAL else 202, headers)


def _wait() -> int | None:
    """The seconds that the caller would wait (RFC 7240), bounded; None where nothing was said."""
    prefer = request.headers.get("Prefer")
    match = _WAIT.search(prefer) if prefer else None
    return min(int(match[1]), MAX_WAIT) if match else None


def _applied(wait: int | None) -> dict[str, str]:
    return {} if wait is None else {"Preference-Applied": f"wait={wait}"}


def resources(asked: bodies.RunResources | None, model: Model) -> Resources | None:
    """What was asked for, and where it was not said what the model declares; None where nothing was said."""
    if asked is None:
        return None
    batch = None if asked.batch is None else _batch(asked.batch, asked.cores or model.cores, parallel=model.parallel)
    return Resources(
        cores=asked.cores or model.cores if batch is None else batch.tasks * batch.cpus_per_task,
        memory=asked.memory or model.memory,
        time_limit=asked.time_limit or 0.0,
        batch=batch,
    )


def _batch(asked: bodies.RunBatch, cores: int, *, parallel: bool) -> Batch:
    """The choices on a cluster. Where it is not said how many tasks there are: a parallel model has its cores as tasks, another one task on
    each node, which has the cores."""
    nodes = asked.nodes or 1
    tasks = asked.tasks or (max(nodes, cores // (asked.cpus_per_task or 1)) if parallel else nodes)
    return Batch(
        partition=asked.partition,
        account=asked.account,
        qos=asked.qos,
        constraint=asked.constraint,
        nodes=nodes,
        tasks=tasks,
        cpus_per_task=asked.cpus_per_task or (1 if parallel else max(1, -(-cores // tasks))),
        gpus=asked.gpus,
        extra=tuple(asked.extra),
    )
