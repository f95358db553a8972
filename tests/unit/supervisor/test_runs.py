"""The life of one run, told as a conversation with the reactor."""

from __future__ import annotations

import dataclasses

import pytest

from simyard.errors import Busy, Conflict
from simyard.protocol import agents as talk
from simyard.protocol import rundir
from simyard.protocol.jobs import State
from simyard.supervisor import reactor
from simyard.supervisor.agency import LEAVE_LIMIT, PRESENCE
from tests.unit.supervisor.reactor_world import GIB, World, ended, started, with_agent


def test_a_run_is_pending_starting_running_completed() -> None:
    world = World()
    agent = with_agent(world)
    answer = world.submit()
    assert (answer.created, answer.run.state) == (True, State.PENDING)
    assert world.stored[answer.run.id].state is State.STARTING
    assert [type(m) for m in agent.inbox] == [talk.StartRun], "and nothing else was sent"
    world.receive(agent)
    execution = world.disks[agent.seat][answer.run.id]
    execution.write(rundir.STARTED, world.now + 1)
    world.report_events(agent, answer.run.id)
    assert world.stored[answer.run.id].state is State.RUNNING
    assert list(agent.inbox) == [talk.EventsStored(run=answer.run.id, epoch=1, last=2)]
    execution.write(rundir.PROGRESS, world.now, fraction=0.25, frames=3, message="turn 25")
    world.report_events(agent, answer.run.id)
    assert world.stored[answer.run.id].progress.frames == 3
    execution.end("completed", world.now + 9)
    world.report_events(agent, answer.run.id)
    run = world.stored[answer.run.id]
    assert (run.state, run.started, run.ended, run.events) == (State.COMPLETED, world.now + 1, world.now + 9, 4)


def test_the_first_run_starts_an_agent_and_waits_for_it() -> None:
    world = World()
    run = world.submit().run
    assert world.stored[run.id].state is State.PENDING
    [start] = world.to_start
    assert world.records[start.agent].secret_hash != start.secret
    world.start_next()
    assert world.stored[run.id].state is State.PENDING
    world.connect(world.processes[start.agent])
    assert world.stored[run.id].state is State.STARTING


def test_the_same_inputs_answer_with_the_active_run_and_other_inputs_conflict() -> None:
    world = World()
    first = world.submit(x=1).run
    again = world.submit(x=1)
    assert (again.run.id, again.created) == (first.id, False)
    other = world.submit(x=2)
    assert isinstance(other, Conflict)
    assert (other.code, other.more) == ("already-active", {"run": first.id})


def test_supersede_cancels_a_waiting_run_at_once() -> None:
    world = World()
    first = world.submit(x=1).run
    second = world.submit(x=2, supersede=True).run
    assert world.stored[first.id].state is State.CANCELED
    assert world.stored[second.id].state is State.PENDING


def test_supersede_starts_the_new_run_only_when_the_old_one_is_gone() -> None:
    world = World()
    agent = with_agent(world)
    first = started(world, agent, x=1)
    second = world.submit(x=2, supersede=True).run
    assert world.stored[first.id].state is State.CANCELING
    assert [type(m) for m in agent.inbox] == [talk.StopRun]
    assert world.stored[second.id].state is State.PENDING
    world.receive(agent)
    world.report_events(agent, first.id)
    assert world.stored[first.id].state is State.CANCELED
    assert world.stored[second.id].state is State.STARTING


def test_supersede_cancels_what_goes_on_with_other_inputs_also_where_a_completed_run_is_the_answer() -> None:
    world = World()
    agent = with_agent(world)
    first = ended(world, agent, started(world, agent, x=1))
    agent.inbox.clear()  # that its end is known
    second = started(world, agent, x=2)
    assert world.submit(x=1).run.id == first.id
    assert world.stored[second.id].state is not State.CANCELING
    answer = world.submit(x=1, supersede=True)
    assert (answer.run.id, answer.reused) == (first.id, True)
    assert world.stored[second.id].state is State.CANCELING


def test_an_identical_completed_run_is_reused_unless_told_not_to() -> None:
    world = World()
    agent = with_agent(world)
    first = ended(world, agent, started(world, agent, x=1))
    answer = world.submit(x=1)
    assert (answer.run.id, answer.reused, answer.created) == (first.id, True, False)
    assert world.submit(x=1, reuse=False).run.id != first.id


