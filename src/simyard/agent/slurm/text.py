"""Foreign text: the commands that ask Slurm, always with the same explicit format, and their answers as plain facts.

Times are asked for as seconds since the epoch, and a user's own settings of these programs never reach them (see ENVIRONMENT).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Optional

from simyard.protocol.batch import Partition

#: What Slurm's programs are started with beside PATH and HOME. Variables such as SQUEUE_FORMAT or SBATCH_PARTITION, by which users
#: change what these programs do and print, are left out.
ENVIRONMENT = {"SLURM_TIME_FORMAT": "%s", "LC_ALL": "C"}
#: Variables of a user's environment that still reach them: where Slurm's settings and its user's key are.
KEPT = ("SLURM_CONF", "SLURM_JWT", "XDG_RUNTIME_DIR")
#: A job carries its run in its comment, so that one whose submission was not answered is found again.
_MARK = "simyard:"
_MOST = 200_000


@dataclass(frozen=True)
class Seen:
    """What Slurm says of one job. `state` is its own word, in capitals; `reason` why it is in it, "" for none; times in
    seconds since the epoch, None where Slurm does not know; `expected` is when Slurm thinks that one which waits will start; `exit_code` and
    `signal` of the script, None while they are not known; `nodes` is "" for one that has none yet, or never had any, and `count` how many it
    asks for, or has (0: not told); `peak_memory` in bytes, 0 where nobody has counted."""

    job: int
    run: str
    state: str
    reason: str = ""
    submitted: Optional[float] = None
    started: Optional[float] = None
    ended: Optional[float] = None
    nodes: str = ""
    exit_code: Optional[int] = None
    signal: Optional[int] = None
    peak_memory: int = 0
    partition: str = ""
    count: int = 0
    expected: Optional[float] = None


@dataclass(frozen=True)
class Read:
    """An answer: what was understood, and the lines that were not (they are logged, and never taken to mean that a job is gone)."""

    jobs: tuple[Seen, ...]
    rubbish: tuple[str, ...] = ()


def comment(run: str) -> str:
    """What a job is to carry as its comment."""
    return f"{_MARK}{run}"


def name(run: str) -> str:
    """What a job is to be called: an accounting may keep no comments."""
    return f"simyard-{run}"


_QUEUE = ("%A", "%T", "%V", "%S", "%e", "%N", "%P", "%D", "%r", "%k")
#: A job that is in another state is over, as far as its times are concerned.
_GOES_ON = frozenset({"PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING"})


def squeue(user: str) -> list[str]:
    """Asks for all jobs of a user that Slurm still has in memory, those that have ended lately included."""
    return ["squeue", "--noheader", "--states=all", f"--user={user}", "--format=" + "|".join(_QUEUE)]


def read_squeue(said: str) -> Read:
    """The runs among the jobs; a user's other jobs are left out."""
    jobs, rubbish = [], []
    for line in _lines(said):
        parts = line.split("|", len(_QUEUE) - 1)
        if len(parts) != len(_QUEUE) or not parts[0].isdigit() or not _is_word(parts[1]):
            rubbish.append(line[:200])
            continue
        number, state, submitted, started, ended, nodes, partition, count, reason, said_of = parts
        if run := _run_of(said_of):
            waits = state == "PENDING"
            jobs.append(
                Seen(
                    job=int(number), run=run, state=state, reason=_told(reason), submitted=_time(submitted), nodes=_told(nodes),
                    started=None if waits else _time(started), expected=_time(started) if waits else None,
                    # of a job that runs this is when its time limit is over
                    ended=None if state in _GOES_ON else _time(ended), partition=_told(partition), count=_number(count) or 0,
                )
            )  # fmt: skip
    return Read(tuple(jobs), tuple(rubbish))


_ACCOUNT = ("JobIDRaw", "State", "ExitCode", "Submit", "Start", "End", "MaxRSS", "NodeList", "Reason", "JobName", "Comment")


