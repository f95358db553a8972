"""Agents: when one is wanted, started, connected, away, found dead, and replaced. Pure, like the reactor that it belongs to."""

from __future__ import annotations

import dataclasses
from typing import Any

from simyard.protocol import agents as talk
from simyard.protocol.jobs import State
from simyard.store.records import AgentRecord
from simyard.supervisor.core import START_LIMIT, Agent, AgentState, BackOff, Core, Presence, Seat
from simyard.supervisor.outbox import Outbox, hash_secret

#: An agent that was told to leave has this long; what waits for its successor must not wait for ever (seconds).
LEAVE_LIMIT = 10.0
#: An agent that lives and could connect does so in a few seconds; one that has not for so long is replaced (seconds).
MUTE_LIMIT = 60.0
#: A driver is asked about an agent that is away this often (seconds).
POLL_INTERVAL = 2.0
#: An agent that was connected this long is taken to be sound: its next loss does not count as a failure (seconds).
SOUND_AFTER = 10.0
#: An agent is kept this long after its user was last seen, or used its target, and its last run ended (seconds).
PRESENCE = 1800.0
_FIRST_RETRY, _LAST_RETRY = 0.2, 30.0


def want(core: Core, out: Outbox, seat: Seat, now: float) -> None:
    """Have an agent for this seat, unless there is one, starting one has just failed, or somebody has to log in first."""
    if seat in core.agents:
        return
    place = core.places.get(seat[1])
    if place is None or place.why_disabled or ((login := place.login(seat[0])) is not None and not login.may_start):
        return
    failed = core.backoff.get(seat)
    if failed is not None and now < failed.retry_at:
        return
    secret = core.randomness(32).hex()
    record = AgentRecord(id=core.new_id(now), user=seat[0], target=seat[1], secret_hash=hash_secret(secret), started=now)
    core.seat_agent(Agent(record=record, state=AgentState.STARTING, since=now))
    out.start_agent(record, secret)


def arrive(core: Core, out: Outbox, seat: Seat, warm: talk.Warm | None, now: float) -> None:
    """A user is here: keep an agent ready for them, and what they may use next warm."""
    presence = core.presence.setdefault(seat, Presence(until=now))
    presence.until = now + PRESENCE
    agent = core.agents.get(seat)
    if warm is not None and presence.codes.get(warm.code) != warm:
        presence.codes[warm.code] = warm
        if agent is not None and agent.state is AgentState.CONNECTED:
            out.send(agent.id, warm)
    want(core, out, seat, now)


def used(core: Core, seat: Seat, now: float) -> None:
    """A user runs or looks at something there: who does so once soon does so again."""
    core.presence.setdefault(seat, Presence(until=now)).until = now + PRESENCE


def returned(core: Core, seat: Seat, now: float) -> None:
    """An agent is connected of whose user nothing is known: it was wanted when the supervisor before ended, and still is."""
    if seat not in core.presence:
        used(core, seat, now)


def lately(core: Core, user: str) -> list[str]:
    """The targets that a user has used, or was expected at, not long ago."""
    return [name for name in core.places if (user, name) in core.presence]


def started(core: Core, out: Outbox, agent_id: str, handle: dict[str, Any]) -> None:
    """The driver has started it; it may have connected before that was known."""
    agent = core.by_id.get(agent_id)
    if agent is not None:
        agent.record = dataclasses.replace(agent.record, handle=handle)
        out.save_agent(agent.record)


def start_failed(core: Core, out: Outbox, agent_id: str, detail: str, now: float) -> None:
    agent = core.by_id.get(agent_id)
    if agent is not None and agent.state is AgentState.STARTING:
        _unseat(core, out, agent, now, detail)


def lost(core: Core, out: Outbox, agent_id: str, now: float) -> None:
    """Its connection ended. Runs stay as they are; its driver is asked at once whether it lives."""
    agent = core.by_id.get(agent_id)
    if agent is None or agent.state is not AgentState.CONNECTED:
        return
    if agent.leaving:
        core.unseat_agent(agent)
        out.drop_agent(agent.id)
        return
    if now - agent.since >= SOUND_AFTER:
        core.backoff.pop(agent.seat, None)
    agent.state, agent.since, agent.asked = AgentState.AWAY, now, now
    out.poll_agent(agent.record)


