"""Why isn't it running? The gates' verdicts of one run in words, and how each target looks to a user. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from simyard.protocol.asking import Explanation
from simyard.protocol.jobs import FINAL, Run, State
from simyard.protocol.targets import Target, Wait
from simyard.supervisor import disks, estimating, logins, silence
from simyard.supervisor.advance import position
from simyard.supervisor.core import RUN_LANES, AgentState, Core, Place, Seat
from simyard.supervisor.estimating import Wanted
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
        return Explanation(run=run.id, state=run.state.value, summary=remote(run, summary, now) + _silence(core, run, now))
    said = verdicts(core, op, now)
    if core.parked.get(run.jid) is op:
        return Explanation(run=run.id, state=run.state.value, summary=said[-1].detail, gates=said)
    place = core.places.get(op.target)
    where = position(place, op, now) if place is not None else 0
    ahead = f" {count(where - 1, 'run')} ahead of it." if where > 1 else ""
    blocked = not said[-1].passed
    summary = (said[-1].detail if blocked else "It may go, and waits for its turn.") + ahead
    return Explanation(run=run.id, state=run.state.value, summary=summary, gates=said, position=where)


def remote(run: Run, summary: str, now: float) -> str:
    """The summary, with what the cluster says of the run: its job, why that waits, and since when nothing is heard."""
    said = run.remote
    if said is None:
        return summary
    if run.state in FINAL:
        return f"{summary} It was job {said.job} on {run.target}." if said.job else summary
    job = f"It is job {said.job} there." if said.job else ""
    if said.words and run.state is State.STARTING:
        # what the cluster says tells more than that the run was handed over
        summary, words, job = said.words, "", f"It is job {said.job} on {run.target}." if said.job else f"It is on {run.target}."
    elif run.state is State.STARTING and said.job:
        # nothing else takes the words away (clusters.goes_on)
        summary, words, job = "It has begun, and its code is being started.", "", f"It is job {said.job} on {run.target}."
    else:
        words = said.words
    silent = (
        f"Slurm on {run.target} has not answered since {silence.moment(said.silent_since, now)}: this is the last that is known, and "
        "nothing of the run is lost by that."
        if said.silent_since is not None
        else ""
    )
    return " ".join(part for part in (summary, words, job, silent) if part)


def told(core: Core, run: Run, now: float) -> Run:
    """The run as it is shown: a waiting one with its gates' verdicts."""
    op = core.ops.get(run.id)
    return run if op is None else dataclasses.replace(run, waiting=verdicts(core, op, now))


def targets(core: Core, user: str, wanted: Callable[[Place], Wanted | None], now: float) -> tuple[Target, ...]:
    """Every target as this user sees it; `wanted` is what would be run there, None for what cannot be."""
    return tuple(
        Target(
            name=place.name,
            kind=place.limits.kind,
            state="disabled" if place.why_disabled else _state(core, user, place),
            since=_since(core, (user, place.name)),
            detail=place.why_disabled or _detail(core, user, place, now),
            # of a cluster, whose queue is its own, they are not known
            cores=0 if place.is_cluster else place.cores,
            memory=0 if place.is_cluster else place.memory,
            cores_free=0 if place.is_cluster else place.cores - place.cores_used,
            memory_free=0 if place.is_cluster else place.memory - place.memory_used,
            waiting=sum(len(line) for key, line in place.lines.items() if key[0] in RUN_LANES),
            wait=_wait(core, user, place, wanted(place), now),
            disk=disks.shown(core, user, place),
            agent=_agent_version(core, (user, place.name)),
            login=_login(place, user),
            partitions=tuple(place.partitions.get(user, {}).values()),
        )
        for place in core.places.values()
    )


def _login(place: Place, user: str) -> str:
    """In a word; "" where none is needed, or nobody knows yet whether one is."""
    login = place.login(user)
    return "" if login is None or login.state == "untried" else login.state


def _wait(core: Core, user: str, place: Place, what: Wanted | None, now: float) -> Wait | None:
    if (
        what is None
        or place.is_cluster
        or _agent_state(core, user, place.name) == "silent"
        or disks.why_full(core, (user, place.name)) is not None
    ):
        return None
    return estimating.wait(core, place, what, now)


#: What a login that is not ready makes of its target.
_BY_LOGIN = {
    "needs-login": "needs-login",
    "asking": "needs-login",
    "unknown-host": "needs-login",
    "connecting": "connecting",
    "lost": "away",
    "refused": "refused",
}


def _state(core: Core, user: str, place: Place) -> str:
    login = core.login((user, place.name))
    if login is not None and not login.may_start:
        return _BY_LOGIN.get(login.state, "connecting")
    return _agent_state(core, user, place.name)


def _detail(core: Core, user: str, place: Place, now: float) -> str:
    login = core.login((user, place.name))
    if login is not None and not login.may_start:
        return logins.words(place, login, now)
    return _agent_detail(core, user, place.name, now)


def _agent_state(core: Core, user: str, target: str) -> str:
    agent = core.agents.get((user, target))
    if core.trouble((user, target)) is not None and (agent is None or agent.state is not AgentState.CONNECTED):
        return "silent"
    if agent is None:
        return "away" if (user, target) in core.backoff else "ready"
    return {AgentState.CONNECTED: "ready", AgentState.STARTING: "starting", AgentState.AWAY: "away"}[agent.state]


def _agent_detail(core: Core, user: str, target: str, now: float) -> str:
    agent, failed = core.agents.get((user, target)), core.backoff.get((user, target))
    if (trouble := core.trouble((user, target))) is not None:
        connected = agent is not None and agent.state is AgentState.CONNECTED
        return silence.words(trouble, now) + (" Your agent there is connected: what it runs goes on." if connected else "")
    if agent is None:
        return f"The agent could not be started: {failed.detail.removesuffix('.')}." if failed is not None else ""
    if agent.state is AgentState.AWAY:
        return f"The agent has not been heard of for {now - agent.since:.0f} s."
    full = disks.why_full(core, (user, target)) or ""
    return full or ("Your agent there is of an older version; it is replaced when its runs are done." if agent.outdated else "")


def _agent_version(core: Core, seat: Seat) -> str:
    agent = core.agents.get(seat)
    return "" if agent is None or agent.hello is None else agent.hello.version[:60]


def _since(core: Core, seat: Seat) -> float | None:
    """Since when the target does not answer, or the user's agent on it is away."""
    if (login := core.login(seat)) is not None and login.since is not None:
        return login.since
    if (trouble := core.trouble(seat)) is not None:
        return trouble.since
    agent = core.agents.get(seat)
    return agent.since if agent is not None and agent.state is AgentState.AWAY else None


def _silence(core: Core, run: Run, now: float) -> str:
    agent = core.agents.get((run.user, run.target))
    if run.id not in core.held or (agent is not None and agent.state is AgentState.CONNECTED):
        return ""
    since = agent.since if agent is not None else run.last_heard
    away = f" Its agent is away{f' since {now - since:.0f} s' if since is not None else ''}: this is its last known state."
    place, login = core.places.get(run.target), core.login((run.user, run.target))
    if place is not None and login is not None and not login.may_start:
        return f"{away} {logins.words(place, login, now)}"
    trouble = core.trouble((run.user, run.target))
    return away + (f" {silence.words(trouble, now)}" if trouble is not None else "")