def sacct(jobs: list[int], since: float, *, runs: tuple[str, ...] = ()) -> list[str]:
    """Asks the accounting about jobs that Slurm has forgotten, by their numbers, or about those of `runs`, whose numbers are not known;
    `since` in seconds since the epoch."""
    which = f"--name={','.join(map(name, runs))}" if runs else f"--jobs={','.join(map(str, jobs))}"
    # without a start, only jobs of today are told; seconds since the epoch it does not take
    there = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(since))
    return ["sacct", "--noheader", "--parsable2", which, f"--starttime={there}", "--format=" + ",".join(_ACCOUNT)]


def read_sacct(said: str) -> Read:
    """One job is several lines, its steps (`7.batch`, `7.0`): memory and what ended it stand with the steps."""
    jobs: dict[int, Seen] = {}
    rubbish = []
    peaks: dict[int, int] = {}
    for line in _lines(said):
        parts = line.split("|", len(_ACCOUNT) - 1)
        number, _, step = parts[0].partition(".")
        if len(parts) != len(_ACCOUNT) or not number.isdigit():
            rubbish.append(line[:200])
            continue
        _, state, status, submitted, started, ended, memory, nodes, reason, called, said_of = parts
        job = int(number)
        peaks[job] = max(peaks.get(job, 0), _bytes(memory) or 0)
        if step:
            if state == "OUT_OF_MEMORY" and job in jobs:
                jobs[job] = _but(jobs[job], state="OUT_OF_MEMORY")
            continue
        code, signal = _status(status)
        # "CANCELLED by 1000"
        word = state.split(" ", 1)[0].rstrip("+")
        if not _is_word(word):
            rubbish.append(line[:200])
            continue
        jobs[job] = Seen(
            job=job, run=_run_of(said_of) or _run_of(called, "simyard-"), state=word, reason=_told(reason), submitted=_time(submitted), started=_time(started),
            ended=_time(ended), nodes=_told(nodes), exit_code=code, signal=signal,
        )  # fmt: skip
    return Read(tuple(_but(seen, peak_memory=peaks[job]) for job, seen in jobs.items()), tuple(rubbish))


def scontrol_jobs() -> list[str]:
    """Asks for all jobs that Slurm has in memory, where there is no accounting: of the ones that it forgot, nobody knows."""
    return ["scontrol", "--oneliner", "show", "job"]


def read_scontrol_job(said: str) -> Read:
    """What `scontrol show job` tells; its values may hold blanks, its keys never."""
    jobs, rubbish = [], []
    for line in _lines(said):
        told = _pairs(line)
        number, state = told.get("JobId", ""), told.get("JobState", "")
        if not number.isdigit() or not _is_word(state):
            rubbish.append(line[:200])
            continue
        code, signal = _status(told.get("ExitCode", ""))
        is_over = state not in _GOES_ON
        jobs.append(
            Seen(
                job=int(number), run=_run_of(told.get("Comment", "")), state=state, reason=_told(told.get("Reason", "")),
                submitted=_time(told.get("SubmitTime", "")), started=_time(told.get("StartTime", "")) if state != "PENDING" else None,
                ended=_time(told.get("EndTime", "")) if is_over else None, nodes=_told(told.get("NodeList", "")),
                exit_code=code if is_over else None, signal=signal if is_over else None,
            )
        )  # fmt: skip
    return Read(tuple(jobs), tuple(rubbish))


def is_unknown_job(error: str) -> bool:
    """Whether Slurm says that it has no such job (any more)."""
    return "Invalid job id" in error


def is_over_already(error: str) -> bool:
    """Whether Slurm says that the job which it was to end has ended."""
    return "already completing or completed" in error or "Job/step already" in error


def is_no_accounting(error: str) -> bool:
    """Whether the cluster keeps no accounting."""
    return "accounting storage is disabled" in error


def is_silence(error: str) -> bool:
    """Whether a submission failed because nobody answered: then there may be a job all the same."""
    return any(words in error for words in _SILENCE)


def is_at_limit(error: str) -> bool:
    """Whether a submission was refused because its user has as many jobs in the queue as may be: later it may be taken."""
    return re.search(r"(QOS|Assoc)(Max|Grp)SubmitJobs?\w*Limit", error) is not None


