"""What a run that came now would wait: from what runs, what waits before it, and how long such runs took."""

from __future__ import annotations

import dataclasses
import time

import pytest

from simyard.protocol import rundir
from simyard.protocol.jobs import Progress, Run, State, Usage
from simyard.protocol.targets import Wait
from simyard.supervisor.core import Lane
from simyard.supervisor.durations import MAX_MODELS, Durations
from simyard.supervisor.estimating import Wanted, wait
from tests.unit.supervisor.reactor_world import GIB, Process, World, started, with_agent


def wanted(cores: int = 1, memory: int = GIB, lane: Lane = Lane.LONG, user: str = "ann") -> Wanted:
    return Wanted(user=user, lane=lane, cores=cores, memory=memory)


def estimate(world: World, what: Wanted | None = None) -> Wait | None:
    return wait(world.core, world.core.places["local"], what or wanted(), world.now)


def earlier(world: World, *walls: float, model: str = "long") -> None:
    """Such runs took so long."""
    for wall in walls:
        run = dataclasses.replace(A_RUN, model=model, usage=Usage(wall=wall))
        world.core.durations.learn(run)


def a_run() -> Run:
    world = World()
    return dataclasses.replace(started(world, with_agent(world)), state=State.COMPLETED)


A_RUN = a_run()


def progressed(world: World, process: Process, run: Run, fraction: float) -> None:
    world.disks[process.seat][run.id].write(rundir.PROGRESS, world.now, fraction=fraction)
    world.report_events(process, run.id)


def test_where_everything_is_free_it_would_start_at_once() -> None:
    world = World()
    with_agent(world)
    assert estimate(world) == Wait(low=0.0, high=0.0)


def test_where_there_is_no_agent_yet_it_may_take_the_seconds_that_one_needs() -> None:
    assert estimate(World()) == Wait(low=0.0, high=3.0)


def test_what_runs_is_taken_to_go_on_by_its_own_slope() -> None:
    world = World(cores=2)
    process = with_agent(world)
    run = started(world, process, cores=2)
    world.now += 30.0
    progressed(world, process, run, 0.25)
    assert estimate(world) == Wait(low=72.0, high=126.0)  # 90 s are left by the slope, less or more


def test_without_progress_it_is_what_such_runs_took_earlier() -> None:
    world = World(cores=2)
    process = with_agent(world)
    started(world, process, cores=2)
    earlier(world, 40.0, 60.0, 50.0)
    world.now += 10.0
    assert estimate(world) == Wait(low=30.0, high=50.0)
    world.now += 100.0
    assert estimate(world) == Wait(low=0.0, high=0.0)  # it is late: any moment now


def test_nobody_can_say_where_nothing_is_known_of_what_must_end_first() -> None:
    world = World(cores=2)
    started(world, with_agent(world), cores=2)
    assert estimate(world) is None


def test_what_cannot_be_had_is_not_waited_for() -> None:
    world = World(cores=2)
    with_agent(world)
    assert estimate(world, wanted(cores=3)) is None
    world.core.places["local"].why_disabled = "It is being repaired."
    assert estimate(world) is None


def test_what_waits_before_it_comes_first_and_a_quick_one_passes() -> None:
    world = World(cores=1)
    process = with_agent(world)
    started(world, process, simulation="s1")
    for name in ("s2", "s3"):
        world.submit(simulation=name)
    earlier(world, 10.0)
    assert estimate(world) == Wait(low=30.0, high=30.0)
    assert estimate(world, wanted(lane=Lane.QUICK)) == Wait(low=10.0, high=10.0)


def test_users_take_turns_in_the_estimate_too() -> None:
    world = World(cores=1)
    process = with_agent(world)
    started(world, process, simulation="s0")
    for number in range(20):
        world.submit(simulation=f"s{number + 1}")
    with_agent(world, "bob")
    earlier(world, 10.0)
    there = estimate(world, wanted(user="bob"))
    assert there is not None
    assert there.high <= 20.0


def test_a_small_one_fits_beside_what_runs() -> None:
    world = World(cores=2)
    process = with_agent(world)
    started(world, process, cores=1)
    assert estimate(world) == Wait(low=0.0, high=0.0)
    assert estimate(world, wanted(cores=2)) is None


def test_the_limit_of_runs_at_once_is_waited_for() -> None:
    world = World(cores=8, active_runs=1)
    process = with_agent(world)
    started(world, process)
    earlier(world, 25.0)
    assert estimate(world) == Wait(low=25.0, high=25.0)


def test_a_queue_of_many_thousands_is_estimated_in_no_time() -> None:
    world = World(cores=1, queued_runs=100_000)
    process = with_agent(world)
    started(world, process, simulation="first")
    place = world.core.places["local"]
    earlier(world, 2.0)
    world.submit(simulation="second")
    (line,) = place.lines.values()
    line.extend([line[0]] * 50_000)
    took = []
    for _ in range(5):  # the collector, and what else shares the processor, may come in between
        began = time.process_time()
        there = estimate(world)
        took.append(time.process_time() - began)
    assert min(took) < 0.05
    line_length = len(line)
    while len(line) > 1:
        line.pop()
    assert there is not None
    assert there.high == pytest.approx(2.0 * (line_length + 1), rel=0.01)


def test_a_run_that_failed_says_nothing_about_how_long_such_runs_take() -> None:
    known = Durations()
    known.learn(dataclasses.replace(A_RUN, state=State.FAILED, usage=Usage(wall=1.0)))
    known.learn(dataclasses.replace(A_RUN, usage=None))
    assert known.of("c", "long") is None


def test_odd_ones_do_not_count_and_what_is_remembered_is_bounded() -> None:
    known = Durations()
    known.learn_all(
        dataclasses.replace(A_RUN, ended=float(n), usage=Usage(wall=1000.0 if n == 3 else 10.0 + n)) for n in range(20)
    )
    assert known.of("c", "long") == (12.0, 28.0)
    for number in range(MAX_MODELS):
        known.learn(dataclasses.replace(A_RUN, model=f"m{number}", usage=Usage(wall=1.0)))
    assert known.of("c", "long") is None


def test_the_brain_learns_from_every_run_that_completes() -> None:
    world = World()
    process = with_agent(world)
    run = started(world, process)
    world.disks[process.seat][run.id].end("completed", world.now)
    world.report_events(process, run.id)
    assert world.core.durations.of("c", "long") == (1.0, 1.0)
    assert world.stored[run.id].progress == Progress(fraction=1.0)