def polled(core: Core, out: Outbox, agent_id: str, alive: bool | None, now: float) -> None:
    """The driver's word on an agent that is not connected: True, False, or None for not known."""
    agent = core.by_id.get(agent_id)
    if agent is None or agent.state is AgentState.CONNECTED:
        return
    if alive is None:
        agent.unknown = now
    if alive is False:
        _unseat(core, out, agent, now, "it ended unexpectedly")
        if is_needed(core, agent.seat, now):
            want(core, out, agent.seat, now)
    elif agent.state is AgentState.STARTING and now - agent.since >= start_limit(core, agent):
        out.stop_agent(agent.record)
        _unseat(core, out, agent, now, f"it did not connect within {start_limit(core, agent):.0f} s")
    elif alive and agent.state is AgentState.AWAY and now - max(agent.since, agent.unknown) >= MUTE_LIMIT:
        # somebody has stopped it, or it hangs; its runs do not end with it, and its successor takes them over
        out.stop_agent(agent.record)
        _unseat(core, out, agent, now, f"it lives, and has not been heard of for {MUTE_LIMIT:.0f} s")
        if is_needed(core, agent.seat, now):
            want(core, out, agent.seat, now)


def answers(core: Core, target: str, now: float) -> None:
    """What the target's driver talks to answers again: whoever waits for that need not wait any longer."""
    for seat in [seat for seat in core.backoff if seat[1] == target]:
        del core.backoff[seat]
    for agent in core.agents.values():
        if agent.seat[1] == target and agent.state is not AgentState.CONNECTED:
            agent.asked = now - POLL_INTERVAL


def wanted_again(core: Core, out: Outbox, seat: Seat, now: float) -> None:
    """What kept this seat's agent from being started, or from coming back, is over."""
    core.backoff.pop(seat, None)
    agent = core.agents.get(seat)
    if agent is not None and agent.state is AgentState.AWAY:
        agent.asked = now - POLL_INTERVAL
    elif agent is None and is_needed(core, seat, now):
        want(core, out, seat, now)


def tick(core: Core, out: Outbox, now: float) -> None:
    """What time alone brings about."""
    for agent in list(core.agents.values()):
        limit = start_limit(core, agent) if agent.state is AgentState.STARTING else 0.0
        if agent.state is AgentState.CONNECTED:
            if agent.leaving and now - agent.asked >= LEAVE_LIMIT:
                agent.asked = now
                out.kick(agent.id, f"it was told to leave, and has not left within {LEAVE_LIMIT:.0f} s")
            elif not agent.leaving and not is_needed(core, agent.seat, now):
                agent.leaving, agent.asked = True, now
                out.send(agent.id, talk.Leave(reason="idle"))
        elif agent.state is AgentState.AWAY and (login := core.login(agent.seat)) is not None and not login.may_start:
            agent.unknown = now  # nobody can be asked before somebody has logged in
        elif now - agent.since >= limit and now - agent.asked >= POLL_INTERVAL:
            agent.asked = now
            out.poll_agent(agent.record)
    for seat, presence in list(core.presence.items()):
        if presence.until <= now:
            del core.presence[seat]
        else:
            want(core, out, seat, now)
    for seat in core.at_seat:
        want(core, out, seat, now)


def start_limit(core: Core, agent: Agent) -> float:
    """How long this agent has to connect after it was started (seconds)."""
    place = core.places.get(agent.seat[1])
    return place.start_limit if place is not None else START_LIMIT


def is_needed(core: Core, seat: Seat, now: float) -> bool:
    """Whether somebody would miss this seat's agent: a user who is here, an active or waiting run, a view."""
    if seat in core.at_seat:
        return True
    presence = core.presence.get(seat)
    if presence is not None and presence.until > now:
        return True
    if any((op.user, op.target) == seat for op in core.views.values()):
        return True
    place = core.places.get(seat[1])
    return place is not None and any(key[1] == seat[0] for key in place.lines)


def follows(core: Core, agent: Agent, hello: talk.Hello) -> tuple[list[talk.Follow], list[str]]:
    """What to send on, and what is settled, among the runs that an agent has."""
    follow, forget = [], []
    for seen in hello.runs:
        run = core.runs.get(seen.run)
        if run is None or (run.user, run.target) != agent.seat or run.state is State.PENDING:
            forget.append(seen.run)
        elif seen.epoch == run.epoch:
            follow.append(talk.Follow(run=run.id, epoch=run.epoch, after=run.events))
    return follow, forget


def _unseat(core: Core, out: Outbox, agent: Agent, now: float, detail: str) -> None:
    core.unseat_agent(agent)
    out.drop_agent(agent.id)
    before = core.backoff.get(agent.seat)
    failures = before.failures + 1 if before else 1
    # the first restart is at once: a single death is an accident, a second one soon after is a pattern
    wait = 0.0 if failures == 1 else min(_LAST_RETRY, _FIRST_RETRY * 2.0 ** (failures - 2))
    core.backoff[agent.seat] = BackOff(failures=failures, retry_at=now + wait, detail=detail)
