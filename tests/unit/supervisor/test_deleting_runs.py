"""A run that is deleted is gone from everything at once, and its directory as soon as its agent is there."""

from __future__ import annotations

from simyard.errors import Conflict
from simyard.protocol import agents as talk
from simyard.protocol.asking import RunAnswer, RunGone
from simyard.supervisor import reactor
from tests.unit.supervisor.reactor_world import World, ended, started, with_agent


def test_a_run_that_is_over_is_deleted_and_its_agent_removes_its_directory() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process))
    process.inbox.clear()
    answer = world.delete(run)
    assert answer == RunGone(user="ann", run=run.id, change=world.core.change)
    assert run.id not in world.stored
    assert list(process.inbox) == [talk.RemoveRuns(runs=(run.id,))]
    world.receive(process)
    world.say_removed(process, run.id)
    assert world.left == set()


def test_what_an_agent_could_not_be_told_it_is_told_when_it_is_next_there_also_by_another_supervisor() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process))
    world.lose(process)
    world.delete(run)
    world.restart()
    assert world.left == {run.id}
    world.connect(process)
    assert talk.RemoveRuns(runs=(run.id,)) in process.inbox


def test_deleting_counts_as_a_change_so_that_numbers_never_come_again() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process))
    deletion = world.delete(run).change
    world.restart()
    assert world.core.change == deletion > run.change


def test_a_deleted_run_is_no_answer_to_anything_any_more() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process, key="k", x=1))
    again = world.submit(x=1)
    assert isinstance(again, RunAnswer)
    assert again.reused
    # the store is asked before, and answers after, the run was deleted
    world.late_previous = run
    world.delete(run)
    new = world.submit(x=1, key="k")
    assert isinstance(new, RunAnswer)
    assert new.created
    assert new.run.id != run.id


def test_an_agent_that_comes_with_events_of_a_deleted_run_is_told_to_stop_following() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process))
    world.delete(run)
    process.inbox.clear()
    world.say_events(process, talk.RunEvents(run=run.id, epoch=1, events=(talk.Event(n=9, at=1.0, event="progress"),)))
    assert list(process.inbox) == [talk.EventsStored(run=run.id, epoch=1, last=9)]
    world.lose(process)
    world.connect(process)
    assert run.id in next(one for one in process.inbox if isinstance(one, talk.Welcome)).forget


def test_deleting_twice_is_deleting_once() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process))
    first = world.delete(run)
    reactor.on_run_delete(world.core, world.out, 999, run, world.now)
    world.perform()
    assert world.answers[999] == first


def test_nobody_can_say_that_what_was_not_deleted_is_removed() -> None:
    world = World()
    process = with_agent(world)
    run = ended(world, process, started(world, process))
    world.say_removed(process, run.id)
    assert world.stored[run.id] == run


def test_a_run_that_goes_on_is_not_deleted() -> None:
    world = World()
    process = with_agent(world)
    run = started(world, process)
    assert isinstance(world.delete(run), Conflict)
    assert world.stored[run.id] == run
