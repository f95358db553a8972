"""What a Slurm job's state and reason mean: in our states, as a cause, and in words for people. Pure tables.

A word that is not in them is *not known*: it changes nothing, and is logged.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Optional

from simyard.agent.slurm.text import Seen
from simyard.protocol.jobs import State


@dataclass(frozen=True)
class Meaning:
    """`state` is what a run is whose own events say nothing more (None: nothing can be concluded); `cause` as in `jobs.CAUSES`; `words` for
    the one who waits, or asks why it ended; `is_over`: Slurm will not run it again."""

    state: Optional[State]
    words: str
    cause: str = ""
    is_over: bool = False


def _ended(words: str, cause: str, state: State = State.FAILED) -> Meaning:
    return Meaning(state=state, words=words, cause=cause, is_over=True)


#: Slurm's job states (squeue's long form). What ended well or by an exit status is told better by the run's own events; the words
#: here are for a run that has written none.
STATES: dict[str, Meaning] = {
    "PENDING": Meaning(State.STARTING, "It waits in Slurm's queue."),
    "CONFIGURING": Meaning(State.STARTING, "Slurm is making its nodes ready."),
    "RUNNING": Meaning(State.RUNNING, "It runs."),
    "COMPLETING": Meaning(None, "It is ending: Slurm is cleaning up after it."),
    "STAGE_OUT": Meaning(None, "It is ending: Slurm is taking its files away."),
    "SIGNALING": Meaning(None, "Slurm is sending it a signal."),
    "STOPPED": Meaning(State.RUNNING, "It was stopped where it was, by a person or the site, and keeps its nodes."),
    "SUSPENDED": Meaning(State.RUNNING, "Slurm has suspended it: its nodes are lent to another job, and it goes on afterwards."),
    "RESIZING": Meaning(State.RUNNING, "Slurm is changing its number of nodes."),
    "REQUEUED": Meaning(State.STARTING, "Slurm has put it back into its queue."),
    "REQUEUE_HOLD": Meaning(State.STARTING, "Slurm has put it back into its queue and holds it: `scontrol release` lets it go on, or ask the site."),
    "REQUEUE_FED": Meaning(State.STARTING, "Slurm is putting it back into another cluster's queue."),
    "RESV_DEL_HOLD": Meaning(State.STARTING, "Slurm holds it, because its reservation was deleted. Cancel it, and start it again without."),
    "SPECIAL_EXIT": Meaning(State.STARTING, "Slurm holds it after a special exit: `scontrol release` lets it go on, or ask the site."),
    "COMPLETED": _ended("Its job ended well, but the run has told nothing of it.", "lost", State.LOST),
    "FAILED": _ended("Its job script failed before the run could tell anything.", "start"),
    "CANCELLED": _ended("Its job was canceled in Slurm by somebody else (`scancel`), not here.", "signal"),
    "TIMEOUT": _ended("Its time limit was over, and Slurm ended it. Start it again with more time.", "time-limit"),
    "DEADLINE": _ended("It could not have ended by its deadline, so Slurm removed it.", "time-limit"),
    "OUT_OF_MEMORY": _ended("It ran out of memory, and Slurm ended it. Start it again with more memory.", "memory"),
    "NODE_FAIL": _ended("A node of it failed. Nothing is wrong with the run: start it again.", "lost", State.LOST),
    "BOOT_FAIL": _ended("Its node could not be started. Nothing is wrong with the run: start it again.", "start"),
    "LAUNCH_FAILED": _ended("Slurm could not start it on its node. Start it again; if it stays so, tell the site.", "start"),
    "RECONFIG_FAIL": _ended("Slurm could not configure its node. Start it again; if it stays so, tell the site.", "start"),
    "PREEMPTED": _ended("A job of higher priority took its nodes, and Slurm ended it. Start it again, or choose another QoS or partition.", "signal"),
    "REVOKED": _ended("Another cluster of the federation has started it.", "lost", State.LOST),
}  # fmt: skip

#: Why a job waits: Slurm's reason, in words. `{…}` are filled in by `waiting`.
REASONS: dict[str, str] = {
    "Priority": "waiting behind jobs of higher priority in its partition",
    "Resources": "first in line, waiting for resources to become free",
    "Dependency": "waiting for another job that it depends on",
    "DependencyNeverSatisfied": "what it depends on can never happen any more: cancel it",
    "JobHeldUser": "held by its user: `scontrol release` lets it go on",
    "JobHeldAdmin": "held by the site's administrators: ask them",
    "BeginTime": "not to begin yet",
    "Reservation": "waiting for its reservation",
    "ReqNodeNotAvail": "the nodes that it needs are down, drained or reserved",
    "Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved_for_jobs_in_higher_priority_partitions": "the nodes that it needs are down, drained or reserved",
    "PartitionDown": "its partition is down: wait, or choose another",
    "PartitionInactive": "its partition takes no jobs at the moment",
    "PartitionNodeLimit": "it asks for more nodes than its partition allows: cancel it, and ask for fewer",
    "PartitionTimeLimit": "it asks for more time than its partition allows: cancel it, and ask for less",
    "BadConstraints": "no node has what it asks for: cancel it, and ask for something else",
    "Licenses": "waiting for a licence",
    "Cleaning": "Slurm is cleaning up after its earlier start",
    "InvalidAccount": "its account is not valid: cancel it, and choose another",
    "InvalidQOS": "its QoS is not valid: cancel it, and choose another",
    "launch failed requeued held": "it could not be started, and Slurm holds it: `scontrol release` tries again",
    "job requeued in held state": "Slurm holds it: `scontrol release` lets it go on",
    "NodeDown": "a node of it is down",
    "Prolog": "Slurm is making its nodes ready",
}  # fmt: skip

#: Reasons come in families, by whose limit is reached, and whether that ever clears.
_FAMILIES = (
    (r"(QOS|Assoc)Max.*Per(Job|Node)(Limit)?", "it asks for more than one job of yours may have: cancel it, and ask for less"),
    (
        r"(QOS|Assoc)Grp.*Minutes(Limit)?",
        "the compute time that your account was given is used up: ask the site, or choose another account",
    ),
    (r"QOSMin.*", "it asks for less than your QoS wants: cancel it, and ask for more"),
    (r"(QOS|Assoc)Max.*", "your limit on this cluster is reached; it goes on when other jobs of yours end"),
    (r"(QOS|Assoc)Grp.*", "the limit of your group is reached; it goes on when other jobs of it end"),
    (r"Max.*PerAccount", "the limit of your account is reached; it goes on when other jobs of it end"),
    (r"(QOS|Account)NotAllowed", "its QoS or account may not use this partition: cancel it, and choose another"),
    (r"MaxMemPer(Limit|CPU)", "it asks for more memory than its partition allows: cancel it, and ask for less"),
    (r"BurstBuffer.*", "waiting for its burst buffer"),
    (r"(Fed|FrontEnd).*", "waiting for another part of the cluster"),
)


def meaning(seen: Seen) -> Meaning:
    """What the state of a job means; an unknown word means nothing, and says so."""
    found = STATES.get(seen.state)
    if found is None:
        return Meaning(None, f"Slurm says {seen.state}, which is not known here.")
    return found


def waiting(seen: Seen, partition: str, nodes: int, expected: Optional[float], now: float) -> str:
    """Why a job that is pending waits, as a sentence: *waiting for 12 nodes in partition regular; Slurm expects 14:05*."""
    if seen.reason == "Resources" and nodes:
        words = f"first in line, waiting for {nodes} node{'' if nodes == 1 else 's'} in partition {partition}"
    else:
        words = reason(seen.reason)
        if partition and seen.reason == "Priority":
            words = words.replace("its partition", f"partition {partition}")
    if expected is not None and expected > now:
        there = time.localtime(expected)
        words += time.strftime("; Slurm expects %H:%M" if expected - now < 86400 else "; Slurm expects %Y-%m-%d %H:%M", there)
    return words[:1].upper() + words[1:] + "."


def reason(word: str) -> str:
    """A reason in words; one that is not known is passed on as it is."""
    if not word:
        return "waiting to be looked at by Slurm"
    # "ReqNodeNotAvail, UnavailableNodes:n[1-2]"
    first = word.split(", ", 1)[0].strip("()")
    if first in REASONS:
        return REASONS[first] + (f" ({word.split(', ', 1)[1]})" if ", " in word else "")
    for family, words in _FAMILIES:
        if re.fullmatch(family, first):
            return f"{words} ({first})"
    return f"waiting, because Slurm says: {word}"
