"""What is done about a run, for everything that its files and processes can show."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simyard.agent.judgement import BEGIN_LIMIT, BEGIN_PATIENCE, STOP_PATIENCE, Do, Exit, View, judge
from simyard.protocol.jobs import State


def view(**more: Any) -> View:
    plain = View(now=1000.0, holder=0, begun=False, same_boot=True, final=False, grace=5.0)
    return dataclasses.replace(plain, **more)


def test_a_directory_in_which_nothing_happened_is_launched_once() -> None:
    assert judge(view()).do is Do.LAUNCH
    assert judge(view(launched=999.0, launching=True)).do is Do.WAIT
    assert judge(view(launched=999.0, notice_expected=True)).do is Do.WAIT


def test_a_run_goes_on_while_its_lock_is_held() -> None:
    assert judge(view(holder=7, begun=True)).do is Do.WAIT
    assert judge(view(holder=7, begun=True, same_boot=False)).do is Do.WAIT
    assert judge(view(holder=7, exit=Exit(exit_code=3))).do is Do.WAIT


def test_a_run_whose_lock_is_free_is_over() -> None:
    step = judge(view(begun=True, free_since=990.0))
    assert (step.do, step.state) == (Do.CONCLUDE, State.FAILED)
    step = judge(view(begun=True, free_since=990.0, same_boot=False))
    assert (step.do, step.state) == (Do.CONCLUDE, State.LOST)


def test_the_word_of_its_parent_is_waited_for_a_moment() -> None:
    assert judge(view(begun=True, free_since=999.9, notice_expected=True)).do is Do.WAIT
    # on a busy machine its parent comes to it seconds later
    assert judge(view(begun=True, free_since=996.0, notice_expected=True)).do is Do.WAIT
    assert judge(view(begun=True, free_since=990.0, notice_expected=True)).do is Do.CONCLUDE
    step = judge(view(begun=True, exit=Exit(signal="SIGKILL")))
    assert (step.do, step.state) == (Do.CONCLUDE, State.FAILED)
    assert "SIGKILL" in step.reason
    assert "exit status 1" in judge(view(begun=True, exit=Exit(exit_code=1))).reason
    assert "disk" in judge(view(begun=True, exit=Exit(exit_code=4))).reason


def test_a_run_that_the_agent_ends_has_failed_for_its_reason_however_its_job_cmd_goes() -> None:
    ending = {"stop_since": 999.0, "ending": "Disk quota.", "ending_cause": "disk"}
    for more in ({}, {"begun": True, "exit": Exit(signal="SIGKILL")}, {"begun": True, "free_since": 990.0}):
        step = judge(view(**ending, **more))
        assert (step.do, step.state, step.reason, step.cause) == (Do.CONCLUDE, State.FAILED, "Disk quota.", "disk")
    assert judge(view(**ending, holder=7, begun=True)).do is Do.TERM


def test_a_job_cmd_that_never_begins_is_not_waited_for_for_ever() -> None:
    assert judge(view(launched=1000.0 - BEGIN_PATIENCE)).do is Do.CONCLUDE
    assert judge(view(launched=1000.0 - BEGIN_PATIENCE, notice_expected=True)).do is Do.WAIT
    assert judge(view(launched=1000.0 - BEGIN_LIMIT, notice_expected=True)).do is Do.CONCLUDE


def test_a_start_that_fails_says_why() -> None:
    step = judge(view(launched=999.0, start_failure="no module named cpymad"))
    assert (step.do, step.state, step.reason) == (Do.CONCLUDE, State.FAILED, "no module named cpymad")


def test_a_stop_asks_then_kills_and_says_that_it_takes_too_long() -> None:
    assert judge(view(holder=7, stop_since=1000.0)).do is Do.TERM
    assert judge(view(holder=7, stop_since=999.0, termed=999.0)).do is Do.WAIT
    assert judge(view(holder=7, stop_since=997.0, termed=997.0)).do is Do.TERM
    late = judge(view(holder=7, stop_since=1000.0 - 5.0 - STOP_PATIENCE, termed=990.0))
    assert (late.do, late.stop_failed) == (Do.KILL, True)


def test_a_stop_before_anything_began_cancels() -> None:
    for more in (
        {},
        {"launching": True, "launched": 999.0},
        {"launched": 990.0},
        {"launched": 999.0, "exit": Exit(signal="SIGTERM")},
    ):
        step = judge(view(stop_since=999.0, **more))
        assert (step.do, step.state) == (Do.CONCLUDE, State.CANCELED)
    # a job cmd that is being born is asked, as soon as it can be
    assert judge(view(stop_since=999.0, launched=999.0, notice_expected=True)).do is Do.WAIT


def test_a_job_cmd_that_had_to_be_killed_for_a_stop_is_canceled() -> None:
    assert judge(view(begun=True, stop_since=990.0, exit=Exit(signal="SIGKILL"))).state is State.CANCELED
    assert judge(view(begun=True, stop_since=990.0, free_since=990.0)).state is State.CANCELED


def test_what_is_not_believed_is_stopped_and_failed() -> None:
    assert judge(view(holder=7, begun=True, damaged="line 3")).do is Do.TERM
    step = judge(view(begun=True, damaged="line 3", stop_since=999.0))
    assert (step.do, step.state) == (Do.CONCLUDE, State.FAILED)
    assert "line 3" in step.reason


times = st.one_of(st.none(), st.floats(0.0, 1000.0))
views = st.builds(
    View, now=st.just(1000.0), holder=st.sampled_from([0, 7, -1]), begun=st.booleans(), same_boot=st.booleans(), final=st.booleans(),
    grace=st.just(5.0), damaged=st.sampled_from(["", "line 3"]), launching=st.booleans(), launched=times,
    notice_expected=st.booleans(), exit=st.sampled_from([None, Exit(1), Exit(signal="SIGKILL"), Exit()]),
    start_failure=st.sampled_from(["", "no"]), free_since=times, stop_since=times, termed=times,
)  # fmt: skip


@given(views)
def test_whatever_is_seen_a_final_run_is_left_alone_and_a_living_one_is_never_concluded(seen: View) -> None:
    step = judge(seen)
    if seen.final:
        assert step.do is Do.WAIT
    if seen.holder:
        assert step.do in {Do.WAIT, Do.TERM, Do.KILL}
    else:
        assert step.do not in {Do.TERM, Do.KILL}
    if step.do is Do.CONCLUDE:
        assert step.reason


@given(views)
def test_nothing_that_is_not_held_waits_for_ever(seen: View) -> None:
    # who sees the lock free notes since when
    free = seen.now if seen.free_since is None else seen.free_since
    later = dataclasses.replace(seen, now=seen.now + 1000.0, final=False, holder=0, launching=False, free_since=free)
    assert judge(later).do in {Do.CONCLUDE, Do.LAUNCH}


def test_a_run_whose_container_is_another_by_now_is_lost_with_it() -> None:
    step = judge(view(begun=True, same_container=False, free_since=900.0))
    assert (step.do, step.state, step.cause) == (Do.CONCLUDE, State.LOST, "lost")
    assert "Its container ended while it ran" in step.reason
    assert judge(view(begun=True, same_container=False, stop_since=900.0)).state is State.CANCELED
    assert judge(view(begun=True, same_container=False, holder=7)).do is Do.WAIT
