"""Why isn't it running? The gates' verdicts of one run in words, and how each target looks to a user. Pure."""

from __future__ import annotations

import dataclasses

from simyard.protocol.asking import Explanation, Target
from simyard.protocol.jobs import Run, State
from simyard.supervisor.advance import position
from simyard.supervisor.core import RUN_LANES, AgentState, Core
from simyard.supervisor.gates import count, verdicts

_SUMMARIES = {
    State.STARTING: "It was handed to the agent on {target}, which is preparing its run directory.",
    State.RUNNING: "It is running on {target}.",
    State.CANCELING: "It is being canceled; it counts as canceled once everything of it is gone.",
    State.COMPLETED: "It has completed.",
    State.FAILED: "It has failed: {reason}",
    State.CANCELED: "It was canceled. {reason}",
    State.LOST: "It is lost: {reason}",
}


def explain(core: Core, run: Run, now: float) -> Explanation:
    """What the run waits for, where it stands, and what would clear it; or what it is doing."""
    op = core.ops.get(run.id)
    if op is None:
        summary = _SUMMARIES.get(run.state, "It is about to be looked at.").format(target=run.target, reason=run.reason).strip()
        return Explanation(run=run.id, state=run.state.value, summary=summary + _silence(core, run, now))
    said = verdicts(core, op, now)
    if core.parked.get(run.jid) is op:
        return Explanation(run=run.id, state=run.state.value, summary=said[-1].detail, gates=said)
    place = core.places.get(op.target)
    where = position(place, op, now) if place is not None else 0
    ahead = f" {count(where - 1, 'run')} ahead of it." if where > 1 else ""
    blocked = not said[-1].passed
    summary = (said[-1].detail if blocked else "It may go, and waits for its turn.") + ahead
    return Explanation(run=run.id, state=run.state.value, summary=summary, gates=said, position=where)


def told(core: Core, run: Run, now: float) -> Run:
    """The run as it is shown: a waiting one with its gates' verdicts."""
    op = core.ops.get(run.id)
    return run if op is None else dataclasses.replace(run, waiting=verdicts(core, op, now))


def targets(core: Core, user: str, now: float) -> tuple[Target, ...]:
    """Every target as this user sees it."""
    return tuple(
        Target(
            name=place.name,
            kind=place.limits.kind,
            state="disabled" if place.why_disabled else _agent_state(core, user, place.name),
            detail=place.why_disabled or _agent_detail(core, user, place.name, now),
            cores=place.cores,
            memory=place.memory,
            cores_free=place.cores - place.cores_used,
            memory_free=place.memory - place.memory_used,
            waiting=sum(len(line) for key, line in place.lines.items() if key[0] in RUN_LANES),
        )
        for place in core.places.values()
    )


def _agent_state(core: Core, user: str, target: str) -> str:
    agent = core.agents.get((user, target))
    if agent is None:
        return "away" if (user, target) in core.backoff else "ready"
    return {AgentState.CONNECTED: "ready", AgentState.STARTING: "starting", AgentState.AWAY: "away"}[agent.state]


def _agent_detail(core: Core, user: str, target: str, now: float) -> str:
    agent, failed = core.agents.get((user, target)), core.backoff.get((user, target))
    if agent is None:
        return f"The agent could not be started: {failed.detail}." if failed is not None else ""
    if agent.state is AgentState.AWAY:
        return f"The agent has not been heard of for {now - agent.since:.0f} s."
    return ""


def _silence(core: Core, run: Run, now: float) -> str:
    agent = core.agents.get((run.user, run.target))
    if run.id not in core.held or (agent is not None and agent.state is AgentState.CONNECTED):
        return ""
    since = agent.since if agent is not None else run.last_heard
    return f" Its agent is away{f' since {now - since:.0f} s' if since is not None else ''}: this is its last known state."
