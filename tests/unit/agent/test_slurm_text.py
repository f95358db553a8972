"""What Slurm's programs print, as they printed it (22.05), and rubbish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.agent.slurm import text
from simyard.agent.slurm.text import Seen
from simyard.protocol.batch import Partition, as_time

ONE, TWO = "01KAQ0000000000000000000A1", "01KAQ0000000000000000000A2"
QUEUE = f"""\
1|COMPLETED|1795377883|1795377884|1795377887|n1|debug|1|None|simyard:{ONE}
3|PENDING|1795377883|N/A|N/A||debug|1|JobHeldUser|weird|one %
2|RUNNING|1795377883|1795377888|1795464288|n[1-2]|regular|2|None|simyard:{TWO}
"""
JOB = (
    "JobId=2 JobName=wrap UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901758 Nice=0 Account=(null) QOS=(null) JobState=PENDING "
    "Reason=Resources Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:00:00 TimeLimit=1-00:00:00 "
    "SubmitTime=1795377883 EligibleTime=1795377883 StartTime=Unknown EndTime=Unknown Deadline=N/A Partition=regular AllocNode:Sid=localhost:20091 "
    f"NodeList= NumNodes=2-2 NumCPUs=4 ReqB:S:C:T=0:0:*:* TRES=cpu=4,mem=8000M,node=2,billing=4 WorkDir=/tmp/a folder Comment=simyard:{TWO}  StdErr=/tmp/e Power= \n"
)
PARTITIONS = (
    "PartitionName=debug AllowGroups=ALL Default=YES QoS=N/A MaxNodes=UNLIMITED MaxTime=00:10:00 MinNodes=0 Nodes=n1 State=UP TotalCPUs=2 TotalNodes=1 "
    "DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED TRES=cpu=2,mem=4000M,node=1,billing=2\n"
    "PartitionName=regular AllowGroups=ALL Default=NO QoS=N/A MaxNodes=12 MaxTime=1-00:00:00 MinNodes=2 Nodes=n[1-2] State=DRAIN TotalCPUs=4 TotalNodes=2 "
    "MaxMemPerNode=4000 TRES=cpu=4\n"
)


def test_the_queue_tells_of_runs_and_leaves_a_users_other_jobs_out() -> None:
    found = text.read_squeue(QUEUE)
    assert found.rubbish == ()
    assert found.jobs == (
        Seen(
            1,
            ONE,
            "COMPLETED",
            submitted=1795377883.0,
            started=1795377884.0,
            ended=1795377887.0,
            nodes="n1",
            partition="debug",
            count=1,
        ),
        Seen(2, TWO, "RUNNING", submitted=1795377883.0, started=1795377888.0, nodes="n[1-2]", partition="regular", count=2),
    )


def test_when_a_job_that_waits_is_expected_to_start_is_not_taken_for_its_start() -> None:
    (job,) = text.read_squeue(f"2|PENDING|1795377883|1795378000|1795464288||regular|2|Resources|simyard:{TWO}\n").jobs
    assert (job.started, job.expected, job.ended, job.count) == (None, 1795378000.0, None, 2)


def test_the_time_limit_of_a_job_that_runs_is_not_taken_for_its_end() -> None:
    assert [one.ended for one in text.read_squeue(QUEUE).jobs] == [1795377887.0, None]


def test_lines_that_are_no_answer_are_told_apart_and_hide_no_job() -> None:
    said = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n7|lower|x\n" + QUEUE
    found = text.read_squeue(said)
    assert len(found.jobs) == 2
    assert len(found.rubbish) == 2


def test_one_job_is_read_from_scontrol_with_blanks_in_its_values() -> None:
    assert text.read_scontrol_job(JOB).jobs == (Seen(2, TWO, "PENDING", "Resources", submitted=1795377883.0),)


def test_accounting_says_what_ended_a_job_and_what_its_steps_needed() -> None:
    said = (
        f"7|OUT_OF_MEMORY|0:125|1795377883|1795377884|1795377890||n1|None|simyard-{ONE}|simyard:{ONE}\n"
        "7.batch|OUT_OF_MEMORY|0:125|1795377884|1795377884|1795377890|524288K|n1||batch|\n"
        "7.extern|COMPLETED|0:0|1795377884|1795377884|1795377890|1.5M|n1||extern|\n"
        f"8|CANCELLED by 1000|0:15|1795377883|1795377884|1795377890||n1|None|simyard-{TWO}|\n"
    )
    first, second = text.read_sacct(said).jobs
    assert (first.state, first.exit_code, first.signal, first.peak_memory) == ("OUT_OF_MEMORY", 0, 125, 512 << 20)
    assert (second.state, second.run, second.signal) == ("CANCELLED", TWO, 15)


def test_a_job_whose_step_ran_out_of_memory_did_so_itself() -> None:
    said = f"7|FAILED|1:0|1795377883|1795377884|1795377890||n1|None|simyard-{ONE}|simyard:{ONE}\n7.batch|OUT_OF_MEMORY|0:125|1|1|1||n1||batch|\n"
    (job,) = text.read_sacct(said).jobs
    assert job.state == "OUT_OF_MEMORY"


def test_only_one_answer_means_that_slurm_has_no_such_job() -> None:
    assert text.is_unknown_job("slurm_load_jobs error: Invalid job id specified")
    assert not text.is_unknown_job("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")


def test_partitions_tell_their_limits() -> None:
    found = text.read_partitions(PARTITIONS)
    assert found["debug"] == Partition(
        name="debug", up=True, default=True, nodes=1, cores=2, time_limit=600.0, max_nodes=None, min_nodes=0, memory=None
    )
    assert found["regular"] == Partition(
        name="regular",
        up=False,
        default=False,
        nodes=2,
        cores=4,
        time_limit=86400.0,
        max_nodes=12,
        min_nodes=2,
        memory=4000 << 20,
    )


@pytest.mark.parametrize(
    "said, number",
    [
        ("17\n", 17),
        ("17;cluster-2\n", 17),
        ("Welcome to the cluster!\n17\n", 17),
        ("", None),
        ("Submitted batch job 4", None),
        ("17 18", None),
    ],
)
def test_the_number_of_a_submitted_job_is_found_or_none_is(said: str, number: int | None) -> None:
    assert text.read_sbatch(said) == number


@pytest.mark.parametrize(
    "said, seconds",
    [
        ("1-00:00:00", 86400),
        ("2-12", 216000),
        ("00:10:00", 600),
        ("10:30", 630),
        ("45", 2700),
        ("UNLIMITED", None),
        ("INVALID", None),
        ("", None),
    ],
)
def test_durations_are_read_as_slurm_writes_them(said: str, seconds: float | None) -> None:
    assert text.duration(said) == seconds


@given(st.integers(60, 60 * 86400))
def test_a_time_limit_is_never_less_than_what_was_asked_for(seconds: int) -> None:
    said = text.duration(as_time(seconds))
    assert said is not None
    assert seconds <= said < seconds + 60


ODD = st.text(alphabet=st.sampled_from("0123456789|=.,:-+ \tAPENDIGxyz\n\0é%()[]"), max_size=200)


@given(ODD)
def test_no_rubbish_is_taken_for_a_job_and_none_raises(said: str) -> None:
    for read in (text.read_squeue, text.read_sacct, text.read_scontrol_job):
        found = read(said)
        assert all(one.run == "" for one in found.jobs)
    text.read_partitions(said)
    text.read_sbatch(said)


def test_a_job_with_a_runs_comment_is_found_by_what_it_is_submitted_with() -> None:
    line = f"5|PENDING|1795377883|N/A|N/A||debug|1|Priority|{text.comment(ONE)}\n"
    assert text.read_squeue(line).jobs[0].run == ONE
