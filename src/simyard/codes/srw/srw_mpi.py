"""Job cmd, code srw: the whole beam on several tasks (MPI): how srw_tasks.py is started, how far it is, and what went wrong in it.

Here MPI itself is never loaded: what the tasks say stands in files.
"""

import errno
import importlib.util
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TASKS = os.path.join("simyard", "tasks.json")
PROGRESS = os.path.join("simyard", "progress.json")
FAILURE = os.path.join("simyard", "failure.json")
#: What mpirun ends with when a task was killed; srun ends with the status of those that it then ended itself, and says why.
KILLED = {9, 128 + 9}
SRUN_KILLED = re.compile(rb"^srun: error: .*: (Killed|Out Of Memory)\r?$", re.MULTILINE)
#: Bytes at the end of a log that srun's last words are looked for in.
LAST = 64 << 10
LESS = "give the run more, or fewer cores or points"


def command(run):
    """Starts the tasks of a run that has several."""
    if not run.launcher:
        raise ValueError(f"There is no mpirun to start SRW on {run.tasks} cores: ask for one core.")
    if importlib.util.find_spec("mpi4py") is None:
        raise ValueError(
            f"{sys.executable} has no mpi4py, which SRW needs on {run.tasks} cores: install it there, or ask for one core."
        )
    if os.path.exists(os.path.join(sys.prefix, "lib", "libmpi.so.12")):  # that of MPICH's wheel
        # where tasks of an account without root share a machine, MPICH's other way between them (UCX) was seen to hang
        os.environ.setdefault("MPIR_CVAR_CH4_NETMOD", "ofi")
    # srun would leave the others waiting for one that is killed; mpirun does not
    os.environ.setdefault("SLURM_KILL_BAD_EXIT", "1")
    write(os.path.join(run.dir, TASKS), {"tasks": run.tasks, "inputs": run.inputs, "resumed": run.resumed})
    return [*run.launcher, sys.executable, os.path.join(HERE, "srw_tasks.py")]


def forget(run):
    """What the part before has said; on one core there is nothing of this."""
    for name in (PROGRESS, FAILURE):
        if os.path.exists(os.path.join(run.dir, name)):
            os.remove(os.path.join(run.dir, name))


def fail(error):
    """Of a task: keeps what an exception says, in the words in which it would end a run on one core."""
    if isinstance(error, MemoryError):
        told = {"reason": f"It ran out of memory: {LESS}.", "cause": "memory"}
    else:
        plain = isinstance(error, (OSError, RuntimeError, ValueError))
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        told = {"reason": str(error) if plain else f"{type(error).__name__}: {error}", "cause": "disk" if full else "exception"}
    write(FAILURE, told)


def failure(run):
    """What `finish` says of tasks that did not end well; None: no more than can be seen from outside."""
    if run.model != "electrons" or run.tasks == 1:
        return None
    told = read(os.path.join(run.dir, FAILURE))
    if told is None and (run.exit_code in KILLED or run.signal == "SIGKILL" or SRUN_KILLED.search(last_words(run))):
        return {"reason": f"One of the tasks that work on the electrons was killed, most likely for want of memory: {LESS}."}
    return told


def last_words(run):
    try:
        with open(os.path.join(run.run_dir, "run.log"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LAST))
            return file.read()
    except FileNotFoundError:
        return b""


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def write(path, what):
    """Written beside and renamed: whoever reads, reads a whole file. Of several tasks that fail, each may write."""
    beside = f"{path}.{os.getpid()}.part"
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(what, file)
    os.replace(beside, path)
