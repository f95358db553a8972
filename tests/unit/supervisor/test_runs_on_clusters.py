"""Runs that a cluster has in its own queue: what it says of them is shown, bounded, and decides nothing."""

from __future__ import annotations

from typing import Any

from simyard.protocol import agents as talk
from simyard.protocol import rundir
from simyard.protocol.agents import Partitions
from simyard.protocol.batch import Partition
from simyard.protocol.jobs import Remote, Run, State
from simyard.supervisor import clusters
from simyard.supervisor.explaining import explain, targets
from simyard.supervisor.reactor import START_DEADLINE
from tests.unit.supervisor.cluster_world import ClusterWorld
from tests.unit.supervisor.reactor_world import Process, ended, started, with_agent

WORDS = "First in line, waiting for 12 nodes in partition regular; Slurm expects 14:05."
DAY = 86400.0


def queued(world: ClusterWorld, **asked: Any) -> tuple[Process, Run]:
    """A run that its agent has given to Slurm."""
    process = with_agent(world)
    run = world.submit(**asked).run
    world.receive(process)
    world.note(process, run, job="4711", state="PENDING", words=WORDS, expected=1_000_900.0, at=world.now)
    return process, world.stored[run.id]


def summary(world: ClusterWorld, run: Run) -> str:
    return explain(world.core, world.stored[run.id], world.now).summary


def test_what_slurm_says_is_told_with_the_jobs_number() -> None:
    world = ClusterWorld()
    _, run = queued(world)
    assert run.remote == Remote(job="4711", state="PENDING", words=WORDS, expected=1_000_900.0, at=world.now)
    assert run.state is State.STARTING
    assert summary(world, run) == f"{WORDS} It is job 4711 on local."


def test_a_run_may_stand_in_slurms_queue_for_days() -> None:
    world = ClusterWorld()
    process, run = queued(world)
    for _ in range(30):
        world.tick(DAY)
    assert process.connected
    assert world.stored[run.id].state is State.STARTING


def test_a_run_of_which_not_even_slurm_was_told_makes_its_agent_say_again_what_it_has() -> None:
    world = ClusterWorld()
    process = with_agent(world)
    world.submit()
    world.tick(START_DEADLINE)
    assert not process.connected


def test_as_many_runs_as_are_wanted_are_given_to_slurm_at_once() -> None:
    world = ClusterWorld()
    with_agent(world)
    runs = [world.submit(simulation=f"s{n}", cores=500).run for n in range(200)]
    assert {world.stored[run.id].state for run in runs} == {State.STARTING}


def test_the_same_said_again_is_no_change() -> None:
    world = ClusterWorld()
    process, run = queued(world)
    world.note(process, run, job="4711", state="PENDING", words=WORDS, expected=1_000_900.0, at=world.now + 5.0)
    assert world.stored[run.id].revision == run.revision
    world.note(process, run, job="4711", state="PENDING", words="Waiting behind others.", at=world.now + 10.0)
    assert world.stored[run.id].revision == run.revision + 1


def test_an_agent_says_nothing_of_other_peoples_runs_nor_of_an_earlier_epoch() -> None:
    world = ClusterWorld()
    process, run = queued(world)
    other = with_agent(world, "bob")
    world.note(other, run, job="1", words="Mine.")
    world.note(process, run, job="1", words="Old.", epoch=run.epoch - 1)
    assert world.stored[run.id] == run


def test_foreign_words_and_times_are_bounded() -> None:
    world = ClusterWorld()
    process, run = queued(world)
    world.note(process, run, job="7" * 5000, words="x\0" * 5000, expected=1e300, at=-1e300, silent_since=1e300)
    said = world.stored[run.id].remote
    assert said is not None
    assert (len(said.job), "\0" in said.words, said.at) == (100, False, 0.0)
    assert len(said.words) <= 2000
    assert summary(world, run)


