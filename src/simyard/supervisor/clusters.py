"""Clusters: how logins to them come and go, what becomes of runs in the queue there, and what the partitions give. Pure, like the reactor."""

from __future__ import annotations

import dataclasses

from simyard.drivers.base import Login
from simyard.protocol import agents as talk
from simyard.protocol.jobs import Remote, Run, State
from simyard.supervisor import agency
from simyard.supervisor.advance import advance
from simyard.supervisor.core import Core, Place, Seat, save
from simyard.supervisor.events import moment, text
from simyard.supervisor.outbox import Outbox

#: No cluster has more partitions than this that a user could choose from.
_MOST_PARTITIONS = 500
#: Nobody has more environments there, and none of them more packages.
_MOST_ENVIRONMENTS, _MOST_PACKAGES = 200, 1000
#: Names and numbers of Slurm's are no longer (characters).
_MOST_NAME = 100
#: What windows are told to look at again.
TARGET = "target"


def on_login(core: Core, out: Outbox, seat: Seat, *, arrives: bool, now: float) -> None:
    """A step of this login was taken. Where it stands, whatever waited for it goes on at once; who logs in (`arrives`) is there."""
    place = core.places.get(seat[1])
    login = place.login(seat[0]) if place is not None else None
    if place is None or login is None:
        return
    if arrives:
        agency.used(core, seat, now)
    _seen(core, out, seat, login, now)
    if login.state == "ready":
        agency.wanted_again(core, out, seat, now)
        advance(core, out, now)


def tick(core: Core, out: Outbox, now: float) -> None:
    """A login may become ready, or be lost, while nobody asks."""
    there = set()
    for place in core.places.values():
        if place.is_cluster:
            there |= _there(core, place)
    for seat in [seat for seat in core.logins if seat not in there]:
        del core.logins[seat]
    for seat in sorted(there):
        if (login := core.places[seat[1]].login(seat[0])) is not None:
            _seen(core, out, seat, login, now)


def _there(core: Core, place: Place) -> set[Seat]:
    """Who is there, runs something there, or waits to."""
    seats = {seat for some in (core.presence, core.at_seat) for seat in some if seat[1] == place.name}
    return seats | {(key[1], place.name) for key in place.lines}


def _seen(core: Core, out: Outbox, seat: Seat, login: Login, now: float) -> None:
    before = core.logins.get(seat)
    core.logins[seat] = login.state
    if before == login.state:
        return
    out.notify(seat[0], TARGET, seat[1])
    if login.state == "ready" and before is not None:
        agency.wanted_again(core, out, seat, now)


def on_run_note(core: Core, out: Outbox, agent_id: str, message: talk.RunNote, now: float) -> None:
    """What the cluster says of a run that is not over: shown, and never decided by."""
    run, agent = core.runs.get(message.run), core.by_id.get(agent_id)
    if run is None or agent is None or (run.user, run.target) != agent.seat or run.epoch != message.epoch:
        return
    if run.state is State.PENDING:
        return
    remote = _checked(message.remote)
    # the same said once more is no change, whatever the hour
    if run.remote is None or dataclasses.replace(remote, at=run.remote.at) != run.remote:
        save(core, out, run, now, remote=remote, last_heard=now)


def goes_on(run: Run) -> Remote | None:
    """What is still true of the cluster's words once the run itself has said that it runs: its job's number."""
    return None if run.remote is None else dataclasses.replace(run.remote, words="", expected=None)


def on_partitions(core: Core, out: Outbox, agent_id: str, message: talk.Partitions, _now: float) -> None:
    """What this user's agent sees of the partitions."""
    agent = core.by_id.get(agent_id)
    place = core.places.get(agent.seat[1]) if agent is not None else None
    if agent is None or place is None or not place.is_cluster:
        return
    some = [one for one in message.partitions[:_MOST_PARTITIONS] if len(one.name) <= _MOST_NAME and text(one.name) == one.name]
    known = {one.name: one for one in some}
    if known != place.partitions.get(agent.seat[0]):
        place.partitions[agent.seat[0]] = known
        out.notify(agent.seat[0], TARGET, place.name)


def on_environments(core: Core, out: Outbox, agent_id: str, message: talk.Environments, _now: float) -> None:
    """Which environments of codes this user's agent has."""
    agent = core.by_id.get(agent_id)
    place = core.places.get(agent.seat[1]) if agent is not None else None
    if agent is None or place is None or not place.is_cluster:
        return
    known = {
        one.name: _sound(one) for one in message.environments[:_MOST_ENVIRONMENTS] if text(one.name)[:_MOST_NAME] == one.name
    }
    if known != place.environments.get(agent.seat[0]):
        place.environments[agent.seat[0]] = known
        out.notify(agent.seat[0], TARGET, place.name)


def _sound(said: talk.Environment) -> talk.Environment:
    some = list(said.versions.items())[:_MOST_PACKAGES]
    versions = {text(name)[:_MOST_NAME]: text(version)[:_MOST_NAME] for name, version in some}
    return talk.Environment(
        name=said.name, python=text(said.python)[:_MOST_NAME], versions=versions, broken=text(said.broken)[:_MOST_NAME]
    )


def _checked(said: Remote) -> Remote:
    """Foreign words, cut; and times that a date can name."""
    return Remote(
        job=text(said.job)[:_MOST_NAME],
        state=text(said.state)[:_MOST_NAME],
        words=text(said.words),
        expected=None if said.expected is None else moment(said.expected),
        at=moment(said.at),
        silent_since=None if said.silent_since is None else moment(said.silent_since),
    )
