"""What is done about a run on a cluster, by what its files show and Slurm says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.agent.judgement import WAIT, Do
from simyard.agent.slurm import attempts
from simyard.agent.slurm.judging import PATIENCE, STOP_PATIENCE, View, by_output, judge, last_line
from simyard.agent.slurm.meaning import STATES
from simyard.protocol.jobs import CAUSES, FINAL, State

NOW = 1000.0
LIVES = View(
    now=NOW, final=False, begun=True, paused=False, stopped=False, grace=5.0, attempt=attempts.SUBMITTED, is_busy=False, is_absent=False,
)  # fmt: skip
LONG_AGO = NOW - 10 * PATIENCE


def view(**more: Any) -> View:
    return dataclasses.replace(LIVES, **more)


def over(state: str, **more: Any) -> View:
    return view(over=STATES[state], over_since=LONG_AGO, **more)


def test_a_run_whose_job_slurm_has_is_left_alone() -> None:
    assert judge(view()) == WAIT
    assert judge(view(begun=False)) == WAIT
    assert judge(over("TIMEOUT", final=True)) == WAIT


def test_what_was_never_submitted_is_and_what_has_run_is_not_submitted_again() -> None:
    fresh = view(attempt="", begun=False)
    assert judge(fresh).do is Do.LAUNCH
    assert judge(dataclasses.replace(fresh, is_busy=True)) == WAIT
    # its record is lost, and something has run
    for trace in ({"begun": True}, {"printed": ""}):
        assert judge(dataclasses.replace(fresh, **trace)).state is State.LOST


def test_a_submission_that_was_not_answered_is_repeated_only_when_there_can_be_none() -> None:
    asked = view(attempt=attempts.SUBMITTING, begun=False)
    assert judge(asked) == WAIT
    assert judge(dataclasses.replace(asked, stop_since=LONG_AGO)) == WAIT
    none = dataclasses.replace(asked, is_absent=True)
    assert judge(none).do is Do.LAUNCH
    assert judge(dataclasses.replace(none, stop_since=NOW)).state is State.CANCELED
    assert judge(dataclasses.replace(none, begun=True)).state is State.LOST
    assert judge(dataclasses.replace(none, paused=True)).do is Do.LAUNCH


def test_a_refusal_is_told_in_slurms_words_and_a_full_queue_is_waited_for() -> None:
    step = judge(view(attempt=attempts.REFUSED, begun=False, refused="Slurm refuses the job: no."))
    assert (step.do, step.state, step.reason, step.cause) == (Do.CONCLUDE, State.FAILED, "Slurm refuses the job: no.", "start")
    assert judge(view(attempt=attempts.POSTPONED, begun=False)).do is Do.LAUNCH
    assert judge(view(attempt=attempts.POSTPONED, begun=False, stop_since=NOW)).state is State.CANCELED


@pytest.mark.parametrize(
    "state, end, cause",
    [
        ("TIMEOUT", State.FAILED, "time-limit"),
        ("OUT_OF_MEMORY", State.FAILED, "memory"),
        ("NODE_FAIL", State.LOST, "lost"),
        ("PREEMPTED", State.FAILED, "signal"),
        ("CANCELLED", State.FAILED, "signal"),
        ("FAILED", State.FAILED, "signal"),
        ("COMPLETED", State.LOST, "lost"),
    ],
)
def test_a_run_that_says_nothing_more_ends_by_slurms_word_after_a_moment(state: str, end: State, cause: str) -> None:
    assert judge(over(state, stopped=True)).do is Do.CONCLUDE
    assert judge(dataclasses.replace(over(state), over_since=NOW - PATIENCE / 2)) == WAIT
    step = judge(over(state))
    assert (step.state, step.cause) == (end, cause)
    assert step.reason.endswith(".")
    # whoever wanted it stopped has got it
    assert judge(over(state, stop_since=LONG_AGO)).state is State.CANCELED


def test_what_slurm_wrote_into_the_output_says_more_than_the_state() -> None:
    said = "slurmstepd: error: *** JOB 5 ON n1 CANCELLED AT 2026-11-23T00:00:00 DUE TO TIME LIMIT ***\n"
    assert judge(over("CANCELLED", printed=said)).cause == "time-limit"
    assert judge(view(over_since=LONG_AGO, is_gone=True, printed=said)).cause == "time-limit"
    memory = "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=5.batch.\n"
    assert judge(over("FAILED", printed=memory)).cause == "memory"
    # a script cannot speak for Slurm by printing its words
    assert by_output("echo DUE TO TIME LIMIT\n") is None
    assert last_line("module: not found\n\n") == "module: not found"
    assert "module: not found" in judge(over("FAILED", begun=False, printed="module: not found\n")).reason


def test_nobody_is_blamed_for_what_a_node_that_was_cut_off_still_wrote() -> None:
    step = judge(over("NODE_FAIL", damaged="line 7: it has number 6", stop_since=LONG_AGO))
    assert (step.do, step.state, step.cause) == (Do.CONCLUDE, State.LOST, "lost")
    assert "node" in step.reason
    assert "events.jsonl" in judge(over("COMPLETED", damaged="line 7: it is not JSON", stop_since=LONG_AGO)).reason


def test_a_job_that_slurm_began_again_while_its_first_node_still_ran_it_is_lost() -> None:
    step = judge(over("FAILED", printed="simyard: another job cmd holds the lock of /runs/1\n"))
    assert (step.state, step.cause) == (State.LOST, "lost")
    assert "it was not run twice" in step.reason


def test_a_job_of_which_slurm_knows_nothing_is_lost_in_words() -> None:
    step = judge(view(over_since=LONG_AGO, is_gone=True))
    assert (step.state, step.cause) == (State.LOST, "lost")
    assert "Slurm knows nothing of its job any more" in step.reason


def test_a_part_that_paused_is_gone_on_with_unless_it_is_stopped_or_there_were_too_many() -> None:
    paused = over("COMPLETED", begun=False, paused=True, parts=1)
    assert judge(paused).do is Do.LAUNCH
    assert judge(dataclasses.replace(paused, stop_since=LONG_AGO)).state is State.CANCELED
    assert judge(dataclasses.replace(paused, parts=attempts.MOST)).cause == "time-limit"


def test_a_stop_is_asked_for_then_taken() -> None:
    assert judge(view(stop_since=NOW)).do is Do.TERM
    assert judge(view(stop_since=NOW, termed=NOW)) == WAIT
    late = judge(view(stop_since=NOW - 5.0 - STOP_PATIENCE))
    assert (late.do, late.stop_failed) == (Do.KILL, True)
    ending = judge(over("CANCELLED", stop_since=LONG_AGO, ending="Disk quota.", ending_cause="disk"))
    assert (ending.state, ending.reason, ending.cause) == (State.FAILED, "Disk quota.", "disk")


maybe = st.sampled_from([None, LONG_AGO, NOW])
VIEWS = st.builds(
    View, now=st.just(NOW), final=st.booleans(), begun=st.booleans(), paused=st.booleans(), stopped=st.booleans(), grace=st.just(5.0),
    attempt=st.sampled_from(["", attempts.SUBMITTING, attempts.SUBMITTED, attempts.REFUSED, attempts.POSTPONED]), is_busy=st.booleans(),
    is_absent=st.booleans(), parts=st.sampled_from([1, attempts.MOST]), over=st.sampled_from([None, *STATES.values()]), over_since=maybe,
    never_ran=st.booleans(), is_gone=st.booleans(), printed=st.sampled_from([None, "", "x"]), damaged=st.sampled_from(["", "bad"]), stop_since=maybe,
    termed=maybe,
)  # fmt: skip


@given(VIEWS)
def test_nothing_runs_twice_and_nothing_ends_that_slurm_may_still_have(seen: View) -> None:
    step = judge(seen)
    if step.do is Do.LAUNCH:
        assert seen.stop_since is None
        assert not seen.final
        assert not seen.is_busy
        # the part before, if there was one, has said that it is over, or never began
        assert seen.paused or not seen.begun or seen.attempt == attempts.POSTPONED
        assert seen.attempt != attempts.SUBMITTED or (seen.over_since is not None and seen.paused)
        assert seen.attempt != attempts.SUBMITTING or seen.is_absent
    if step.do is Do.CONCLUDE:
        assert step.state in FINAL
        assert step.cause in ("", *CAUSES)
        assert seen.attempt != attempts.SUBMITTED or seen.over_since is not None
        assert seen.attempt != attempts.SUBMITTING or seen.is_absent
        assert step.state is not State.CANCELED or seen.stop_since is not None