def test_slurm_that_does_not_answer_changes_nothing_but_the_words() -> None:
    world = ClusterWorld()
    process = with_agent(world)
    run = started(world, process)
    world.note(process, run, job="4711", state="RUNNING", silent_since=1_000_000.0)
    assert world.stored[run.id].state is State.RUNNING
    assert summary(world, run) == (
        "It is running on local. It is job 4711 there. Slurm on local has not answered since 13:46 UTC: this is the last that is known, and "
        "nothing of the run is lost by that."
    )


def test_a_run_that_has_begun_does_not_wait_any_more_whatever_was_said_last() -> None:
    world = ClusterWorld()
    process, run = queued(world)
    world.report_events(process, run.id)
    assert summary(world, run) == "It has begun, and its code is being started. It is job 4711 on local."
    world.disks[process.seat][run.id].write(rundir.STARTED, world.now)
    world.report_events(process, run.id)
    assert world.stored[run.id].remote == Remote(job="4711", state="PENDING", at=world.now)
    assert summary(world, run) == "It is running on local. It is job 4711 there."


def test_a_run_that_waits_for_its_next_part_says_so_and_is_running_all_the_while() -> None:
    world = ClusterWorld()
    process = with_agent(world)
    run = started(world, process)
    world.note(process, run, job="4712", state="PENDING", words="It waits for its next part.")
    assert world.stored[run.id].state is State.RUNNING
    assert summary(world, run) == "It is running on local. It waits for its next part. It is job 4712 there."
    first = len(world.disks[process.seat][run.id].events) + 1
    world.disks[process.seat][run.id].write(rundir.RESUMED, world.now, part=2, why="paused")
    world.report_events(process, run.id, first)
    assert summary(world, run) == "It is running on local. It is job 4712 there."


def test_a_run_that_is_over_keeps_the_number_of_its_job_and_waits_for_nothing() -> None:
    world = ClusterWorld()
    process = with_agent(world)
    run = started(world, process)
    world.note(process, run, job="4711", state="RUNNING", words="Slurm has suspended it.", silent_since=5.0, expected=9.0)
    done = ended(world, process, run)
    assert done.remote == Remote(job="4711")
    assert explain(world.core, done, world.now).summary == "It has completed. It was job 4711 on local."


def test_what_was_never_submitted_fails_in_slurms_words() -> None:
    from simyard.supervisor import reactor

    world = ClusterWorld()
    process = with_agent(world)
    run = world.submit().run
    refused = talk.StartFailed(run=run.id, epoch=1, reason="Slurm: Invalid account.", cause="start")
    reactor.on_start_failed(world.core, world.out, process.id, refused, world.now)
    world.perform()
    stored = world.stored[run.id]
    assert (stored.state, stored.cause, stored.reason) == (State.FAILED, "start", "Slurm: Invalid account.")


def test_how_long_a_run_took_on_a_cluster_says_nothing_of_this_machine() -> None:
    world = ClusterWorld()
    process = with_agent(world)
    ended(world, process, started(world, process))
    assert world.core.durations.of("c", "long") is None


def partition(name: str = "regular") -> Partition:
    return Partition(
        name=name, up=True, default=True, nodes=2, cores=4, time_limit=None, max_nodes=None, min_nodes=1, memory=None
    )


def test_each_user_is_shown_the_partitions_that_their_own_agent_has_told_of() -> None:
    world = ClusterWorld()
    mine, theirs = with_agent(world), with_agent(world, "bob")
    world.notices.clear()
    for process, names in ((mine, ("regular", "x" * 1000)), (theirs, ("false",)), (mine, ("regular",))):
        message = Partitions(partitions=tuple(partition(name) for name in names))
        clusters.on_partitions(world.core, world.out, process.id, message, world.now)
        world.perform()
    for user, name in (("ann", "regular"), ("bob", "false")):
        (seen,) = targets(world.core, user, lambda _place: None, world.now)
        assert [one.name for one in seen.partitions] == [name]
    assert [one.user for one in world.notices] == ["ann", "bob"]
