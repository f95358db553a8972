"""What happens: each handler takes the state, the outbox and the time, and says what is to be done. No I/O, no clock.

Handlers are called by the shell one at a time. Whatever may have cleared a gate ends in `advance`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from simyard.config import TargetConfig
from simyard.errors import Busy, Conflict, ProtocolError
from simyard.protocol import agents as talk
from simyard.protocol import rundir
from simyard.protocol.asking import RunAnswer, RunGone, RunSimulation
from simyard.protocol.ids import jid
from simyard.protocol.jobs import FINAL, Run, RunSpec, State, identity
from simyard.store.records import Deleted
from simyard.supervisor import agency, clusters, disks, events, replacing, views
from simyard.supervisor.advance import advance
from simyard.supervisor.core import AgentState, Core, save
from simyard.supervisor.outbox import Outbox

#: A run that was sent and of which nothing is heard makes its agent say again what it has (seconds); longer than an agent
#: gives a code for its imports.
START_DEADLINE = 150.0
#: Events by which a run says that it does not wait (any more).
_RUNS = frozenset({rundir.BEGUN, rundir.RESUMED, rundir.STARTED})
#: A cancel that is not confirmed is sent again this often (seconds).
CANCEL_AGAIN = 10.0


def on_run_simulation(
    core: Core, out: Outbox, request: int, question: RunSimulation, plan: RunSpec, previous: Run | None, now: float
) -> None:
    """Start a run, or answer with the one that is as good. `plan` is a spec without its run id, already checked;
    `previous` is a completed run with the same identity, or one with the same idempotency key, if the store has one."""
    agency.used(core, (question.user, question.target), now)
    job = jid(question.user, question.simulation, question.model)
    name = identity(plan.code, plan.code_version, plan.model, plan.inputs, plan.files)
    if previous is not None and previous.id in core.deleted:
        previous = None  # deleted since the store was asked
    active = core.runs.get(core.current.get(job, ""))
    if active is not None and active.state is State.CANCELING:
        active = None
    answer = _as_good(core, question, name, active, previous)
    if answer is not None:
        # what goes on with other inputs is as little wanted as if this were a new run
        if answer.reused and active is not None and question.supersede:
            _cancel(core, out, active, now, "Superseded by a run with other inputs.")
        out.answer(request, answer)
        advance(core, out, now)
        return
    if active is not None and not question.supersede:
        out.refuse(request, _active(active))
        return
    place = core.places[question.target]
    waiting = sum(len(line) for key, line in place.lines.items() if key[1] == question.user)
    if waiting >= place.limits.queued_runs:
        limit = f"You have {waiting} runs waiting on {question.target}, the most allowed. Try again when some have ended."
        out.refuse(request, Busy("too-many-queued", limit))
        return
    if active is not None:
        _cancel(core, out, active, now, "Superseded by a run with other inputs.")
    run = _make(core, out, question, plan, name, now)
    out.answer(request, RunAnswer(run=run, created=True))
    advance(core, out, now)


def on_run_cancel(core: Core, out: Outbox, request: int, run: Run, now: float) -> None:
    """Cancel one run. `run` is the caller's, as the shell found it: one that is over is answered as it is."""
    live = core.runs.get(run.id)
    if live is None:
        out.answer(request, RunAnswer(run=run))
        return
    if live.state is not State.CANCELING:
        live = _cancel(core, out, live, now, "Canceled by its user.")
    out.answer(request, RunAnswer(run=live))
    advance(core, out, now)


def on_run_delete(core: Core, out: Outbox, request: int, run: Run, now: float) -> None:
    """Delete a run whose final state is durable. Its directory is removed by its agent: now, or when that is next there."""
    change = core.deleted.get(run.id)
    if change is None:
        core.change += 1
        change = core.change
        core.forget_deleted(run, change)
        out.delete(Deleted(run=run.id, user=run.user, target=run.target, change=change, at=now))
        agent = core.agents.get((run.user, run.target))
        if agent is not None and agent.state is AgentState.CONNECTED:
            out.send(agent.id, talk.RemoveRuns(runs=(run.id,)))
    out.answer(request, RunGone(user=run.user, run=run.id, change=change))


