"""Who goes next: walks the waiting ops of a place in fair order and sends what passes all its gates.

Order: analysis, transfer (each with a capacity of its own), then runs: whoever was passed for longer than the place's patience, then
quick before long, then the user who has the least, then age. A small op may pass a big one that cannot fit; once
the big one has been passed for longer than the patience, nothing passes it any more.
"""

from __future__ import annotations

from simyard.protocol.jobs import State
from simyard.supervisor import agency, gates
from simyard.supervisor.core import RUN_LANES, Core, LineKey, Op, Place, save
from simyard.supervisor.outbox import Outbox

Key = tuple[int, float, float, float]


def advance(core: Core, out: Outbox, now: float) -> None:
    """Send every op that may go. Called after every event that may have cleared a gate."""
    for place in core.places.values():
        if place.lines:
            _advance_views(core, out, place, now)
            _advance_runs(core, out, place, now)


def order(place: Place, op: Op, now: float) -> Key:
    """The smaller goes first. Of one line, only the first op counts."""
    if is_aged(place, op, now):
        return (0, op.passed_since or 0.0, 0.0, op.queued)
    return (1, float(op.lane), place.share(op.user).weight(now), op.queued)


def is_aged(place: Place, op: Op, now: float) -> bool:
    """Whether it has been passed for longer than the place's patience."""
    return op.passed_since is not None and now - op.passed_since >= place.limits.patience


def position(place: Place, op: Op, now: float) -> int:
    """Where a run op stands among all run ops that wait for this place, from 1, if users take turns."""
    own = place.lines.get(op.line)
    if own is None or op not in own:
        return 0
    index = own.index(op)
    ahead = index
    for key, line in place.lines.items():
        if key == op.line or key[0] not in RUN_LANES or key[0] > op.lane:
            continue
        if key[0] < op.lane:
            ahead += len(line)
        elif key[1] == op.user:
            ahead += sum(1 for other in line if other.queued < op.queued)
        else:
            turns = index + (1 if order(place, line[0], now) < order(place, own[0], now) else 0)
            ahead += min(len(line), turns)
    return ahead + 1


def _advance_views(core: Core, out: Outbox, place: Place, now: float) -> None:
    blocked: set[LineKey] = set()
    while True:
        heads = [line[0] for key, line in place.lines.items() if key[0] not in RUN_LANES and key not in blocked]
        if not heads:
            return
        op = min(heads, key=lambda o: (o.lane, o.queued))
        why = gates.blocking(core, op, now)
        if why == "wanted":
            place.pop(op)
        elif why is None:
            place.pop(op)
            place.views[op.lane] += 1
            op.passed_since = now
            out.send(core.agents[op.user, op.target].id, op.message)
        else:
            _wish_agent(core, out, op, why, now)
            blocked.add(op.line)


def _advance_runs(core: Core, out: Outbox, place: Place, now: float) -> None:
    blocked: set[LineKey] = set()
    while place.cores_used < place.cores:  # every run needs a core: nothing to look at before one is free
        heads = [line[0] for key, line in place.lines.items() if key[0] in RUN_LANES and key not in blocked]
        if not heads:
            return
        op = min(heads, key=lambda o: order(place, o, now))
        why = gates.blocking(core, op, now)
        if why is None:
            _send(core, out, place, op, now)
        elif why == "wanted":
            place.pop(op)
        elif why == "slot":
            # waits for the one run of its own job: the rest of its line need not
            place.pop(op)
            core.parked[op.jid] = op
        elif why == "resources" and is_aged(place, op, now) and place.can_fit(op):
            return  # what is free is kept for it
        else:
            _wish_agent(core, out, op, why, now)
            blocked.add(op.line)


def _send(core: Core, out: Outbox, place: Place, op: Op, now: float) -> None:
    place.pop(op)
    for line in place.lines.values():
        other = line[0]
        if other.passed_since is None and other.lane in RUN_LANES and other.queued <= op.queued:
            other.passed_since = now
    del core.ops[op.run]
    run = core.runs[op.run]
    core.hold(run)
    core.sent[run.id] = now
    run = save(core, out, run, now, state=State.STARTING, reason="", epoch=run.epoch + 1, last_heard=None)
    out.launch(core.agents[op.user, op.target].id, run)


def _wish_agent(core: Core, out: Outbox, op: Op, why: str, now: float) -> None:
    # whether a disk is still full is for an agent to say
    if why in {"agent", "limits"}:
        agency.want(core, out, (op.user, op.target), now)