def test_an_idempotency_key_names_one_run_for_ever() -> None:
    world = World()
    agent = with_agent(world)
    first = world.submit(x=1, key="k").run
    assert world.submit(x=1, key="k", reuse=False).run.id == first.id
    world.receive(agent)
    ended(world, agent, first)
    assert world.submit(x=2, key="k", reuse=False).run.id == first.id


def test_too_many_waiting_runs_are_refused_with_a_number() -> None:
    world = World(queued_runs=2)
    for simulation in ("a", "b"):
        world.submit(simulation=simulation)
    refused = world.submit(simulation="c")
    assert isinstance(refused, Busy)
    assert "2 runs waiting" in refused.detail


def test_cancel_is_canceling_until_the_agent_confirms() -> None:
    world = World()
    agent = with_agent(world)
    run = started(world, agent)
    assert world.cancel(run).run.state is State.CANCELING
    assert world.core.places["local"].cores_used == 1, "what still runs still holds its core"
    world.say_stop_failed(agent, run, "process 7 does not die")
    assert "process 7 does not die" in world.stored[run.id].reason
    world.tick(11)
    assert [type(m) for m in agent.inbox] == [talk.StopRun, talk.StopRun], "asked again"
    world.receive(agent)
    world.report_events(agent, run.id)
    assert world.stored[run.id].state is State.CANCELED
    assert world.core.places["local"].cores_used == 0


def test_a_run_that_ends_by_itself_before_the_cancel_reaches_it_says_so() -> None:
    world = World()
    agent = with_agent(world)
    run = started(world, agent)
    world.cancel(run)
    assert ended(world, agent, run).state is State.COMPLETED


def test_a_run_whose_start_never_arrived_is_sent_again_in_a_new_epoch() -> None:
    world = World()
    agent = with_agent(world)
    run = world.submit().run
    world.lose(agent)
    world.connect(agent)
    starts = [m for m in agent.inbox if isinstance(m, talk.StartRun)]
    assert [m.epoch for m in starts] == [2]
    assert world.stored[run.id].epoch == 2


@pytest.mark.parametrize("epoch", [1, 9])
def test_an_agent_that_names_another_epoch_takes_on_a_newer_one_and_is_heard_again(epoch: int) -> None:
    world = World()
    agent = with_agent(world)
    run = started(world, agent)
    world.lose(agent)
    world.stored[run.id] = world.core.runs[run.id] = dataclasses.replace(run, epoch=4)  # as from a copy of the database
    world.disks[agent.seat][run.id].epoch = epoch
    world.connect(agent)
    while agent.inbox:
        world.receive(agent)
    assert world.disks[agent.seat][run.id].epoch == world.stored[run.id].epoch == max(4, epoch) + 1
    assert ended(world, agent, run).state is State.COMPLETED


def test_what_an_agent_says_of_an_old_epoch_is_dropped() -> None:
    world = World()
    agent = with_agent(world)
    run = world.submit().run
    world.lose(agent)
    world.connect(agent)
    before = world.stored[run.id]
    event = talk.Event(n=1, at=world.now, event=rundir.FINAL, data={"state": "completed"})
    world.say_events(agent, talk.RunEvents(run=run.id, epoch=1, events=(event,)))
    assert world.stored[run.id] == before


def test_an_agent_cannot_speak_of_another_users_run() -> None:
    world = World()
    with_agent(world, "ann")
    bob = with_agent(world, "bob")
    run = world.submit("ann").run
    event = talk.Event(n=1, at=world.now, event=rundir.FINAL, data={"state": "completed"})
    world.say_events(bob, talk.RunEvents(run=run.id, epoch=1, events=(event,)))
    assert world.stored[run.id].state is State.STARTING


def test_a_running_run_that_its_agent_has_never_heard_of_is_lost() -> None:
    world = World()
    agent = with_agent(world)
    run = started(world, agent)
    del world.disks[agent.seat][run.id]
    world.lose(agent)
    assert world.stored[run.id].state is State.RUNNING, "not knowing is not failing"
    world.connect(agent)
    assert world.stored[run.id].state is State.LOST
    assert "directory" in world.stored[run.id].reason