def on_runs_removed(core: Core, out: Outbox, agent_id: str, runs: list[str], *, more: bool, now: float) -> None:
    """An agent says that nothing is left of these runs, of which the store says that they were still to be removed at its
    place (nobody's word counts on anything else). `more`: there may be others."""
    for run in runs:
        out.removed(run, now)
    agent = core.by_id.get(agent_id)
    if agent is not None and runs and more:
        out.sweep(agent_id, *agent.seat)


def on_agent_connected(core: Core, out: Outbox, agent_id: str, hello: talk.Hello, now: float) -> None:
    """An agent has said what it has: tell it what to follow, stop and forget, and send again what never arrived."""
    agent = core.by_id.get(agent_id)
    if agent is None:
        out.kick(agent_id, "replaced")
        return
    if agent.state is AgentState.CONNECTED:
        # a connection that was broken on its side only: the shell has closed the old one, its views went with it
        views.agent_lost(core, out, agent.seat)
    agent.state, agent.since, agent.hello, agent.leaving = AgentState.CONNECTED, now, hello, False
    agent.checked, agent.outdated, agent.holding = float("-inf"), False, None
    agency.returned(core, agent.seat, now)
    follow, forget = agency.follows(core, agent, hello)
    limits = place.limits if (place := core.places.get(agent.seat[1])) is not None else TargetConfig()
    out.send(agent_id, talk.Welcome(follow=tuple(follow), forget=tuple(forget), disk=limits.disk, disk_free=limits.disk_free))
    out.sweep(agent_id, *agent.seat)
    if presence := core.presence.get(agent.seat):
        for warm in presence.codes.values():
            out.send(agent_id, warm)
    seen = {run.run: run.epoch for run in hello.runs}
    for run_id in sorted(core.at_seat.get(agent.seat, ())):
        _reconcile(core, out, agent_id, core.runs[run_id], seen.get(run_id), now)
    advance(core, out, now)


def on_agent_lost(core: Core, out: Outbox, agent_id: str, now: float) -> None:
    """Its connection ended, for whatever reason. What runs there runs on."""
    agent = core.by_id.get(agent_id)
    if agent is not None and agent.state is AgentState.CONNECTED:
        agency.lost(core, out, agent_id, now)
        views.agent_lost(core, out, agent.seat)
        advance(core, out, now)


def on_agent_started(core: Core, out: Outbox, agent_id: str, handle: dict[str, Any]) -> None:
    agency.started(core, out, agent_id, handle)


def on_agent_start_failed(core: Core, out: Outbox, agent_id: str, detail: str, now: float) -> None:
    agency.start_failed(core, out, agent_id, detail, now)


def on_agent_polled(core: Core, out: Outbox, agent_id: str, alive: bool | None, now: float) -> None:
    agency.polled(core, out, agent_id, alive, now)


def on_target_answers(core: Core, out: Outbox, target: str, now: float) -> None:
    """A target that did not answer does again."""
    agency.answers(core, target, now)
    agency.tick(core, out, now)
    advance(core, out, now)


def on_agent_checked(core: Core, out: Outbox, agent_id: str, outdated: bool | None, now: float) -> None:
    replacing.checked(core, out, agent_id, outdated, now)


def on_arrive(core: Core, out: Outbox, user: str, target: str, warm: talk.Warm | None, now: float) -> None:
    """A user has arrived."""
    agency.arrive(core, out, (user, target), warm, now)


