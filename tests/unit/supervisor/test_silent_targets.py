"""A target whose host does not answer: shown with since when and why, decided by nothing, and gone on with as soon as it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from simyard.drivers.base import Handle, Trouble
from simyard.protocol.jobs import State
from simyard.protocol.targets import Target
from simyard.supervisor import reactor
from simyard.supervisor.core import Lane
from simyard.supervisor.estimating import Wanted
from simyard.supervisor.explaining import explain, targets, told
from simyard.supervisor.silence import moment
from tests.unit.supervisor.reactor_world import GIB, World, started, with_agent

#: 1970-01-12 13:46 UTC is when the world's time begins.
SILENT = Trouble(words="The Docker daemon at unix:///d is not answering", since=1_000_000.0)
REMOVED = Trouble(words="The Docker host tcp://old is not in the configuration any more. Put it back, or cancel")


@dataclass
class Troubled:
    """A driver's word, and whom it was asked about."""

    word: Trouble | None
    asked: list[tuple[str, Handle | None]] = field(default_factory=list)

    def __call__(self, user: str, handle: Handle | None) -> Trouble | None:
        self.asked.append((user, handle))
        return self.word


def troubled(world: World, word: Trouble | None) -> Troubled:
    made = Troubled(word)
    world.core.places["local"].trouble = made
    return made


def seen(world: World) -> Target:
    (found,) = targets(world.core, "ann", lambda _place: Wanted(user="ann", lane=Lane.LONG, cores=1, memory=GIB), world.now)
    return found


def test_a_target_that_does_not_answer_is_silent_since_a_moment_and_promises_no_wait() -> None:
    world = World()
    troubled(world, SILENT)
    found = seen(world)
    assert (found.state, found.since, found.wait) == ("silent", 1_000_000.0, None)
    assert found.detail == "The Docker daemon at unix:///d is not answering since 13:46 UTC."


def test_where_the_agent_is_connected_the_target_is_ready_and_says_that_its_host_is_silent() -> None:
    world = World()
    process = with_agent(world)
    word = troubled(world, SILENT)
    found = seen(world)
    assert found.state == "ready"
    assert found.since == 1_000_000.0
    assert "not answering since 13:46 UTC. Your agent there is connected: what it runs goes on." in found.detail
    assert word.asked[-1] == ("ann", world.core.by_id[process.id].record.handle)


def test_a_run_that_waits_for_a_silent_host_says_so_at_its_gate() -> None:
    world = World()
    troubled(world, SILENT)
    run = world.submit().run
    blocked = told(world.core, run, world.now).waiting[-1]
    assert (blocked.gate, blocked.passed) == ("agent", False)
    assert blocked.detail == (
        "Your agent on local is out of reach. The Docker daemon at unix:///d is not answering since 13:46 UTC. It goes on when that is over."
    )


def test_a_run_whose_host_does_not_answer_keeps_its_state_however_long_that_lasts() -> None:
    world = World()
    process = with_agent(world)
    run = started(world, process)
    troubled(world, SILENT)
    world.lose(process)
    for _ in range(50):
        world.tick(100.0)
        while world.to_poll:
            world.poll_next(known=False)
    assert world.stored[run.id].state is State.RUNNING
    assert not world.to_start
    said = explain(world.core, world.stored[run.id], world.now).summary
    assert "this is its last known state. The Docker daemon at unix:///d is not answering since 13:46 UTC." in said


def test_a_run_on_a_host_that_was_removed_keeps_its_state_and_says_what_helps() -> None:
    world = World()
    process = with_agent(world)
    run = started(world, process)
    world.lose(process)
    troubled(world, REMOVED)
    world.to_poll.clear()
    assert seen(world).state == "silent"
    assert "Put it back, or cancel." in explain(world.core, world.stored[run.id], world.now).summary
    waiting = world.submit(simulation="s2").run
    assert told(world.core, waiting, world.now).waiting[-1].detail.endswith("any more. Put it back, or cancel.")
    assert not world.to_start, "another agent of the same seat might have two of a run"
    assert world.cancel(waiting).run.state is State.CANCELED


def test_when_it_answers_again_nobody_waits_for_the_next_try() -> None:
    world = World()
    run = world.submit().run
    for _ in range(6):
        while world.to_start:
            world.start_next(ok=False)
        world.tick(60.0)
    while world.to_start:
        world.start_next(ok=False)
    assert not world.to_start
    assert world.stored[run.id].state is State.PENDING
    reactor.on_target_answers(world.core, world.out, "local", world.now)
    world.perform()
    assert len(world.to_start) == 1


def test_when_it_answers_again_an_agent_that_is_away_is_asked_about_at_once() -> None:
    world = World()
    process = with_agent(world)
    started(world, process)
    world.lose(process)
    world.poll_next(known=False)
    assert not world.to_poll
    reactor.on_target_answers(world.core, world.out, "local", world.now)
    world.perform()
    assert [poll.agent for poll in world.to_poll] == [process.id]


def test_a_moment_that_is_long_past_has_its_day() -> None:
    assert moment(1_000_000.0, 1_000_060.0) == "13:46 UTC"
    assert moment(1_000_000.0, 1_100_000.0) == "12 Jan 13:46 UTC"