#: The words of Slurm's programs when its controller, or the way there, is not there.
_SILENCE = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Transport endpoint",
    "Connection refused",
    "Connection reset",
    "Communication connection failure",
    "Slurm temporarily unable to accept job",
    "Resource temporarily unavailable",
    "Slurm backup controller in standby mode",
    "Unable to establish controller machine",
    # where the configuration comes from the controller
    "Could not establish a configuration source",
    # of the login node's munged, which is no word of Slurm's on the job
    "Munge encode failed",
    "Protocol authentication error",
)


def without_name(said: str, program: str) -> str:
    """Its words without what stands before each line of them."""
    return re.sub(rf"^{program}: (error|fatal): ", "", said, flags=re.MULTILINE)


def partitions() -> list[str]:
    return ["scontrol", "--oneliner", "show", "partition"]


def read_partitions(said: str) -> dict[str, Partition]:
    """The partitions by name; a line that names none is left out."""
    found = {}
    for line in _lines(said):
        told = _pairs(line)
        name = told.get("PartitionName", "")
        if name:
            found[name] = Partition(
                name=name, up=told.get("State", "") == "UP", default=told.get("Default", "") == "YES",
                nodes=_number(told.get("TotalNodes", "")) or 0, cores=_number(told.get("TotalCPUs", "")) or 0,
                time_limit=duration(told.get("MaxTime", "")), max_nodes=_number(told.get("MaxNodes", "")),
                min_nodes=_number(told.get("MinNodes", "")) or 0,
                memory=mebibytes << 20 if (mebibytes := _number(told.get("MaxMemPerNode", ""))) is not None else None,
            )  # fmt: skip
    return found


def read_sbatch(said: str) -> Optional[int]:
    """The number of the job that was submitted (`sbatch --parsable`: `17` or `17;cluster`); None where none is told.
    A site's own words may stand before it."""
    for line in reversed(list(_lines(said))):
        if match := re.fullmatch(r"(\d{1,10})(;[\w.-]+)?", line.strip()):
            return int(match[1])
    return None


def duration(told: str) -> Optional[float]:
    """Seconds of Slurm's `D-HH:MM:SS`, `HH:MM:SS`, `MM:SS` or `MM`; None for no limit and for what cannot be read."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", told)
    if match is None:
        return None
    days, first, second, third = (int(part) if part else None for part in match.groups())
    if days is not None:
        return days * 86400.0 + first * 3600.0 + (second or 0) * 60.0 + (third or 0) if first is not None else None
    if third is not None:
        return (first or 0) * 3600.0 + (second or 0) * 60.0 + third
    return (first or 0) * 60.0 + (second or 0)


def _lines(said: str) -> list[str]:
    return [line for line in said[: _MOST * 100].splitlines() if line.strip()][:_MOST]


def _is_word(text: str) -> bool:
    return re.fullmatch(r"[A-Z_]{3,30}", text) is not None


def _told(text: str) -> str:
    return "" if text.strip() in {"None", "(null)", "N/A", "Unknown", "None assigned"} else text.strip()[:300]


def _run_of(said: str, mark: str = _MARK) -> str:
    match = re.fullmatch(rf"{mark}([0-9A-HJKMNP-TV-Z]{{26}})", said.strip())
    return match[1] if match else ""


def _time(text: str) -> Optional[float]:
    # a time far from any job's is as good as none: "Unknown", "N/A", 0
    return float(text) if re.fullmatch(r"\d{9,11}", text.strip()) else None


def _number(text: str) -> Optional[int]:
    match = re.match(r"\d+", text)
    return int(match[0]) if match and len(match[0]) < 16 else None


def _bytes(text: str) -> Optional[int]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", text.strip())
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2] or " ")) if match else None


def _status(text: str) -> tuple[Optional[int], Optional[int]]:
    match = re.fullmatch(r"(\d{1,3}):(\d{1,3})", text.strip())
    return (int(match[1]), int(match[2]) or None) if match else (None, None)


def _pairs(line: str) -> dict[str, str]:
    # a key is a word before "=" after a blank; a value goes on until the next key
    marks = list(re.finditer(r"(?:^|\s)([A-Za-z][\w/:]*)=", line))
    ends = [mark.start() for mark in marks[1:]] + [len(line)]
    return {mark[1]: line[mark.end() : end].strip() for mark, end in zip(marks, ends)}


def _but(seen: Seen, **changes: object) -> Seen:
    return Seen(**{**seen.__dict__, **changes})
