"""What a run directory holds, and what its events are called: the contract of agent and job cmd.

The job cmd is one stand-alone script and cannot import this; a contract test holds the two equal.

    RUN_ID/
      run.json       what to run (written by the agent, whole, before the job cmd starts; never changed)
      work/          where the code runs: its input files, and what it writes
      lock           a POSIX record lock on it is held by the job cmd for as long as it lives
      events.jsonl   what happened, one JSON object a line: {"n", "at", "event", "data"}
      run.log        what the code printed
      reports/       NAME.json, NAME.FRAME.json: reports that were made
      stop.json      why it is stopped, {"reason", "cause"}, if not because its user wants so (written by the agent, whole, before the
                     job cmd is told). On a cluster always, with both empty for its user: a TERM without it is the cluster's own
      must-stop      is there when a run that checkpoints is to write one now and end (job cmd; gone when it goes on)
      begun.N        on a cluster: whose number is in it began after event N; the first one to make it may (job cmd)

run.json of a run that a cluster executes has `"cluster": true`, and of each `launcher` (the words to start a parallel code with),
`tasks` and `checkpoints`. There a job cmd may end without a final event in two ways, and then exits otherwise than it does here:
with `paused` (0: it wants to be submitted again, the directory as it is) and with `stopped` (143: the cluster ended it, by its own
word, which its agent asks for).
"""

RUN = "run.json"
WORK = "work"
LOCK = "lock"
EVENTS = "events.jsonl"
LOG = "run.log"
REPORTS = "reports"
STOP = "stop.json"
MUST_STOP = "must-stop"

#: data: epoch, pid, host, boot; on a cluster also job (its number there)
BEGUN = "begun"
#: After `begun`, where it is not the first of this epoch. data: part (from 2 on), why ("paused", "requeued")
RESUMED = "resumed"
#: The last event of a part that is to be gone on with. data: reason ("time-limit"), usage (of all parts)
PAUSED = "paused"
#: A cluster has ended it, nobody here. data: usage (of all parts)
STOPPED = "stopped"
#: data: pid, group (the code's process group; 0 where the code runs by fork in one of its own)
STARTED = "started"
#: data: any of fraction, frames, message
PROGRESS = "progress"
#: data: state, reason, usage {wall, cpu, peak_memory, exit_code, signal}, results, warnings, report
FINAL = "final"

#: One line of events.jsonl may not be longer (bytes); a longer one is not believed.
MAX_LINE = 256 << 10


def report_name(report: str, frame: int) -> str:
    """The file of a report (frame -1: of one without frames), relative to the run directory."""
    return f"{REPORTS}/{report}.json" if frame < 0 else f"{REPORTS}/{report}.{frame}.json"