def test_a_killed_supervisor_takes_up_where_it_was() -> None:
    world = World()
    agent = with_agent(world)
    running = started(world, agent, simulation="a")
    waiting = world.submit(simulation="b", cores=2).run
    world.restart()
    assert world.stored[waiting.id].state is State.PENDING
    execution = world.disks[agent.seat][running.id]
    execution.write(rundir.PROGRESS, world.now, fraction=0.5)
    execution.end("completed", 123.0)
    world.connect(agent)
    assert agent.inbox[0] == talk.Welcome(follow=(talk.Follow(run=running.id, epoch=1, after=2),))
    world.report_events(agent, running.id, first=3)
    assert world.stored[running.id].ended == 123.0, "its true end, not when it was heard of"
    assert world.stored[waiting.id].state is State.STARTING


def test_a_gap_in_the_events_makes_the_agent_say_again_what_it_has() -> None:
    world = World()
    agent = with_agent(world)
    run = started(world, agent)
    world.disks[agent.seat][run.id].write(rundir.PROGRESS, world.now)
    world.disks[agent.seat][run.id].write(rundir.PROGRESS, world.now)
    world.report_events(agent, run.id, first=4)
    assert not agent.connected
    assert world.stored[run.id].events == 2


@pytest.mark.parametrize("data", [{}, {"state": "fine"}, {"state": "running"}, {"state": 7}])
def test_a_damaged_final_event_fails_its_own_run_only(data: dict[str, object]) -> None:
    world = World()
    agent = with_agent(world)
    run, other = started(world, agent, simulation="a"), started(world, agent, simulation="b")
    event = talk.Event(n=3, at=world.now, event=rundir.FINAL, data=data)
    world.say_events(agent, talk.RunEvents(run=run.id, epoch=1, events=(event,)))
    assert world.stored[run.id].state is State.FAILED
    assert "damaged" in world.stored[run.id].reason
    assert world.stored[other.id].state is State.RUNNING


def test_an_agent_that_dies_is_started_again_at_once_and_then_with_back_off() -> None:
    world = World()
    agent = with_agent(world)
    started(world, agent, memory=GIB)
    world.tick(20)
    for expected in (0.0, 0.2, 0.4):
        world.kill(agent)
        world.poll_next()
        waited = 0.0
        while not world.to_start:
            world.tick(0.1)
            waited += 0.1
        assert waited == pytest.approx(expected, abs=0.11)
        world.start_next()
        agent = list(world.processes.values())[-1]
        world.connect(agent)


def test_an_agent_that_does_not_leave_though_it_was_told_to_keeps_no_run_waiting_for_ever() -> None:
    world = World()
    agent = with_agent(world)
    world.tick(PRESENCE + 1)
    assert [type(message) for message in agent.inbox] == [talk.Leave]
    run = world.submit().run
    assert world.stored[run.id].state is State.PENDING
    world.tick(LEAVE_LIMIT)
    world.start_next()
    world.connect(list(world.processes.values())[-1])
    assert world.stored[run.id].state is State.STARTING


def test_whoever_has_run_something_has_an_agent_there_for_a_while_without_having_arrived() -> None:
    world = World()
    run = world.submit().run
    world.start_next()
    [agent] = world.processes.values()
    world.connect(agent)
    world.cancel(run)
    while agent.inbox:
        world.receive(agent)
    world.report_events(agent, run.id)
    assert world.stored[run.id].state is State.CANCELED
    agent.inbox.clear()
    world.tick(PRESENCE - 10)
    assert not agent.inbox
    world.tick(20)
    assert [type(message) for message in agent.inbox] == [talk.Leave]


def test_an_agent_that_comes_back_to_a_supervisor_that_was_started_again_is_kept() -> None:
    world = World()
    agent = with_agent(world)
    world.restart()
    world.connect(agent)
    agent.inbox.clear()
    world.tick(PRESENCE - 10)
    assert not agent.inbox
    world.tick(20)
    assert [type(message) for message in agent.inbox] == [talk.Leave]


def test_a_run_that_the_store_refuses_holds_nothing_and_keeps_nobody_waiting() -> None:
    world = World(cores=1)
    process = with_agent(world)
    refused = started(world, process, simulation="s1")
    waiting = world.submit(simulation="s2").run
    reactor.on_not_stored(world.core, world.out, refused.id, world.now)
    world.perform()
    assert refused.id not in world.core.runs
    assert world.stored[waiting.id].state is State.STARTING
    assert any(isinstance(one, talk.StopRun) and one.run == refused.id for one in process.inbox)
    reactor.on_not_stored(world.core, world.out, refused.id, world.now)
    world.perform()
