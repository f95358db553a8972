"""Agents that would be others if they were started now: each is replaced as soon as its runs are done. Pure."""

from __future__ import annotations

from simyard.protocol import agents as talk
from simyard.protocol.jobs import Kind
from simyard.supervisor.core import Agent, AgentState, Core
from simyard.supervisor.outbox import Outbox
from simyard.supervisor.views import is_sent

#: A driver is asked this often whether it would start another agent (seconds), about so many agents in one turn.
CHECK_INTERVAL, CHECKS_AT_ONCE = 60.0, 100
#: A driver that could not say it is asked again so soon (seconds).
CHECK_AGAIN = 10.0
#: New runs wait this long at most for the quick ones before them to end, so that the agent can be replaced (seconds).
HOLD_LIMIT = 180.0
#: What was as before after it was replaced is left alone for so long at first, and at last (seconds): there may have been a newer
#: one meanwhile, and one that never is as it should be must not be replaced all the time.
FIRST_AGAIN, LAST_AGAIN = 60.0, 3600.0
#: What could not be replaced, because a quick run did not end, is left alone for so long (seconds).
AGAIN = 600.0


def tick(core: Core, out: Outbox, now: float) -> None:
    """What time alone brings about."""
    asked = 0
    for agent in core.agents.values():
        if agent.state is not AgentState.CONNECTED or agent.leaving or agent.hello is None:
            continue
        if agent.outdated:
            _replace(core, out, agent, now)
        elif now - agent.checked >= CHECK_INTERVAL and asked < CHECKS_AT_ONCE:
            agent.checked = now
            asked += 1
            out.check_agent(agent.record, agent.hello.version)
    for seat in [seat for seat, (until, _) in core.replaced.items() if now - until >= LAST_AGAIN]:
        del core.replaced[seat]


def checked(core: Core, out: Outbox, agent_id: str, outdated: bool | None, now: float) -> None:
    """The driver's word: whether it would start another agent now than this one is; None: it could not say."""
    agent = core.by_id.get(agent_id)
    if agent is None or agent.state is not AgentState.CONNECTED or agent.leaving:
        return
    if outdated is None:
        agent.checked = now - CHECK_INTERVAL + CHECK_AGAIN
    elif not outdated:
        agent.outdated, agent.holding = False, None
        core.replaced.pop(agent.seat, None)  # the last time was of use: it may be done again whenever it is wanted
    elif agent.seat not in core.replaced or now >= core.replaced[agent.seat][0]:
        agent.outdated = True
        _replace(core, out, agent, now)


def _replace(core: Core, out: Outbox, agent: Agent, now: float) -> None:
    """Have it leave if nothing is there that it is needed for. Quick runs are waited for, and new ones wait with us; while a
    long one is there, everything goes on as ever."""
    runs = core.at_seat.get(agent.seat, ())
    views = any((op.user, op.target) == agent.seat and is_sent(op) for op in core.views.values())
    if not runs and not views:
        agent.holding, agent.leaving, agent.asked = None, True, now
        _leave_alone(core, agent, now)
        out.send(agent.id, talk.Leave(reason="a newer version takes its place"))
    elif any(core.runs[run].kind is Kind.LONG for run in runs):
        agent.holding = None
    elif agent.holding is None:
        agent.holding = now
    elif now - agent.holding >= HOLD_LIMIT:
        agent.holding, agent.outdated = None, False
        core.replaced[agent.seat] = (now + AGAIN, AGAIN)


def _leave_alone(core: Core, agent: Agent, now: float) -> None:
    """For a while, which is longer each time in turn."""
    _, before = core.replaced.get(agent.seat, (0.0, FIRST_AGAIN / 2))
    wait = min(LAST_AGAIN, before * 2)
    core.replaced[agent.seat] = (now + wait, wait)
