"""Every word of Slurm's has a meaning; one that is not known changes nothing."""

from __future__ import annotations

import pytest

from simyard.agent.slurm.meaning import REASONS, STATES, meaning, reason, waiting
from simyard.agent.slurm.text import Seen
from simyard.protocol.jobs import CAUSES, FINAL, State

#: The job states of Slurm 22.05 and newer (squeue's manual page).
KNOWN = [
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "CONFIGURING",
    "COMPLETING",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PENDING",
    "PREEMPTED",
    "RUNNING",
    "RESV_DEL_HOLD",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "REQUEUED",
    "RESIZING",
    "REVOKED",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
    "TIMEOUT",
    "LAUNCH_FAILED",
    "RECONFIG_FAIL",
]


def seen(state: str, why: str = "") -> Seen:
    return Seen(job=1, run="R", state=state, reason=why)


@pytest.mark.parametrize("state", KNOWN)
def test_every_state_means_something_in_words(state: str) -> None:
    found = meaning(seen(state))
    assert found.words.endswith(".")
    assert found.is_over == (found.state in FINAL)
    assert found.cause in (*CAUSES, "")
    assert bool(found.cause) == found.is_over


def test_no_state_is_in_the_table_that_slurm_does_not_have() -> None:
    assert set(STATES) == set(KNOWN)


def test_a_state_that_is_not_known_concludes_nothing() -> None:
    found = meaning(seen("POWERED_BY_MICE"))
    assert found.state is None
    assert not found.is_over
    assert "POWERED_BY_MICE" in found.words


def test_a_failed_node_is_not_the_runs_failure() -> None:
    assert meaning(seen("NODE_FAIL")).state is State.LOST


def test_a_waiting_job_says_what_it_waits_for_and_until_when() -> None:
    said = waiting(seen("PENDING", "Resources"), "regular", 12, 1795377883.0 + 600, 1795377883.0)
    assert said.startswith("First in line, waiting for 12 nodes in partition regular; Slurm expects ")
    assert said.endswith(".")
    assert (
        waiting(seen("PENDING", "Priority"), "debug", 1, None, 0.0)
        == "Waiting behind jobs of higher priority in partition debug."
    )


@pytest.mark.parametrize(
    "word",
    [
        *REASONS,
        "QOSMaxWallDurationPerJobLimit",
        "AssocGrpCPUMinutesLimit",
        "QOSMaxCpuPerUserLimit",
        "MaxJobsPerAccount",
        "Brand_New",
    ],
)
def test_every_reason_is_words(word: str) -> None:
    assert " " in reason(word)


def test_a_limit_of_one_job_never_clears_and_says_so() -> None:
    assert "cancel it" in reason("QOSMaxCpuPerJobLimit")
    assert "it goes on" in reason("QOSMaxCpuPerUserLimit")


def test_the_nodes_that_are_not_there_are_named() -> None:
    assert (
        reason("ReqNodeNotAvail, UnavailableNodes:n[1-2]")
        == "the nodes that it needs are down, drained or reserved (UnavailableNodes:n[1-2])"
    )
