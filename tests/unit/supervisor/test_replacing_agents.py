"""An agent of another version than would be started now is replaced: when, at whose cost, and how often."""

from __future__ import annotations

from simyard.protocol import agents as talk
from simyard.protocol.asking import RunAnswer
from simyard.protocol.jobs import State
from simyard.supervisor import reactor, replacing
from simyard.supervisor.core import Lane
from simyard.supervisor.explaining import explain
from tests.unit.supervisor.reactor_world import Process, World, ended, started, with_agent


def outdated(world: World, process: Process) -> None:
    """The driver would start another agent by now, and has been asked."""
    world.version = str(int(process.version) + 1)
    world.tick(replacing.CHECK_INTERVAL)
    assert [check.version for check in world.to_check] == [process.version]
    world.check_next()


def leaves(process: Process) -> bool:
    return any(isinstance(message, talk.Leave) for message in process.inbox)


def successor(world: World, process: Process) -> Process:
    """The agent obeys, and the next one is there."""
    while process.inbox:
        world.receive(process)
    world.tick()
    world.start_next()
    (there,) = [one for one in world.processes.values() if one.alive]
    world.connect(there)
    there.inbox.clear()
    return there


def test_an_agent_with_nothing_to_do_is_replaced_at_once() -> None:
    world = World()
    process = with_agent(world)
    outdated(world, process)
    assert leaves(process)
    assert successor(world, process).version == world.version


def test_one_that_is_as_it_should_be_stays() -> None:
    world = World()
    process = with_agent(world)
    world.tick(replacing.CHECK_INTERVAL)
    world.check_next()
    for _ in range(5):
        world.tick()
    assert not leaves(process)
    assert not world.to_check


def test_a_long_run_is_waited_for_and_others_go_on_beside_it() -> None:
    world = World()
    process = with_agent(world)
    run = started(world, process, model="long")
    outdated(world, process)
    world.tick(3600.0)
    answer = world.submit(simulation="s2", model="quick")
    assert isinstance(answer, RunAnswer)
    assert world.stored[answer.run.id].state is State.STARTING, "nobody waits for a replacement that is far away"
    world.receive(process)
    ended(world, process, world.stored[answer.run.id])
    world.tick()
    assert not leaves(process)
    ended(world, process, run)
    world.tick()
    assert leaves(process)


def test_quick_runs_are_waited_for_and_who_comes_meanwhile_is_told_why_and_served_by_the_next_agent() -> None:
    world = World()
    process = with_agent(world)
    run = started(world, process, model="quick")
    outdated(world, process)
    answer = world.submit(simulation="s2", model="quick")
    assert isinstance(answer, RunAnswer)
    assert world.stored[answer.run.id].state is State.PENDING
    said = explain(world.core, world.core.runs[answer.run.id], world.now)
    assert "older version" in str(said)
    ended(world, process, run)
    world.tick()
    assert leaves(process)
    there = successor(world, process)
    assert there.version == world.version
    assert world.stored[answer.run.id].state is State.STARTING


def test_a_quick_run_without_end_holds_nobody_for_long() -> None:
    world = World()
    process = with_agent(world)
    started(world, process, model="quick")
    outdated(world, process)
    answer = world.submit(simulation="s2", model="quick")
    assert isinstance(answer, RunAnswer)
    world.tick(replacing.HOLD_LIMIT)
    assert world.stored[answer.run.id].state is State.STARTING
    world.tick(replacing.CHECK_INTERVAL)
    world.check_next()
    world.tick()
    assert world.submit(simulation="s3", model="quick").run.state in {State.PENDING, State.STARTING}
    assert world.core.agents["ann", "local"].holding is None, "it is tried again later only"


def test_a_view_that_is_being_sent_is_waited_for() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process, model="quick"))
    number = world.view(run, Lane.TRANSFER)
    outdated(world, process)
    assert not leaves(process)
    from simyard.supervisor import views

    views.on_view_done(world.core, world.out, number, world.now)
    world.perform()
    world.tick()
    assert leaves(process)


def test_a_driver_that_starts_the_same_again_is_not_asked_to_do_so_over_and_over() -> None:
    """A container that could not be made anew: something else runs in it."""
    world = World()
    process = with_agent(world)
    outdated(world, process)
    newest, world.version = world.version, process.version
    process = successor(world, process)
    world.version = newest
    waits = []
    for _ in range(4):
        turns = 0
        while not leaves(process):
            turns += 1
            world.tick()
            while world.to_check:
                world.check_next()
        waits.append(turns)
        world.version = process.version
        process = successor(world, process)
        world.version = newest
    for number, wait in enumerate(waits):
        longest = replacing.FIRST_AGAIN * 2**number + replacing.CHECK_INTERVAL
        assert replacing.FIRST_AGAIN * 2**number - 20 < wait < longest + 20, waits


def test_two_newer_ones_soon_after_each_other_are_both_taken() -> None:
    world = World()
    process = with_agent(world)
    outdated(world, process)
    process = successor(world, process)
    world.tick()
    world.check_next()
    assert not leaves(process)
    outdated(world, process)
    assert leaves(process)


def test_a_driver_that_could_not_say_is_asked_again_soon() -> None:
    world = World()
    process = with_agent(world)
    world.tick(replacing.CHECK_INTERVAL)
    (want,) = world.to_check
    world.to_check.clear()
    reactor.on_agent_checked(world.core, world.out, want.agent, None, world.now)
    world.tick(replacing.CHECK_AGAIN - 1)
    assert not world.to_check
    world.tick(2)
    assert len(world.to_check) == 1
    assert not leaves(process)


def test_of_many_agents_only_some_are_asked_about_in_one_turn() -> None:
    world = World()
    for n in range(replacing.CHECKS_AT_ONCE + 20):
        with_agent(world, f"u{n}")
    world.tick()
    assert len(world.to_check) == replacing.CHECKS_AT_ONCE
    world.to_check.clear()
    world.tick()
    assert len(world.to_check) == 20
