"""Whose turn is it? Fair share, quick before long, small past big, ageing, and views that never wait for a run."""

from __future__ import annotations

from simyard.protocol.asking import RunSimulation
from simyard.protocol.jobs import Run, State
from simyard.supervisor.core import Lane
from simyard.supervisor.explaining import explain
from tests.unit.supervisor.reactor_world import GIB, World, ended, started, with_agent


def states(world: World, *runs: Run) -> list[State]:
    return [world.stored[run.id].state for run in runs]


def test_quick_goes_before_long() -> None:
    world = World(cores=1)
    agent = with_agent(world)
    first = started(world, agent, simulation="a")
    long, quick = world.submit(simulation="b").run, world.submit(simulation="c", model="quick").run
    ended(world, agent, first)
    assert states(world, long, quick) == [State.PENDING, State.STARTING]


def test_a_small_run_passes_a_big_one_that_cannot_fit_but_not_for_ever() -> None:
    world = World(cores=2, patience=60)
    agent = with_agent(world)
    running = [started(world, agent, simulation="a")]
    big = world.submit(simulation="big", cores=2).run
    running.append(started(world, agent, simulation="b"))
    assert states(world, big) == [State.PENDING], "passed"
    world.tick(61)
    small = world.submit(simulation="c").run
    ended(world, agent, running[0])
    assert states(world, big, small) == [State.PENDING, State.PENDING], "a core is free, and kept for the big one"
    ended(world, agent, running[1])
    assert states(world, big, small) == [State.STARTING, State.PENDING]


def test_one_that_can_never_fit_again_keeps_nothing_from_the_others() -> None:
    world = World(cores=4, patience=60)
    agent = with_agent(world)
    started(world, agent, simulation="a")
    big = world.submit(simulation="big", cores=4).run
    world.core.places["local"].cores = 3  # the supervisor was started again, with less to give
    started(world, agent, simulation="b")
    world.tick(61)
    small = world.submit(simulation="c").run
    assert states(world, small) == [State.STARTING]
    assert states(world, big) == [State.PENDING]
    assert "by now" in explain(world.core, world.core.runs[big.id], world.now).summary


class Unwatched(World):
    """For many runs: `check` and `previous` look at every one of them, at every step."""

    def check(self) -> None:
        pass

    def previous(self, question: RunSimulation) -> Run | None:
        return None


def test_one_run_behind_anothers_hundred_thousand_is_next() -> None:
    world = Unwatched(cores=1)
    ann, _ = with_agent(world, "ann"), with_agent(world, "bob")
    first = started(world, ann, simulation="first")
    for number in range(100_000):
        world.submit("ann", simulation=f"s{number}", cores=1)
    single = world.submit("bob", simulation="single").run
    world.now += 10
    ended(world, ann, first)
    assert states(world, single) == [State.STARTING]


def test_users_take_turns() -> None:
    world = World(cores=1)
    agents = {"ann": with_agent(world, "ann"), "bob": with_agent(world, "bob")}
    runs = [world.submit(user, simulation=f"s{n}").run for user in ("ann", "bob") for n in range(3)]
    order = []
    for _ in runs:
        [current] = [run for run in world.stored.values() if run.state is State.STARTING]
        order.append(current.user)
        agent = agents[current.user]
        while agent.inbox:
            world.receive(agent)
        world.now += 10
        ended(world, agent, current)
    assert order == ["ann", "bob", "ann", "bob", "ann", "bob"]


def test_a_report_never_waits_for_a_run() -> None:
    world = World(cores=1, analyses=1)
    agent = with_agent(world)
    run = started(world, agent)
    first, second = world.view(run), world.view(run)
    while agent.inbox:
        world.receive(agent)
    assert [op for _, op in world.started_views] == [first]
    world.view(run, Lane.TRANSFER)
    assert len(agent.inbox) == 1, "files have a capacity of their own"
    from simyard.supervisor import views

    views.on_view_done(world.core, world.out, first, world.now)
    world.perform()
    while agent.inbox:
        world.receive(agent)
    assert second in [op for _, op in world.started_views]


def test_a_waiting_run_says_why_where_and_what_would_clear_it() -> None:
    world = World(cores=1)
    agent = with_agent(world)
    started(world, agent, simulation="a")
    world.submit(simulation="b")
    third = world.submit(simulation="c", memory=2 * GIB).run
    said = explain(world.core, third, world.now)
    assert said.position == 2
    assert said.gates[-1].gate == "resources"
    assert not said.gates[-1].passed
    assert "1 core" in said.summary
    assert "2 GiB" in said.summary
    assert "when runs there end" in said.summary


def test_whoever_waited_starts_again_at_the_first_gate() -> None:
    world = World(cores=1)
    agent = with_agent(world)
    first = started(world, agent, simulation="a")
    waiting = world.submit(simulation="b").run
    world.core.places["local"].why_disabled = "The site has closed this target until noon."
    ended(world, agent, first)
    assert states(world, waiting) == [State.PENDING]
    assert explain(world.core, waiting, world.now).summary == "The site has closed this target until noon."


def test_a_view_that_cannot_be_served_is_refused_with_what_it_waited_for() -> None:
    world = World()
    agent = with_agent(world)
    run = ended(world, agent, started(world, agent))
    world.kill(agent)
    world.to_poll.clear()
    world.view(run)
    world.tick(61)
    assert world.answers[world.requests].code == "not-reachable"
    assert "agent" in world.answers[world.requests].detail
