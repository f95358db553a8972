"""What an op must pass before it is sent, in order: pure functions of the state, each with its reason in words.

`None` is a pass; a text says what is waited for and what would clear it. Who had to wait starts again at the first gate.
"""

from __future__ import annotations

from collections.abc import Callable

from simyard.protocol.jobs import State, Verdict
from simyard.supervisor import disks, logins, silence
from simyard.supervisor.core import RUN_LANES, AgentState, Core, Op

Gate = Callable[[Core, Op, float], str | None]


def wanted(core: Core, op: Op, now: float) -> str | None:
    """Still wanted and valid."""
    if op.lane in RUN_LANES:
        run = core.runs.get(op.run)
        return None if run is not None and run.state is State.PENDING else "It is not wanted any more."
    return None if op.number in core.views else "Nobody waits for it any more."


def target(core: Core, op: Op, now: float) -> str | None:
    """Target allowed and enabled."""
    place = core.places.get(op.target)
    if place is None:
        return f"The target {op.target!r} is not configured any more. Cancel the run, or ask the site to bring the target back."
    return place.why_disabled or None


def credentials(core: Core, op: Op, now: float) -> str | None:
    """Credentials present: a login, where the target wants one. One that may go without anybody's answer is made with the agent."""
    login = core.login((op.user, op.target))
    return None if login is None or login.may_start else logins.words(core.places[op.target], login, now)


def limits(core: Core, op: Op, now: float) -> str | None:
    """The user's limits and quota."""
    if op.lane not in RUN_LANES:
        return None
    place = core.places[op.target]
    if place.share(op.user).runs < place.limits.active_runs:
        full = disks.why_full(core, (op.user, op.target))
        return full and f"{full} It goes on as soon as there is room."
    return f"You have {place.limits.active_runs} runs active on {op.target}, the most at once. It goes on when one of them ends."


def resources(core: Core, op: Op, now: float) -> str | None:
    """Cores and memory for a run; a free place among the views for a view."""
    place = core.places[op.target]
    if op.lane not in RUN_LANES:
        capacity = place.capacity(op.lane)
        if place.views[op.lane] < capacity:
            return None
        return f"{capacity} others of its kind are being served on {op.target}; it follows when one is done."
    cores, memory = place.cores - place.cores_used, place.memory - place.memory_used
    if op.cores <= cores and op.memory <= memory:
        return None
    if not place.can_fit(op):
        return (
            f"It needs {count(op.cores, 'core')} and {size(op.memory)}, and {op.target} has only {count(place.cores, 'core')} and "
            f"{size(place.memory)} by now. Cancel it, and start it again with less."
        )
    return (
        f"It needs {count(op.cores, 'core')} and {size(op.memory)}; {cores} of {count(place.cores, 'core')} and {size(memory)} of "
        f"{size(place.memory)} are free on {op.target}. It goes on when runs there end."
    )


def agent(core: Core, op: Op, now: float) -> str | None:
    """An agent that is connected."""
    seat = (op.user, op.target)
    there = core.agents.get(seat)
    if there is not None and there.state is AgentState.CONNECTED and not there.leaving:
        if there.holding is None:
            return None
        return f"Your agent on {op.target} is of an older version; it is replaced as soon as the quick runs there have ended."
    failed, trouble = core.backoff.get(seat), core.trouble(seat)
    if trouble is not None:
        again = " It goes on when that is over." if trouble.since is not None else ""
        return f"Your agent on {op.target} is out of reach. {silence.words(trouble, now)}{again}"
    if there is None and failed is not None:
        return f"Your agent on {op.target} could not be started ({failed.detail.removesuffix('.')}); it is tried again in {max(0.0, failed.retry_at - now):.0f} s."
    if there is not None and there.state is AgentState.AWAY:
        return f"Your agent on {op.target} has not been heard of for {max(0.0, now - there.since):.0f} s; it is being looked for."
    return f"Your agent on {op.target} is being started."


def slot(core: Core, op: Op, now: float) -> str | None:
    """Op slot and run directory free: no other run of this compute job is still there."""
    if op.lane in RUN_LANES and len(core.of_job.get(op.jid, ())) > 1:
        return "The run before it is being canceled; it starts as soon as that one is gone."
    return None


GATES: tuple[tuple[str, Gate], ...] = (
    ("wanted", wanted),
    ("target", target),
    ("credentials", credentials),
    ("limits", limits),
    ("resources", resources),
    ("agent", agent),
    ("slot", slot),
)


def blocking(core: Core, op: Op, now: float) -> str | None:
    """The name of the first gate that the op does not pass; None if it may go."""
    for name, gate in GATES:
        if gate(core, op, now) is not None:
            return name
    return None


def verdicts(core: Core, op: Op, now: float) -> tuple[Verdict, ...]:
    """Each gate's word up to the first that the op does not pass."""
    said = []
    for name, gate in GATES:
        detail = gate(core, op, now)
        said.append(Verdict(gate=name, passed=detail is None, detail=detail or ""))
        if detail is not None:
            break
    return tuple(said)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Seconds as people read them: `90 s`, `20 min`, `7 days`."""
    for larger, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "min")):
        if seconds >= 2 * larger:
            return f"{seconds / larger:.3g} {unit}"
    return f"{seconds:.3g} s"


def size(number: int) -> str:
    """Bytes as people read them: `512 MiB`, `1.5 GiB`."""
    amount, unit = float(number), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(amount) < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.3g} {unit}"
