"""What a run directory holds, and what its events are called: the contract of agent and job cmd.

The job cmd is one stand-alone script and cannot import this; a contract test holds the two equal.

    RUN_ID/
      run.json       what to run (written by the agent, whole, before the job cmd starts; never changed)
      work/          where the code runs: its input files, and what it writes
      lock           a POSIX record lock on it is held by the job cmd for as long as it lives
      events.jsonl   what happened, one JSON object a line: {"n", "at", "event", "data"}
      run.log        what the code printed
      reports/       NAME.json, NAME.FRAME.json: reports that were made
"""

RUN = "run.json"
WORK = "work"
LOCK = "lock"
EVENTS = "events.jsonl"
LOG = "run.log"
REPORTS = "reports"

#: data: epoch, pid, host, boot
BEGUN = "begun"
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