def on_run_events(core: Core, out: Outbox, agent_id: str, message: talk.RunEvents, now: float) -> None:
    """New lines of a run directory. What is stale, repeated, or not this agent's is dropped here and nowhere else."""
    run = _run_of(core, agent_id, message.run, message.epoch)
    if run is None:
        # nothing to store, yet the agent waits to hear that it may forget
        if message.run not in core.runs and message.events:
            out.send(agent_id, talk.EventsStored(run=message.run, epoch=message.epoch, last=message.events[-1].n))
        return
    fresh = [event for event in message.events if event.n > run.events]
    numbers = [event.n for event in fresh]
    if numbers != list(range(run.events + 1, run.events + 1 + len(fresh))):
        out.kick(agent_id, f"events of run {run.id} out of order: expected {run.events + 1}, got {numbers[:3]}")
        return
    try:
        changes = events.effect_of_all(run, fresh)
    except ProtocolError as error:
        on_start_failed(
            core, out, agent_id, talk.StartFailed(run=run.id, epoch=run.epoch, reason=error.detail, cause="lost"), now
        )
        return
    if fresh and any(event.event in _RUNS for event in fresh):
        changes.setdefault("remote", clusters.goes_on(run))
    if fresh:
        run = save(core, out, run, now, **changes, events=fresh[-1].n, last_heard=now)
    if message.events:
        out.send(agent_id, talk.EventsStored(run=run.id, epoch=run.epoch, last=run.events))
    if run.state in FINAL:
        advance(core, out, now)


def on_disk_used(core: Core, out: Outbox, agent_id: str, message: talk.DiskUsed, now: float) -> None:
    """An agent says what its user's files and runs take."""
    if disks.on_disk_used(core, agent_id, message, now):
        advance(core, out, now)


def on_start_failed(core: Core, out: Outbox, agent_id: str, message: talk.StartFailed, now: float) -> None:
    """The agent says that nothing of the run runs, and that nothing will."""
    run = _run_of(core, agent_id, message.run, message.epoch)
    if run is not None:
        state = State.CANCELED if run.state is State.CANCELING else State.FAILED
        cause = "" if state is State.CANCELED else events.cause(message.cause) or "start"
        save(core, out, run, now, state=state, reason=events.text(message.reason), cause=cause, ended=now, last_heard=now)
        advance(core, out, now)


def on_not_stored(core: Core, out: Outbox, run_id: str, now: float) -> None:
    """The store refuses what this run has come to, and always will: nothing of it goes on here. A run that was stored before is
    taken up, as it was then, at the next start."""
    run = core.runs.get(run_id)
    if run is None:
        return
    agent = core.agents.get((run.user, run.target))
    if run.state is not State.PENDING and agent is not None and agent.state is AgentState.CONNECTED:
        out.send(agent.id, talk.StopRun(run=run.id, epoch=run.epoch))
    core.forget(run, now)
    advance(core, out, now)


def on_stop_failed(core: Core, out: Outbox, agent_id: str, message: talk.StopFailed, now: float) -> None:
    """A cancel did not succeed yet: it is shown, and goes on."""
    run = _run_of(core, agent_id, message.run, message.epoch)
    if run is not None and run.state is State.CANCELING:
        reason = f"The cancel has not succeeded yet: {events.text(message.reason[:1000])}"
        save(core, out, run, now, reason=reason, last_heard=now)


def on_tick(core: Core, out: Outbox, now: float) -> None:
    """Called about once a second: deadlines."""
    for run_id, sent in list(core.sent.items()):
        run = core.runs[run_id]
        agent = core.agents.get((run.user, run.target))
        if agent is None or agent.state is not AgentState.CONNECTED:
            continue
        if run.state is State.CANCELING and now - sent >= CANCEL_AGAIN:
            core.sent[run_id] = now
            out.send(agent.id, talk.StopRun(run=run.id, epoch=run.epoch))
        elif run.state is State.STARTING and run.remote is None and now - sent >= START_DEADLINE:
            # (one that a cluster has queued may wait there for days)
            core.sent[run_id] = now
            out.kick(agent.id, f"nothing was heard of run {run.id} for {START_DEADLINE:.0f} s")
    views.tick(core, out, now)
    clusters.tick(core, out, now)
    agency.tick(core, out, now)
    replacing.tick(core, out, now)
    advance(core, out, now)


