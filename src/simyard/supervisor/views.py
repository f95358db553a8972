"""Views: reports and files that somebody is waiting for. They pass the gates, are carried out by an agent, and always end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from simyard.errors import SimyardError, Unavailable
from simyard.protocol import agents as talk
from simyard.supervisor import agency, logins
from simyard.supervisor.advance import advance
from simyard.supervisor.core import Core, Lane, Op, Seat
from simyard.supervisor.gates import verdicts
from simyard.supervisor.outbox import Outbox

#: A view that could not be sent within this time is refused, with what it waited for (seconds).
WAIT_LIMIT = 60.0


class Subject(Protocol):
    """What somebody wants to see something of: a run, or what is not a run (yet), whose `id` is ""."""

    @property
    def id(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def target(self) -> str: ...


def on_view(core: Core, out: Outbox, request: int, run: Subject, lane: Lane, message: Callable[[int], Any], now: float) -> int:
    """Have an agent make and send something of this run; `message` makes the agent's message from the view's number,
    which is returned, and by which the transfer will be known."""
    core.last_view += 1
    number = core.last_view
    op = Op(
        lane=lane,
        user=run.user,
        target=run.target,
        run=run.id,
        queued=now,
        number=number,
        request=request,
        message=message(number),
    )
    core.views[number] = op
    agency.used(core, (op.user, op.target), now)
    place = core.places.get(run.target)
    if place is None:
        _refuse(
            core,
            out,
            op,
            Unavailable("target-away", f"The target {run.target!r} is not configured any more; its files cannot be reached."),
        )
        return number
    place.append(op)
    advance(core, out, now)
    if number in core.views and not is_sent(op):
        _refuse_without_login(core, out, op, now)
    return number


def on_view_done(core: Core, out: Outbox, number: int, now: float) -> None:
    """The agent has sent it all, or said why not: its place is free."""
    op = core.views.get(number)
    if op is not None:
        _end(core, op)
        advance(core, out, now)


def on_view_dropped(core: Core, out: Outbox, number: int, now: float) -> None:
    """Nobody waits for it any more."""
    op = core.views.get(number)
    if op is None:
        return
    agent = core.agents.get((op.user, op.target))
    if is_sent(op) and agent is not None:
        out.send(agent.id, talk.Drop(op=number))
    _end(core, op)
    advance(core, out, now)


def agent_lost(core: Core, out: Outbox, seat: Seat) -> None:
    """What had been sent to that agent will not be answered."""
    for op in list(core.views.values()):
        if (op.user, op.target) == seat and is_sent(op):
            _refuse(core, out, op, Unavailable("agent-lost", "The agent was lost while it was sending this. Try again."))


def tick(core: Core, out: Outbox, now: float) -> None:
    """What waited too long is refused, with what it waited for."""
    for op in list(core.views.values()):
        if not is_sent(op):
            _refuse_without_login(core, out, op, now)
    for op in list(core.views.values()):
        if not is_sent(op) and now - op.queued >= WAIT_LIMIT:
            why = verdicts(core, op, now)[-1].detail
            _refuse(
                core, out, op, Unavailable("not-reachable", f"This could not be fetched within {WAIT_LIMIT:.0f} s. {why}".strip())
            )


def is_sent(op: Op) -> bool:
    """Whether an agent has been asked; for a view, `passed_since` is when."""
    return op.passed_since is not None


def _refuse_without_login(core: Core, out: Outbox, op: Op, now: float) -> None:
    """What waits for somebody to log in is refused at once: nothing comes of it by itself, and the words say what to do."""
    place, login = core.places.get(op.target), core.login((op.user, op.target))
    if place is not None and login is not None and login.state in logins.NEEDS_SOMEBODY:
        _refuse(core, out, op, Unavailable("needs-login", logins.words(place, login, now)))


def _refuse(core: Core, out: Outbox, op: Op, error: SimyardError) -> None:
    _end(core, op)
    out.refuse(op.request, error)


def _end(core: Core, op: Op) -> None:
    del core.views[op.number]
    place = core.places.get(op.target)
    if place is None:
        return
    if is_sent(op):
        place.views[op.lane] -= 1
    else:
        place.remove(op)
