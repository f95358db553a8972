"""A user whose files and runs take more than they may: new runs wait, in words, and go on once there is room."""

from __future__ import annotations

import pytest

from simyard.protocol import agents as talk
from simyard.protocol.jobs import Run, State
from simyard.supervisor import explaining, reactor
from simyard.supervisor.core import Lane
from simyard.supervisor.estimating import Wanted
from tests.unit.supervisor.reactor_world import GIB, World, ended, started, with_agent

SEAT = ("ann", "local")


def state(world: World, run: Run) -> State:
    return world.stored[run.id].state


def test_a_run_waits_while_its_user_is_over_the_quota_and_goes_on_when_there_is_room() -> None:
    world = World(disk=10 * GIB)
    process = with_agent(world)
    world.say_used(process, int(10.2 * GIB))
    run = world.submit().run
    assert state(world, run) is State.PENDING
    said = explaining.explain(world.core, world.core.runs[run.id], world.now)
    assert said.summary.startswith("Your files and runs on local take 10.2 of 10 GiB. Delete runs or files that you do not need")
    assert [(verdict.gate, verdict.passed) for verdict in said.gates][-1] == ("limits", False)
    world.say_used(process, 9 * GIB)
    assert state(world, run) is State.STARTING


def test_other_users_and_runs_that_are_under_way_go_on() -> None:
    world = World(disk=10 * GIB)
    process, other = with_agent(world), with_agent(world, "bob")
    run = started(world, process)
    world.say_used(process, 11 * GIB)
    assert state(world, run) is State.RUNNING
    assert state(world, ended(world, process, run)) is State.COMPLETED
    assert state(world, started(world, other, user="bob")) is State.RUNNING


def test_a_run_waits_while_the_disk_is_nearly_full() -> None:
    world = World(disk_free=GIB)
    process = with_agent(world)
    world.say_used(process, 5 * GIB, free=GIB // 4)
    run = world.submit().run
    summary = explaining.explain(world.core, world.core.runs[run.id], world.now).summary
    assert "nearly full: 0.25 of 1 GiB that must stay free are left" in summary
    world.say_used(process, 5 * GIB, free=2 * GIB)
    assert state(world, run) is State.STARTING


def test_where_no_agent_is_left_to_look_one_is_started() -> None:
    world = World(disk=10 * GIB)
    process = with_agent(world)
    world.say_used(process, 11 * GIB)
    process.alive = process.connected = False
    reactor.on_agent_lost(world.core, world.out, process.id, world.now)
    reactor.on_agent_polled(world.core, world.out, process.id, alive=False, now=world.now)
    world.core.presence.clear()
    world.core.backoff.clear()
    world.perform()
    before = len(world.to_start)
    run = world.submit().run
    assert len(world.to_start) > before or SEAT in world.core.agents
    world.start_next()
    after = list(world.processes.values())[-1]
    world.connect(after)
    assert state(world, run) is State.PENDING
    world.say_used(after, GIB)
    assert state(world, run) is State.STARTING


@pytest.mark.parametrize("used, free", [(-1, 0), (0, -1), (1 << 63, 0)])
def test_nonsense_is_not_believed(used: int, free: int) -> None:
    world = World(disk=10 * GIB)
    world.say_used(with_agent(world), used, free)
    assert not world.core.disks


def test_without_a_limit_nothing_is_kept_and_nothing_is_shown() -> None:
    world = World()
    world.say_used(with_agent(world), 1 << 50, 0)
    assert not world.core.disks
    (target,) = explaining.targets(world.core, "ann", lambda _place: None, world.now)
    assert target.disk is None


def test_an_agent_is_told_the_limits_and_each_user_sees_their_own() -> None:
    world = World(disk=10 * GIB, disk_free=GIB)
    reactor.on_arrive(world.core, world.out, "ann", "local", None, world.now)
    world.perform()
    world.start_next()
    process = list(world.processes.values())[-1]
    world.connect(process)
    (welcome,) = [message for message in process.inbox if isinstance(message, talk.Welcome)]
    assert (welcome.disk, welcome.disk_free) == (10 * GIB, GIB)
    world.say_used(process, 4 * GIB, free=7 * GIB)
    for user, used in (("ann", 4 * GIB), ("bob", None)):
        (target,) = explaining.targets(world.core, user, lambda _place: None, world.now)
        assert target.disk is not None
        assert (target.disk.quota, target.disk.keep, target.disk.used) == (10 * GIB, GIB, used)


def test_a_target_without_room_says_so_and_promises_nothing() -> None:
    world = World(disk=10 * GIB)
    process = with_agent(world)
    wanted = Wanted(user="ann", lane=Lane.LONG, cores=1, memory=0)
    for used, words in ((GIB, ""), (11 * GIB, "Your files and runs on local take 11 of 10 GiB.")):
        world.say_used(process, used)
        (target,) = explaining.targets(world.core, "ann", lambda _place: wanted, world.now)
        assert target.detail.startswith(words)
        assert (target.wait is None) == bool(words)