def _reconcile(core: Core, out: Outbox, agent_id: str, run: Run, seen: int | None, now: float) -> None:
    """Set right what this run's agent knows of it: `seen` is the epoch that it named, None where it did not name the run."""
    if seen is not None and seen != run.epoch:
        # one of the two was taken back to an earlier day. There is one directory, which takes on the newest epoch
        run = save(core, out, run, now, epoch=max(seen, run.epoch) + 1)
        if run.state is not State.CANCELING:
            core.sent[run.id] = now
            out.launch(agent_id, run)
    if run.state is State.CANCELING:
        out.send(agent_id, talk.StopRun(run=run.id, epoch=run.epoch))
    elif seen is None and run.state is State.STARTING:
        core.sent[run.id] = now
        out.launch(agent_id, save(core, out, run, now, epoch=run.epoch + 1))
    elif seen is None:
        reason = f"Its run directory on {run.target} is gone, and with it every trace of what it did."
        save(core, out, run, now, state=State.LOST, reason=reason, cause="lost", ended=now)


def _as_good(core: Core, question: RunSimulation, name: str, active: Run | None, previous: Run | None) -> RunAnswer | None:
    """A run that need not be made again: of an earlier request with the same key, active with the same inputs, or
    completed with them."""
    if question.key:
        known = core.runs.get(core.keys.get((question.user, question.key), ""), previous)
        if known is not None and known.key == question.key:
            return RunAnswer(run=known)
    if active is not None and active.identity == name and active.target == question.target:
        return RunAnswer(run=active)
    if question.reuse and previous is not None and previous.state is State.COMPLETED and previous.identity == name:
        return RunAnswer(run=previous, reused=True)
    return None


def _make(core: Core, out: Outbox, question: RunSimulation, plan: RunSpec, name: str, now: float) -> Run:
    core.change += 1
    run = Run(
        id=core.new_id(now),
        user=question.user,
        jid=jid(question.user, question.simulation, question.model),
        simulation=question.simulation,
        simulation_revision=question.simulation_revision,
        code=plan.code,
        code_version=plan.code_version,
        model=plan.model,
        kind=plan.kind,
        target=question.target,
        identity=name,
        state=State.PENDING,
        created=now,
        queued=now,
        resources=plan.resources,
        change=core.change,
        report=plan.first_report,
        key=question.key,
    )
    core.admit(run)
    out.make(run, dataclasses.replace(plan, run=run.id))
    return run


def _active(run: Run) -> Conflict:
    return Conflict(
        "already-active",
        f"A run of this model with other inputs is {run.state.value}. Wait for it, cancel it, or start this one with supersede.",
        {"run": run.id},
    )


def _cancel(core: Core, out: Outbox, run: Run, now: float, reason: str) -> Run:
    pending = run.state is State.PENDING
    run = save(core, out, run, now, state=State.CANCELING, reason=reason)
    if pending:
        # it was never sent: there is nothing that could have to be confirmed
        return save(core, out, run, now, state=State.CANCELED, ended=now)
    core.sent[run.id] = now
    agent = core.agents.get((run.user, run.target))
    if agent is not None and agent.state is AgentState.CONNECTED:
        out.send(agent.id, talk.StopRun(run=run.id, epoch=run.epoch))
    return run


def _run_of(core: Core, agent_id: str, run_id: str, epoch: int) -> Run | None:
    """The run that an agent speaks of, if it may: its own seat's, in this epoch, and sent to it."""
    agent, run = core.by_id.get(agent_id), core.runs.get(run_id)
    if agent is None or run is None or run.state is State.PENDING:
        return None
    return run if (run.user, run.target) == agent.seat and run.epoch == epoch else None
