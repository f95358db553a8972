"""An agent that lives and is not heard of, because somebody has stopped it: it is replaced, and its run goes on."""

from __future__ import annotations

from simyard.protocol.jobs import State
from simyard.supervisor import reactor
from simyard.supervisor.agency import MUTE_LIMIT
from tests.unit.supervisor.reactor_world import World, ended, started, with_agent


def test_an_agent_that_lives_and_says_nothing_for_long_is_replaced_and_its_run_goes_on() -> None:
    world = World()
    mute = with_agent(world)
    run = started(world, mute)
    world.lose(mute)
    world.now += MUTE_LIMIT - 1
    reactor.on_agent_polled(world.core, world.out, mute.id, alive=True, now=world.now)
    world.perform()
    assert world.core.agents[mute.seat].id == mute.id
    world.now += 1
    reactor.on_agent_polled(world.core, world.out, mute.id, alive=True, now=world.now)
    world.perform()
    assert world.stored[run.id].state is State.RUNNING
    assert mute.seat not in world.core.agents or world.core.agents[mute.seat].id != mute.id
    world.start_next()
    after = list(world.processes.values())[-1]
    world.connect(after)
    assert world.stored[ended(world, after, run).id].state is State.COMPLETED


def test_one_of_which_nothing_is_known_is_left_alone() -> None:
    world = World()
    mute = with_agent(world)
    started(world, mute)
    world.lose(mute)
    world.now += 10 * MUTE_LIMIT
    reactor.on_agent_polled(world.core, world.out, mute.id, alive=None, now=world.now)
    world.perform()
    assert world.core.agents[mute.seat].id == mute.id
