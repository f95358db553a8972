# -*- coding: utf-8 -*-
"""Job cmd, stop 5: the one process that touches a code. Stand-alone, standard library only, Python 2.7 and 3.6+.

    PYTHON runner.py run DIR                        executes the run in the run directory DIR, to its final event
    PYTHON runner.py serve CODE_DIR                 keeps a code's imports warm and answers JSON lines, each by a fork
    PYTHON runner.py conclude DIR STATE REASON      writes the final event of a run whose job cmd is dead

Exit status of `run`: 0 the final event is written, or that it is paused; 3 refused (it runs elsewhere, or has run); 4 the final
event could not be written; 143 a cluster has ended it, whose word is its end. The run directory is described in protocol/rundir.py, the code's side in docs/reference/code-py.md.

The job cmd never executes a line of the code in its own process: it forks the "code's side", which imports code.py and
calls prepare(). If that returned a command, the job cmd starts it, and the code's side stays for progress(), finish()
and the first report; if a callable, the fork goes on with that, and another one is made for the rest. So a code.py that
hangs, crashes or eats memory is always somebody else who can be killed.
"""
import errno
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import stat
import sys
import time
import types

try:
    import ctypes
    LIBC = ctypes.CDLL(None, use_errno=True)
except (ImportError, OSError):
    # an interpreter without it: what a killed run leaves behind is then found by its environment only
    LIBC = None

PY2 = sys.version_info[0] == 2
Text = type(u"")
Bytes = type(b"")

RUN, WORK, LOCK, EVENTS, LOG, REPORTS, STOP = "run.json", "work", "lock", "events.jsonl", "run.log", "reports", "stop.json"
MUST_STOP = "must-stop"
BEGUN, RESUMED, STARTED, PROGRESS, PAUSED, STOPPED, FINAL = "begun", "resumed", "started", "progress", "paused", "stopped", "final"
STATES = ("completed", "failed", "canceled", "lost")
CAUSES = ("memory", "time-limit", "disk", "signal", "exit", "exception", "input", "start", "lost")
#: One line of events.jsonl is never longer (bytes); protocol/rundir.py believes lines four times as long.
MAX_EVENT = 64 << 10
#: What is longer than a line, or than all of them, was not written by a job cmd, and is not read (bytes); nor is any other file
#: further than that.
MAX_LINE, MAX_JOURNAL, MAX_READ = 1 << 20, 256 << 20, 16 << 20
#: Results are nested no deeper: protocol/wire.py carries what is nested somewhat deeper.
MAX_DEPTH = 50
#: A request may not be longer (bytes).
MAX_REQUEST = 1 << 20
#: Room on the disk that is kept for the next events, so that a full disk can still be told (bytes).
RESERVE = 2 * MAX_EVENT
#: finish() and a first report may take that long (seconds); memory of a first report is at least that (bytes).
FINISH_SECONDS, REPORT_SECONDS, REPORT_MEMORY = 300.0, 60.0, 1 << 30
#: progress() is asked that often, and events of progress are at least that far apart (seconds).
POLL_SECONDS, EVENT_SECONDS = 0.5, 0.1
#: Memory is looked at again when a code that fills FAST bytes a second could be at its limit, within these bounds (seconds), but so
#: late that the looks take no more than a 20th of a processor. docs/adr/0016 has what was measured.
FAST, LOOK_LEAST, LOOK_MOST, LOOK_SHARE = 4 << 30, 0.02, 1.0, 20
#: So many files of /proc are looked at for it. It is told along with other progress; by itself only where its peak has grown by
#: half, that long (seconds) after anything was told last: some events in a run's whole life.
MEMORY_FILES, MEMORY_ALONE = 10000, 10.0
#: A run that is over sooner (seconds) is done again as soon as it would be missed: it reserves no room on the disk, and its
#: final event is not waited for to be on it. On ext4 each would cost 4 ms. The supervisor stores the event anyway.
SHORT = 1.0
#: Events at the beginning of a run are told together, so long after the first of them (seconds).
TOGETHER_SECONDS = 0.05
#: So long after a run was started serve forks the next job cmd ahead: that is no time to take a processor from the run (seconds).
SPARE_SECONDS = 0.02
#: A message of the code's side may not be longer (bytes).
MAX_TOLD = 4 << 20
#: The code's side has that long to leave progress() and see to the results (seconds).
READY_SECONDS = 2.0
#: A cluster signals all processes of a job, one after the other; so long after the code the job cmd may hear of it (seconds), also on a node
#: with much else to do.
CLUSTER_SECONDS = 5.0
REFUSED, NOT_WRITTEN, ENDED_BY_CLUSTER = 3, 4, 128 + signal.SIGTERM
#: What an input is told in, and how much of it: files, bytes of each and of all (in JSON, a byte may become six), words of a
#: command line. Beyond MAX_LISTED files nobody looks.
INPUT = "input.json"
MAX_SHOWN_FILES, MAX_SHOWN, MAX_SHOWN_ALL, MAX_WORDS, MAX_LISTED = 50, 128 << 10, 512 << 10, 1000, 10000
#: A file that is written to show an input may not be larger (bytes).
MAX_INPUT_FILE = 256 << 20

#: Seconds that no change of the date moves. Python 2.7 has only the ticks of 10 ms that times() counts.
clock = getattr(time, "monotonic", None) or (lambda: os.times()[4])
#: How often a stop was asked for: a fork compares with what stood there before it.
STOPS = [0]
#: How often it was said that the time is nearly over.
PAUSES = [0]
#: What a file system that has no locks says of one.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
#: Bytes of a page of memory.
PAGE = os.sysconf("SC_PAGE_SIZE")
SIGNALS = dict((getattr(signal, n), n) for n in sorted(dir(signal), reverse=True) if n.startswith("SIG") and "_" not in n)
MEANING = {
    "SIGSEGV": "it used memory that is not its own, a fault in the code",
    "SIGBUS": "it used memory that is not there; a full disk can do that",
    "SIGABRT": "it gave up by itself; the log says why, if it said anything",
    "SIGFPE": "it made an arithmetic error, such as an integer division by zero",
    "SIGILL": "it was compiled for another kind of processor",
    "SIGXCPU": "it reached this machine's limit of processor time",
    "SIGXFSZ": "a file became larger than it may be: write less, or free some space, then run it again",
    "SIGKILL": "nobody asked for that here, so most likely the machine or its limit ran out of memory: try a smaller case, or more memory",
}


# ── text ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def text(value, limit=2000):
    """`value` as text that UTF-8 can carry, cut to `limit` characters."""
    if isinstance(value, Bytes):
        value = value.decode("utf-8", "replace")
    elif not isinstance(value, Text):
        try:
            value = Text(value)
        except UnicodeError:
            value = Bytes(value).decode("utf-8", "replace")
    if not PY2:
        try:
            value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        except UnicodeEncodeError:
            value = value.encode("utf-8", "replace").decode("utf-8")
    return value if len(value) <= limit else value[: limit - 1] + u"…"


def octets(value):
    """`value` as the bytes that a path or argument of that text has on this system, whatever the locale says."""
    if isinstance(value, Bytes):
        return value
    value = value if isinstance(value, Text) else Text(value)
    return value.encode("utf-8") if PY2 else value.encode("utf-8", "surrogateescape")


def native(value):
    """`value` as the `str` that this interpreter wants for a path."""
    return octets(value) if PY2 else os.fsdecode(octets(value))  # novm: Python 3 only


def armor(data):
    """Any bytes as text that JSON can carry; `unarmor` gives them back."""
    return data.decode("latin-1")


def unarmor(told):
    return told.encode("latin-1")


def words(error):
    """What an exception says, for people."""
    if isinstance(error, MemoryError):
        return u"It ran out of memory: try a smaller case, or more memory."
    if isinstance(error, EnvironmentError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return u"The disk is full: free some space, then run it again. (%s)" % text(error)
    if isinstance(error, EnvironmentError) and error.errno == errno.EFBIG:
        return u"A file became larger than it may be: write less, or free some space, then run it again. (%s)" % text(error)
    said = text(error).strip()
    if not said:
        return text(type(error).__name__)
    plain = type(error) in (Exception, RuntimeError, ValueError, SystemExit) or isinstance(error, EnvironmentError)
    return said if plain else u"%s: %s" % (text(type(error).__name__), said)


def cause_of(error, otherwise):
    """The cause that an exception is, where it can be told from its kind."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return "memory"
    if isinstance(error, EnvironmentError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "disk"
    return otherwise


#: Of a run that its cluster has begun a second time.
AGAIN = (
    u"The cluster has begun it a second time: its node had failed, or it had to give way to another job. Its code cannot go on from "
    u"where it was. What it had written is kept; run it again."
)
#: What programs say last when memory or the disk has run out: a hint, not proof.
HINTS = (
    ("memory", (u"std::bad_alloc", u"memoryerror", u"cannot allocate memory", u"out of memory", u"insufficient virtual memory", u"not enough memory")),
    ("disk", (u"no space left on device", u"disk quota exceeded", u"file too large")),
)


def hint(directory):
    """(cause, line) that the end of a run's log speaks of, ("", "") for none."""
    for line in reversed(last_lines(directory)[-8:]):
        for cause, phrases in HINTS:
            if any(phrase in line.lower() for phrase in phrases):
                return cause, line
    return "", u""


def signal_name(number):
    return text(SIGNALS.get(number, "signal %d" % number))


def meaning(name):
    """A signal's name, with what it most likely means."""
    return u"%s: %s" % (name, MEANING[name]) if name in MEANING else text(name)


def complain(what):
    """A line on stderr: the run's log, or serve's."""
    try:
        os.write(2, octets(u"simyard: %s\n" % text(what)))
    except OSError:
        pass


def trace():
    """The current exception's traceback on stderr."""
    import traceback

    complain(u"what went wrong:\n" + text(traceback.format_exc(), 20000).rstrip())


# ── values to JSON ──────────────────────────────────────────────────────────────────────────────────────────────────

#: numpy's dtype → what a Plotly typed array may be; anything else becomes one of them, or a list
TYPED = dict((name, name) for name in ("f8", "f4", "i4", "i2", "i1", "u4", "u2", "u1"))
TYPED.update({"f2": "f4", "f16": "f8"})
TYPECODES = {"d": "f8", "f": "f4", "i": "i4", "h": "i2", "b": "i1", "I": "u4", "H": "u2", "B": "u1"}


def typed(data, dtype, shape):
    import base64

    return {"dtype": dtype, "bdata": base64.b64encode(data).decode("ascii"), "shape": ", ".join(str(n) for n in shape)}


def typed_array(value):
    """A numpy array (told by what it can do) as a Plotly typed array, or as nested lists where there is no such type."""
    kind = value.dtype.kind + str(value.dtype.itemsize)
    if kind in ("i8", "u8") and value.size:
        low, high = int(value.min()), int(value.max())
        kind = "i4" if -(1 << 31) <= low and high < 1 << 31 else "f8"
        value = value.astype("<" + kind)
    if kind not in TYPED or not 1 <= len(value.shape) <= 3 or not value.size:
        return plain(value.astype(str).tolist() if value.dtype.kind in "mM" else value.tolist())
    return typed(value.astype("<" + TYPED[kind], copy=False).tobytes(), TYPED[kind], value.shape)


def foreign(value, arrays=True):
    """What json cannot write by itself, as something that it can. Raises TypeError."""
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        if not getattr(value, "shape", ()):
            return plain(value.item())
        return typed_array(value) if arrays else plain(value.tolist())
    if hasattr(value, "typecode") and hasattr(value, "tolist"):
        code = TYPECODES.get(value.typecode)
        if not arrays or code is None or sys.byteorder != "little":
            return plain(value.tolist())
        return typed(value.tostring() if PY2 else value.tobytes(), code, (len(value),))
    for name in ("to_plotly_json", "isoformat"):
        if hasattr(value, name):
            return plain(getattr(value, name)(), arrays)
    if isinstance(value, (set, frozenset, tuple)):
        return [plain(item, arrays) for item in value]
    if isinstance(value, Bytes) or hasattr(value, "__fspath__"):
        return text(value, 1 << 20)
    if hasattr(value, "__float__") and not isinstance(value, complex):
        return plain(float(value))
    raise TypeError("a result or report cannot hold a %s" % type(value).__name__)


def plain(value, arrays=True):
    """`value` in the types of JSON; a number that JSON does not have (nan, inf) becomes null."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, float):
        return float(value) if value - value == 0.0 else None
    if isinstance(value, int) or (PY2 and type(value).__name__ == "long"):
        return int(value)
    if isinstance(value, (Text, Bytes)):
        return text(value, 1 << 30)
    if isinstance(value, dict):
        return dict((text(key), plain(item, arrays)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [plain(item, arrays) for item in value]
    return foreign(value, arrays)


def to_json(value):
    """The bytes of a report. The common case is left to json's C code: a figure of 50 MB passes in a second."""
    try:
        done = json.dumps(value, default=foreign, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError):
        done = json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
    return done.encode("ascii")


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def close_on_exec(fd):
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
    return fd


def open_fd(path, flags):
    return close_on_exec(os.open(path, flags, 0o644))


def open_plain(path, flags):
    """As `open_fd`, for a file that a code may have replaced: neither is a link followed, nor a FIFO taken for a file."""
    fd = open_fd(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise EnvironmentError(errno.EINVAL, "%s is not a plain file" % text(path))
    return fd


def nonblocking(fd):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
    return fd


def pipe():
    ends = os.pipe()
    return nonblocking(close_on_exec(ends[0])), close_on_exec(ends[1])


def write_all(fd, data):
    view = memoryview(data)
    while len(view):
        view = view[os.write(fd, view[: 1 << 20]) :]


def close_quietly(*fds):
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass


def disk_full(path):
    try:
        room = os.statvfs(path)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < RESERVE or (room.f_files > 0 and room.f_favail == 0)


def read_file(path, tail=None):
    """The bytes of a file, MAX_READ at most, or its last `tail`. Should somebody have put a FIFO there, that is not waited for."""
    with os.fdopen(open_fd(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if tail is not None:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - tail))
        return file.read(MAX_READ)


class Held(Exception):
    """Somebody else holds the lock: the job cmd lives."""


class Journal(object):
    """events.jsonl of a run directory, and the lock that its only writer holds. The lock is a POSIX record lock: no fork
    inherits it, and its holder can be asked for. Closing any descriptor of the file drops it, so it is opened once.

    On a `cluster` there may be no locks, and those that there are say little: `claim` says who begins. Where the cluster says that
    the job cmd is `gone`, a lock that is still held is what a dead node has left."""

    def __init__(self, directory, cluster=False, gone=False):
        self.directory, self.cluster = directory, cluster
        self.lock = open_plain(os.path.join(directory, LOCK), os.O_RDWR | os.O_CREAT)
        try:
            self._take(cluster, gone)
            self.fd = open_plain(os.path.join(directory, EVENTS), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except (EnvironmentError, Held):
            os.close(self.lock)
            raise
        self.reserved = 0
        try:
            self.read()
        except EnvironmentError:
            self.close()
            raise

    def _take(self, cluster, gone):
        try:
            fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except EnvironmentError as error:
            held = error.errno in (errno.EACCES, errno.EAGAIN)
            if not (cluster and (gone if held else error.errno in NO_LOCKS)):
                raise Held("another job cmd holds the lock of %s" % text(self.directory)) if held else error

    def claim(self, job):
        """Be the one that begins after the last event, which a file system without locks grants, too. Raises Held, OSError."""
        path = os.path.join(self.directory, "%s.%d" % (BEGUN, self.number))
        try:
            fd = open_fd(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except EnvironmentError as error:
            if error.errno != errno.EEXIST:
                raise
            if read_file(path) != octets(job):  # else it came no further than here when it was requeued
                raise Held("another job has begun the run in %s" % text(self.directory))
        else:
            write_all(fd, octets(job))
            os.close(fd)

    def read(self):
        """Learn what has happened, and cut off a last line that was torn by a crash."""
        #: the last such event; `over` is what says that the last part has ended, if that was told, `used` what all parts have used
        self.begun = self.started = self.over = self.final = None
        self.used = {}
        self.number = self.size = self.parts = 0
        os.lseek(self.fd, 0, os.SEEK_SET)
        if not os.fstat(self.fd).st_size:
            return
        with os.fdopen(os.dup(self.fd), "rb") as lines:
            for line in iter(lambda: lines.readline(MAX_LINE + 1), b""):
                if len(line) > MAX_LINE or self.size > MAX_JOURNAL:
                    raise EnvironmentError(errno.EFBIG, "%s is not what a job cmd writes" % EVENTS)
                if not line.endswith(b"\n"):
                    os.ftruncate(self.fd, self.size)
                    return
                self.size += len(line)
                try:
                    event = json.loads(line.decode("utf-8"))
                    self.number = int(event["n"])
                    if event["event"] in (BEGUN, STARTED, FINAL) and isinstance(event["data"], dict):
                        setattr(self, str(event["event"]), event)
                    if event["event"] == BEGUN:
                        self.parts, self.over = self.parts + 1, None
                    elif event["event"] in (PAUSED, STOPPED):
                        self.over, self.used = event, dict(event["data"]["usage"])
                except (ValueError, KeyError, TypeError):
                    continue  # not ours; the reader does not believe it either

    def reserve(self):
        """Make sure of room on the disk for the next events, where the file system can; raises OSError if it is full."""
        if LIBC is None or self.size + RESERVE // 2 < self.reserved:
            return
        if LIBC.fallocate(self.fd, 1, ctypes.c_long(self.size), ctypes.c_long(RESERVE)) == 0:  # 1: beyond the end of the file
            self.reserved = self.size + RESERVE
        elif ctypes.get_errno() in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def append(self, event, data, durable=False):
        """Append one event, whole or not at all; with `durable` it is on the disk when this returns. Raises OSError."""
        record = {"n": self.number + 1, "at": round(time.time(), 6), "event": event, "data": data}
        line = json.dumps(record, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
        size = os.fstat(self.fd).st_size
        if self.cluster and size != self.size:
            # a node that was cut off, or those who have spoken for the run since: two writers would make a record that nobody believes
            raise OSError(errno.ESTALE, "somebody else has written to %s" % EVENTS)
        try:
            if os.write(self.fd, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                getattr(os, "fdatasync", os.fsync)(self.fd)
        except OSError:
            os.ftruncate(self.fd, size)
            raise
        self.number += 1
        self.size += len(line)
        if event == FINAL:
            self.final = record
            if self.reserved:
                os.ftruncate(self.fd, self.size)  # gives the reserved room back
        return record

    def close(self):
        close_quietly(self.fd, self.lock)


def shallow(value, depth=MAX_DEPTH):
    """Whether no dict or list in it is nested deeper than that."""
    if isinstance(value, (dict, list)):
        items = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(shallow(item, depth - 1) for item in items)
    return True


def together(before, usage):
    """What all parts of a run have used, with that of the last."""
    both = dict((name, round((before.get(name) or 0.0) + (usage.get(name) or 0.0), 6)) for name in ("wall", "cpu"))
    return dict(usage, peak_memory=max(before.get("peak_memory") or 0, usage.get("peak_memory") or 0), **both)


def final_data(state, reason, usage=None, results=None, warnings=(), report="", cause=""):
    """The data of a final event, bounded."""
    data = {
        "state": state,
        "reason": text(reason),
        "cause": cause,
        "usage": dict({"wall": 0.0, "cpu": 0.0, "peak_memory": 0, "exit_code": None, "signal": None}, **(usage or {})),
        "results": results or {},
        "warnings": [text(warning, 300) for warning in list(warnings)[:30]],
        "report": report,
    }
    if not shallow(data["results"]):
        data["results"] = {}
        data["warnings"].insert(0, u"The results were not kept: they are nested more than %d deep." % MAX_DEPTH)
    size = len(json.dumps(data["results"]))
    if size > MAX_EVENT // 2:
        data["results"] = {}
        data["warnings"].insert(0, u"The results were not kept: %d bytes are too many. Large results belong in files." % size)
    if len(json.dumps(data)) > MAX_EVENT - 4096:
        data["warnings"], data["reason"] = data["warnings"][:5], text(reason, 500)
    return data


# ── processes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def prctl(option, value):
    return LIBC is not None and LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0) == 0


class Mark(object):
    """The memory that /proc/PID/environ shows. A fork has no environment of its own there; the run's name is written
    into it, so that whatever comes from the fork can be told from everybody else's after a kill -9."""

    def __init__(self):
        self.start = self.size = 0
        if LIBC is None:
            return
        try:
            with open("/proc/self/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            start, end = int(fields[47]), int(fields[48])
        except (EnvironmentError, ValueError, IndexError):
            return
        for name, value in list(os.environ.items()):
            os.environ[name] = value  # moves it out of that memory
        self.start, self.size = start, end - start

    def write(self, run):
        data = mark_of(run) + b"\0"
        if self.start and len(data) <= self.size:
            ctypes.memmove(self.start, data, len(data))


def mark_of(run):
    return b"SIMYARD_RUN=" + octets(run)


def process_stat(pid):
    """(parent, process group) of a process, None for one that is gone or a zombie."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except EnvironmentError:
        return None
    return None if fields[0] in (b"Z", b"X") else (int(fields[1]), int(fields[2]))


def marked(pid, mark, log):
    """Whether a process carries the run's mark, or writes its log (one that cleared its environment)."""
    base = "/proc/%d/" % pid
    try:
        with open(base + "environ", "rb") as file:
            if mark in file.read().split(b"\0"):
                return True
        for fd in ("1", "2"):
            if octets(os.readlink(base + "fd/" + fd)) == log:
                with open(base + "fdinfo/" + fd, "rb") as file:
                    flags = [line.split()[1] for line in file if line.startswith(b"flags:")]
                return bool(int(flags[0], 8) & (os.O_WRONLY | os.O_RDWR))
    except (EnvironmentError, IndexError, ValueError):
        pass
    return False


def family(roots):
    """{pid: its threads} of these processes and of all that descend from them."""
    todo, found, files = list(roots), {}, 0
    while todo and files < MEMORY_FILES:
        pid = todo.pop()
        try:
            tasks = [] if pid in found else [int(task) for task in os.listdir("/proc/%d/task" % pid)]
            found.setdefault(pid, tasks)
            files += len(tasks) + 1
            for task in tasks:
                todo += [int(child) for child in read_file("/proc/%d/task/%d/children" % (pid, task)).split()]
        except (EnvironmentError, ValueError):
            continue  # it has ended meanwhile
    return found


def handlers(pid, number):
    """{pid: whether it handles that signal, or blocks it} of the uppermost of a process and its descendants that do: a shell that waits for the
    code would be ended by it."""
    todo, found, looks = [pid], {}, 0
    while todo and looks < MEMORY_FILES:
        pid, looks = todo.pop(), looks + 1
        try:
            rows = [line.split() for line in read_file("/proc/%d/status" % pid).split(b"\n") if line.startswith((b"SigCgt:", b"SigBlk:"))]
            does = [row[0] for row in rows if int(row[1], 16) >> (number - 1) & 1]
            if does:
                found[pid] = b"SigCgt:" in does
                continue
            for task in os.listdir("/proc/%d/task" % pid):
                todo += [int(child) for child in read_file("/proc/%d/task/%s/children" % (pid, task)).split()]
        except (EnvironmentError, ValueError, IndexError):
            continue  # it has ended meanwhile
    return found


def amounts(path):
    """{name: bytes} of the lines of a file of /proc that are amounts of memory, or numbers without a unit."""
    found = {}
    try:
        for line in read_file(path).split(b"\n"):
            row = line.replace(b":", b" ").split()
            if len(row) > 1 and row[1].isdigit():
                found[row[0].decode("ascii")] = int(row[1]) << (10 if row[-1] == b"kB" else 0)
    except (EnvironmentError, UnicodeError):
        pass
    return found


def memory_of(pids, limit=None):
    """Bytes of memory that these processes have now: what is each one's own, and once what is shared. None where /proc does not say.
    With a `limit` that could be near it is looked at closely (which takes ten times as long): what is in memory of files does
    not count then, what forks share counts once, and so does what is swapped out."""
    found = {}
    for pid in pids:
        try:
            found[pid] = [int(word) * PAGE for word in read_file("/proc/%d/statm" % pid).split()[1:3]]
        except (EnvironmentError, ValueError):
            continue  # it has ended meanwhile
    if limit is None or sum(resident for resident, _ in found.values()) <= limit / 2:
        return sum(resident - shared for resident, shared in found.values()) + max(shared for _, shared in found.values()) if found else None
    return sum(closely(pid, *found[pid]) for pid in found)


def closely(pid, resident, shared):
    """The part of a process's memory that counts against its limit."""
    part = amounts("/proc/%d/smaps_rollup" % pid)  # not in every kernel, nor of every process
    if "Pss_Anon" in part:
        return part["Pss_Anon"] + part["Pss_Shmem"] + part["SwapPss"]
    own = amounts("/proc/%d/status" % pid)
    if "VmRSS" not in own:
        return 0  # it has ended meanwhile
    own = own.get("RssAnon", resident - shared) + own.get("RssShmem", 0) + own.get("VmSwap", 0)
    return min(own, part["Pss"] + part.get("SwapPss", 0)) if "Pss" in part else own


def weigh(roots, limit):
    """(processes, bytes) of all that descends from `roots()`. What is over the limit was the same processes before and after: while
    some come or go, what they share is counted with a different part in each, and all of it may be several times what there is."""
    least = None
    for _ in range(5):
        tree = family(roots())
        size = memory_of(tree, limit) or 0
        least = size if least is None else min(least, size)
        if least <= limit or (set(family(roots())) == set(tree) and all(process_stat(pid) for pid in tree)):
            break
    return tree, least


class Account(object):
    """The kernel's own account of the memory of all that runs in this process's control group, a container's for one: how many
    processes it has `killed` for want of it since it began to count, the `limit`, and the `peak` (bytes); None: it does not say.
    Where there is no such group it has the kills of the whole machine, which count those in groups as well; but not on a node of a
    cluster, where others have jobs, too: there only a group of this `job` counts."""

    #: controller's name in /proc/self/cgroup: where its groups are, and the files of the first and the second version
    FILES = {b"memory": ("/sys/fs/cgroup/memory", "memory.oom_control", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
             b"": ("/sys/fs/cgroup", "memory.events", "memory.max", "memory.peak")}  # fmt: skip

    def __init__(self, mine=None, files=FILES, job=""):
        self.killed, self.job = None, job
        self.total = os.sysconf("SC_PHYS_PAGES") * PAGE
        try:
            rows = [line.split(b":", 2) for line in (read_file("/proc/self/cgroup") if mine is None else mine).splitlines()]
            groups = dict((name, path) for _, names, path in rows for name in names.split(b",") if name in files)
        except (EnvironmentError, ValueError):
            groups = {}
        self.files = []
        for name in (b"memory", b""):
            if name in groups and not self.files and (not job or b"job_" + octets(job) in groups[name].split(b"/")):
                base, events, limit, peak = files[name]
                inside = native(os.path.join(octets(base), groups[name].lstrip(b"/")))
                # a container sees its own group in the place of all of them
                folder = inside if os.path.exists(os.path.join(inside, events)) else base
                self.files = [os.path.join(folder, file) for file in (events, limit, peak)]
        self.look()
        self.limit = self._number(1)

    def look(self):
        """Whether the kernel has killed somebody since the last look."""
        before, self.killed = self.killed, amounts(self.files[0]).get("oom_kill") if self.files else None
        if self.killed is None and not self.job:
            self.killed = amounts("/proc/vmstat").get("oom_kill")
        return before is not None and self.killed is not None and self.killed > before

    @property
    def peak(self):
        return self._number(2)

    def _number(self, which):
        try:
            number = int(read_file(self.files[which]))
            return number if number < self.total else None
        except (EnvironmentError, IndexError, ValueError):
            return None

    def score(self, memory):
        """What oom_score_adj makes the kernel end the run first that is farthest above what it may have: 1000 for nothing. Never
        less than its job cmd has."""
        return max(150, 1000 - 1000 * int(memory) // (self.limit or self.total))


def size_words(size):
    """Bytes as people write them."""
    return u"%.0f MiB" % (size / 1048576.0) if size < 1000 << 20 else u"%.4g GiB" % (size / 1073741824.0)


def set_cores(task, cores):
    """Let a thread, and what it starts from now on, run on these cores only; 0 is the calling one. Returns those that it had, or None
    where that cannot be."""
    size = 128  # bytes: 1024 cores, as in the C library
    had = ctypes.create_string_buffer(size) if LIBC is not None else None
    if had is None or LIBC.sched_getaffinity(task, size, had) < 0:
        return None
    mask = bytearray(size)
    for core in cores:
        mask[core // 8] |= 1 << core % 8
    LIBC.sched_setaffinity(task, size, (ctypes.c_char * size).from_buffer(mask))
    return [core for core in range(8 * size) if ord(had.raw[core // 8 : core // 8 + 1]) >> core % 8 & 1]


def left_of(run, directory, mine=False):
    """{pid: group} of the processes that are left of a run; with `mine` also of all that descend from this process."""
    mark, log, me = mark_of(run), octets(os.path.join(os.path.realpath(directory), LOG)), os.getpid()
    tree, left = {me: None}, {}
    for _ in range(20):
        # again while there are new ones: a process may have forked and ended while others were looked at
        new = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in tree]
        for pid in new:
            tree[pid] = process_stat(pid)
            if tree[pid] and marked(pid, mark, log):
                left[pid] = tree[pid][1]
        if not new:
            break
    family, size = set([me] if mine else []), 0
    while len(family) != size:
        size = len(family)
        family.update(pid for pid, stat in tree.items() if stat and stat[0] in family)
    left.update((pid, tree[pid][1]) for pid in family - {me})
    return left


def end_left(run, directory):
    """Kill what is left of a run whose job cmd is dead; returns when it is gone. Raises RuntimeError after 5 s."""
    until, pause, calm = clock() + 5.0, 0.005, 0
    while calm < 2:  # seen twice: a process has no environment for a moment, while it becomes another program
        left = left_of(run, directory)
        calm = 0 if left else calm + 1
        for pid in left:
            kill(pid, signal.SIGKILL)
        if left and clock() > until:
            raise RuntimeError("processes of the run do not end: %s" % ", ".join(str(pid) for pid in sorted(left)))
        time.sleep(pause)
        pause = 0.005 if calm else min(0.2, pause * 2)


def kill(pid, number, group=False):
    try:
        (os.killpg if group else os.kill)(pid, number)
    except OSError as error:
        # a fork that has not yet made its group
        if group and error.errno == errno.ESRCH:
            kill(pid, number)


def on_stop(number, frame):
    STOPS[0] += 1


def on_pause(number, frame):
    PAUSES[0] += 1


def on_child(number, frame):
    pass


class Wakeup(object):
    """A pipe that becomes readable with every signal, so that waiting is never polling."""

    def __init__(self):
        self.fd, self.writer = pipe()
        signal.set_wakeup_fd(nonblocking(self.writer))
        for number, handler in (
            (signal.SIGTERM, on_stop), (signal.SIGINT, on_stop), (signal.SIGCHLD, on_child), (signal.SIGHUP, signal.SIG_IGN),
            (signal.SIGUSR1, on_pause),
        ):
            signal.signal(number, handler)
            signal.siginterrupt(number, False)

    def wait(self, fds, deadline, writing=()):
        """Those of `fds` that can be read and of `writing` that can be written (or were closed), at the latest at
        `deadline` (None: whenever)."""
        poll = select.poll()
        for fd in [self.fd] + list(fds):
            poll.register(fd, select.POLLIN)
        for fd in writing:
            poll.register(fd, select.POLLOUT)
        milliseconds = -1 if deadline is None else max(0, int((deadline - clock()) * 1000) + 1)
        try:
            ready = [fd for fd, _ in poll.poll(milliseconds)]
        except (OSError, select.error) as error:
            if error.args[0] != errno.EINTR:
                raise
            ready = [self.fd]
        if self.fd in ready:
            read_some(self.fd)
        return ready


def to_line(message):
    return json.dumps(message).encode("ascii") + b"\n"


def read_some(fd):
    """What can be read now: None nothing yet, b"" the end."""
    try:
        return os.read(fd, 1 << 16)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EINTR):
            return None
        return b""


PROGRESS_ROW = b'{"progress"'


class Orders(object):
    """A fork's end of the pipe through which its parent tells it things."""

    def __init__(self, fd):
        self._fd, self._buffer = fd, b""

    def next(self, patience=None):
        """The next message; None after `patience` seconds without one. Raises EOFError when the parent wants no more."""
        until = None if patience is None else clock() + patience
        while b"\n" not in self._buffer:
            if until is not None and not select.select([self._fd], [], [], max(0.0, until - clock()))[0]:
                return None
            data = os.read(self._fd, 1 << 16)
            if not data:
                raise EOFError
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line.decode("utf-8"))


class Child(object):
    """A fork that does `work(tell, orders)` in a session of its own and tells its parent JSON lines through a pipe.

    It dies with its parent (where the kernel can be asked for that). `status` is None until it was met by a wait.
    """

    def __init__(self, work, drop=()):
        ours, write = pipe()
        orders, self._orders = (close_on_exec(fd) for fd in os.pipe())
        self._buffer = b""
        self.status = None
        seen, parent = STOPS[0], os.getpid()
        self.pid = os.fork()
        if self.pid:
            close_quietly(write, orders)
            self.fds = [ours]
            return
        code = 1
        try:
            settle(seen, parent, [ours, self._orders] + list(drop))
            code = work(lambda message: write_all(write, to_line(message)), Orders(orders))
        except EOFError:
            code = 0
        except BaseException:  # the wall of this process: what it was to do guards itself
            trace()
        finally:
            os._exit(code)

    def order(self, message):
        """Tell the fork something. That it is dead will be noticed elsewhere."""
        try:
            write_all(self._orders, to_line(message))
        except OSError:
            pass

    def lines(self):
        """The messages that have come. Of those of progress only the last: each says all that is known."""
        told = []
        for _ in range(16):  # a flood must not keep the reader from its other work
            data = read_some(self.fds[0]) if self.fds else None
            if data == b"":
                os.close(self.fds.pop())  # it has ended, and all that came from it has
            if not data:
                break
            self._buffer += data
        whole, _, self._buffer = self._buffer.rpartition(b"\n")
        rows = whole.split(b"\n") if whole else []
        for number, row in enumerate(rows):
            if row.startswith(PROGRESS_ROW) and number + 1 < len(rows) and rows[number + 1].startswith(PROGRESS_ROW):
                continue
            try:
                message = json.loads(row.decode("utf-8"))
            except ValueError:
                continue
            if isinstance(message, dict):
                told.append(message)
        if len(self._buffer) > MAX_TOLD:
            self._buffer = b""
        return told

    def close(self):
        close_quietly(self._orders, *self.fds)
        self.fds = []


class Process(object):
    """A command that was started: like a Child, but it tells nothing."""

    fds = ()

    def __init__(self, args):
        self.pid = spawn(args)
        self.status = None

    def lines(self):
        return []

    def close(self):
        pass


def spawn(args):
    """Start a command in a session of its own. Returns its pid; raises OSError if it cannot be started."""
    defaults = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP]
    if sys.version_info >= (3, 8):
        try:
            # does not copy this process as a fork does
            return os.posix_spawnp(args[0], args, os.environ, setsid=True, setsigmask=[], setsigdef=defaults)  # novm
        except NotImplementedError:
            pass
    read, write = (close_on_exec(fd) for fd in os.pipe())
    seen, parent = STOPS[0], os.getpid()
    pid = os.fork()
    if not pid:
        try:
            settle(seen, parent, [read])
            for number in defaults:
                signal.signal(number, signal.SIG_DFL)
            os.execvp(args[0], args)
        except EnvironmentError as error:
            os.write(write, b"%d" % error.errno)
        finally:
            os._exit(127)
    os.close(write)
    problem = os.read(read, 20)
    os.close(read)
    if problem:
        raise OSError(int(problem), os.strerror(int(problem)))
    return pid


def settle(seen, parent, drop):
    """First steps of a fork that will run the code: own session, no handlers of the parent's, its descriptors closed."""
    os.setsid()
    prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    if os.getppid() != parent:
        os._exit(1)
    if STOPS[0] != seen:
        os.kill(os.getpid(), signal.SIGTERM)
    close_quietly(*drop)
    for name in ("random", "numpy.random"):
        # forks of one warm process must not all draw the same numbers
        if name in sys.modules:
            sys.modules[name].seed()


def null_input():
    fd = os.open(os.devnull, os.O_RDONLY)
    os.dup2(fd, 0)
    if fd:
        os.close(fd)


def to_log(directory):
    """Send what is printed to the run's log; False if that cannot be (then it goes nowhere)."""
    try:
        log = open_fd(os.path.join(directory, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK)
        fcntl.fcntl(log, fcntl.F_SETFL, os.O_APPEND)
    except OSError:
        log = None
    fd = open_fd(os.devnull, os.O_WRONLY) if log is None else log
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    return log is not None


def status_of(status):
    """(exit code, signal's name), one of them None."""
    if os.WIFSIGNALED(status):
        return None, signal_name(os.WTERMSIG(status))
    return os.WEXITSTATUS(status), None


class LogStream(object):
    """sys.stdout of Python 2 in a fork: takes text and bytes; a log that cannot be written hurts nobody."""

    encoding, softspace, closed = "utf-8", 0, False

    def write(self, what):
        try:
            write_all(1, octets(what))
        except OSError:
            pass

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def fileno(self):
        return 1


def log_streams():
    """Give the fork's Python a stdout and stderr that speak UTF-8 and survive a full disk."""
    if PY2:
        sys.stdout = sys.stderr = LogStream()
        return
    import io

    class Raw(io.RawIOBase):
        def writable(self):
            return True

        def fileno(self):
            return 1

        def write(self, data):
            try:
                return os.write(1, data)
            except OSError:
                return len(data)

    def stream():
        return io.TextIOWrapper(io.BufferedWriter(Raw()), "utf-8", "backslashreplace", line_buffering=True)

    sys.stdout, sys.stderr = stream(), stream()


# ── the code's side ─────────────────────────────────────────────────────────────────────────────────────────────────


def load_code(code_dir):
    """The module of a code's code.py. What stands beside it can be imported, after everything else on the path.
    A code without one is what its code.toml says (template.py)."""
    path = os.path.join(native(code_dir), "code.py")
    if not os.path.exists(path) and os.path.exists(os.path.join(native(code_dir), "code.toml")):
        return beside("template").load(native(code_dir), beside("toml_reader"), lambda: beside("tables"))
    if native(code_dir) not in sys.path:
        sys.path.append(native(code_dir))
    return load_file(path, "simyard_code")


def load_file(path, name):
    """The module that a file is, under a name that nobody else has."""
    with open(path, "rb") as file:
        source = file.read()
    module = types.ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module
    exec(compile(source, path, "exec", 0, True), module.__dict__)
    return module


def beside(name):
    """A module that stands beside this one, loaded when it is wanted first; this folder is on nobody's path (docs/adr/0009, 0020)."""
    known = sys.modules.get("simyard_" + name)
    return known or load_file(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py"), "simyard_" + name)


class Run(object):
    """What a code is given: see docs/reference/code-py.md."""

    def __init__(self, directory, spec, tell=None):
        self.id = spec["run"]
        self.model = spec["model"]
        self.inputs = spec["inputs"]
        self.files = sorted(spec["files"])
        self.cores = spec["cores"]
        self.memory = spec["memory"]
        self.time_limit = spec["time_limit"]
        self.run_dir = directory
        self.dir = os.path.join(directory, WORK)
        self.launcher = [native(word) for word in spec.get("launcher") or ()]
        self.tasks = spec.get("tasks") or 1
        beside = os.path.join(os.path.dirname(sys.executable or ""), "mpirun")
        if self.tasks > 1 and not spec.get("cluster") and os.path.exists(beside):
            self.launcher = [beside, "-n", str(self.tasks)]  # of the MPI that this interpreter's packages were made for
        self.resumed = bool(spec.get("resumed"))
        self.exit_code = self.signal = None
        self._must_stop = spec.get("must_stop")
        self._tell = tell
        self._known = {"fraction": None, "frames": None, "message": None}

    @property
    def frames(self):
        """Frames that the run has told of: the last word in its events."""
        if self._known["frames"] is None:
            self._known["frames"] = last_frames(self.run_dir)
        return self._known["frames"]

    @property
    def must_stop(self):
        """Whether it is time to write a checkpoint and to end."""
        return bool(self._must_stop) and os.path.exists(self._must_stop)

    def progress(self, fraction=None, frames=None, message=None):
        """Tell how far the run is; what is left out stays as it was. Cheap: call it as often as you like."""
        for name, value in (("fraction", fraction), ("frames", frames), ("message", message)):
            if value is not None:
                self._known[name] = value
        if self._tell is not None:
            self._tell({"progress": progress_of(self._known)})

    def log(self, what):
        """Append a line to the run's log."""
        try:
            write_all(1, octets(text(what, 1 << 20)) + b"\n")
        except OSError:
            pass


def progress_of(known):
    """The checked message of what a code says of its progress; raises TypeError or ValueError in words."""
    fraction, frames, message = known.get("fraction"), known.get("frames"), known.get("message")
    if fraction is not None:
        fraction = float(fraction)
        fraction = min(1.0, max(0.0, fraction)) if fraction == fraction else None
    if frames is not None:
        frames = max(0, int(frames))
    return {"fraction": fraction, "frames": frames, "message": None if message is None else text(message, 300)}


def last_frames(directory):
    """The last number of frames in a run's events (0: none), looked for in their last 256 KiB."""
    try:
        lines = read_file(os.path.join(directory, EVENTS), 256 << 10).split(b"\n")
    except EnvironmentError:
        return 0
    for line in reversed(lines[:-1]):
        if b'"frames"' in line:
            try:
                event = json.loads(line.decode("utf-8"))
                if event["event"] == PROGRESS:
                    return int(event["data"]["frames"])
            except (ValueError, KeyError, TypeError):
                continue
    return 0


def exit_of(error):
    """The exit code of a SystemExit, and its words if it has any."""
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 255, u""
    return 1, text(error.code)


def read_spec(directory):
    """What run.json says. Raises EnvironmentError, ValueError, KeyError."""
    spec = json.loads(read_file(os.path.join(directory, RUN)).decode("utf-8"))
    for name in ("run", "epoch", "code_dir", "model", "kind", "inputs", "files", "cores", "memory", "time_limit", "grace"):
        if name not in spec:
            raise KeyError("%s lacks %r" % (RUN, name))
    return spec


def told_to_end(directory):
    """(reason, cause) that the agent has left for a run that it ends by itself; empty where the user has stopped it."""
    try:
        told = json.loads(read_file(os.path.join(directory, STOP)).decode("utf-8"))
        return (text(told["reason"]), text(told["cause"])) if told["cause"] in CAUSES else (u"", u"")
    except (EnvironmentError, ValueError, KeyError, TypeError):
        return u"", u""


def ring(spec):
    """Tell the agent that there is something to read, if it listens; never waits."""
    try:
        if not spec.get("bell"):
            return
        fd = open_fd(native(spec["bell"]), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        os.write(fd, octets(spec["run"]) + b"\n")
    except OSError:
        pass
    finally:
        os.close(fd)


def set_oom_score(score, pid="self"):
    try:
        with open("/proc/%s/oom_score_adj" % pid, "w") as file:
            file.write(str(score))
    except EnvironmentError:
        pass


def lower(what, size):
    """Lower this process's limit of that kind to `size`; answers what it was."""
    had = resource.getrlimit(what)
    try:
        resource.setrlimit(what, (size if had[0] == resource.RLIM_INFINITY else min(size, had[0]), had[1]))
    except (EnvironmentError, ValueError):
        pass
    return had


def limit_memory(size):
    """Let this process have `size` bytes more than it has; beyond that an allocation fails."""
    lower(resource.RLIMIT_AS, size + amounts("/proc/self/status").get("VmSize", 0))


def hold(spec):
    """Hold this process, and what it starts from now on, to what a run may use. Returns a function that lets it go again.
    A quick run is held to its cores only once it lasts: until then the kernel does better."""
    files = lower(resource.RLIMIT_FSIZE, spec["disk"]) if spec.get("disk") else None
    cores = set_cores(0, spec["cpus"]) if spec.get("cpus") and spec["kind"] != "quick" else None

    def let_go():
        if files:
            resource.setrlimit(resource.RLIMIT_FSIZE, files)
        if cores:
            set_cores(0, cores)

    return let_go


def write_report(module, run, name, frame):
    """Have the code make a report, and write it beside its place and rename it. Returns (path in the run directory, size)."""
    if not name or name.startswith(".") or not all(c.isalnum() or c in "_-." for c in name) or len(name) > 100:
        raise ValueError("%r cannot be the name of a report" % text(name, 100))
    if not hasattr(module, "report"):
        raise ValueError("This code has no reports: its code.py has no report().")
    figure = module.report(run, native(name), frame)
    if not isinstance(figure, dict) and not hasattr(figure, "to_plotly_json"):
        raise TypeError("report() must return a Plotly figure, a dict with data and layout, not %s" % type(figure).__name__)
    data = to_json(figure)
    path = "%s/%s" % (REPORTS, name + ".json" if frame < 0 else "%s.%d.json" % (name, frame))
    folder = os.path.join(run.run_dir, REPORTS)
    try:
        os.mkdir(folder)
    except OSError as error:  # another fork may make a report of this run just now
        if error.errno != errno.EEXIST:
            raise
    beside = beside_path(run.run_dir, os.getpid())
    try:
        fd = open_fd(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        write_all(fd, data)
        os.close(fd)
        os.rename(beside, os.path.join(run.run_dir, native(path)))
    except OSError:
        remove(beside)
        raise
    return path, len(data)


def write_input(module, run):
    """Have the code prepare its input, and write what came of it to INPUT in `run.run_dir`. Returns (path there, size)."""
    if not hasattr(module, "prepare"):
        raise RuntimeError("This code's code.py has no prepare().")
    before = snapshot(run.dir)
    what = module.prepare(run)
    command = None if callable(what) else [text(unarmor(word)) for word in arguments(what)[:MAX_WORDS]]  # novm: 2.7 has it
    told = module.show_input(run) if hasattr(module, "show_input") else None
    files = new_files(run.dir, before) if told is None else told_files(told)
    data = json.dumps({"command": command, "files": files}, allow_nan=False, separators=(",", ":")).encode("ascii")
    fd = open_fd(os.path.join(run.run_dir, INPUT), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW)
    write_all(fd, data)
    os.close(fd)
    return INPUT, len(data)


def snapshot(folder):
    """{path: what changes when its file does} of the plain files in a folder; links are neither shown nor followed."""
    found = {}
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(parent, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                found[os.path.relpath(path, folder)] = (status.st_ino, status.st_size, status.st_mtime)
            if len(found) >= MAX_LISTED:
                return found
    return found


def new_files(folder, before):
    """What is told of the files that are new in a folder, or not as they were."""
    after = snapshot(folder)
    room, told = [MAX_SHOWN_ALL], []
    for path in sorted(after)[:MAX_LISTED]:
        if before.get(path) == after[path] or len(told) >= MAX_SHOWN_FILES:
            continue
        size = after[path][1]
        try:
            with open(os.path.join(folder, path), "rb") as file:
                data = file.read(min(MAX_SHOWN + 1, size))
        except EnvironmentError:
            data = b""
        told.append(shown_file(path, data, size, room))
    return told


def told_files(told):
    """What show_input() returned: {name: text}, or one text."""
    if isinstance(told, (Text, Bytes)):
        told = {"input": told}
    if not isinstance(told, dict) or not all(isinstance(value, (Text, Bytes)) for value in told.values()):
        raise TypeError("show_input() must return a text, or a dict of texts by name, not %s" % text(repr(told), 200))
    room = [MAX_SHOWN_ALL]
    names = sorted(told) if PY2 else list(told)
    return [shown_file(name, octets(told[name]), len(octets(told[name])), room) for name in names[:MAX_SHOWN_FILES]]


def shown_file(name, data, size, room):
    """One file as it is told; `room` has the bytes that are left for all. What is no text in UTF-8 is told without."""
    limit = min(MAX_SHOWN, room[0])
    part = data[:limit]
    said = None
    if b"\0" not in part:
        for cut in range(4):  # the last letter may have been cut in two
            try:
                said = part[: len(part) - cut].decode("utf-8")
                break
            except UnicodeDecodeError:
                if size <= len(part):
                    break
    if said is not None:
        room[0] -= len(part)
    return {"name": text(name, 1000), "text": said, "size": size, "truncated": said is not None and size > len(part)}


def beside_path(directory, pid):
    return os.path.join(directory, REPORTS, ".making-%d" % pid)


def remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


def seal():
    """Let no descriptor of this process reach a command, whoever opened it."""
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        if int(name) > 2:
            try:
                close_on_exec(int(name))
            except EnvironmentError:
                pass


def children():
    """Pids of this process's children, None where the kernel does not tell."""
    try:
        with open("/proc/self/task/%d/children" % os.getpid(), "rb") as file:
            return set(int(pid) for pid in file.read().split())
    except (EnvironmentError, ValueError):
        return None


def attend(module, run, tell, orders):
    """In the code's side, while the code runs elsewhere: ask progress() again and again; when told that the code has
    ended, ask it once more, then finish(), then for the report that is wanted."""
    has_progress, complained = hasattr(module, "progress"), False
    asked = orders.next(POLL_SECONDS if has_progress else None)
    while asked is None:
        try:
            tell({"progress": progress_of(module.progress(run) or {})})
        except Exception:
            if not complained:
                trace()
            complained = True
        asked = orders.next(POLL_SECONDS)
    tell({"reading": True})
    run.exit_code, run.signal = asked["exit_code"], asked["signal"]
    run._known.update(asked["progress"])
    if has_progress and asked["started"]:
        try:
            told = progress_of(module.progress(run) or {})
            tell({"progress": told})
            run._known.update((key, value) for key, value in told.items() if value is not None)
        except Exception:
            trace()
    if asked["finish"]:
        try:
            found = finished(module.finish(run))
            tell({"finished": found})
        except BaseException as error:
            trace()
            tell({"unfinished": words(error), "cause": cause_of(error, "exception")})
            return
        if found["cause"]:
            return  # it has failed, and there is nothing to show
    if asked["report"]:
        limit_memory(max(int(run.memory), REPORT_MEMORY))
        try:
            write_report(module, run, asked["report"], -1)
            tell({"report": asked["report"]})
        except BaseException as error:
            trace()
            tell({"report_failed": words(error)})


# ── run ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Job(object):
    """One run, from its first event to its final one. `module` is the code's, if this process is a fork of a warm one."""

    def __init__(self, module=None, mark=None):
        self.module = module
        self.mark = mark or Mark()
        self.seen = STOPS[0]
        self.has = ()
        self.prepared = self.failed = self.stopping = self.kill_at = None
        self.cause, self.causes = "", {"failed": "exception", "unfinished": "exception"}
        self.started = self.held = self.done = self.killed = self.greedy = self.reading = self.pausing = False
        self.finished = self.unfinished = self.report_failed = self.ended = self.side = self.unstarted = None
        self.report_made = ""
        self.known, self.shown = progress_of({}), progress_of({})
        self.shown_at = self.read_at = self.cpu = 0.0
        self.peak = self.memory_peak = self.memory_told = 0
        self.memory = self.ring_at = self.weigh_at = None
        self.left_behind, self.told, self.blocking, self.tell_at = set(), set(), set(), 0.0
        self.warnings = []
        # all that can be done before it is known what to run, the code's side included
        try:
            os.setsid()
        except OSError:
            pass  # it leads a session already
        null_input()
        self.reaper = prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
        self.wakeup = Wakeup()
        self.mine = [self.wakeup.fd, self.wakeup.writer]
        self.me = {"pid": os.getpid(), "host": text(socket.gethostname()), "boot": boot()}
        self.job = os.environ.get("SLURM_JOB_ID", "")
        self.account = Account(job=self.job)
        self.code = Child(self._be_code, self.mine)

    def wait_and_run(self, orders):
        """Run the directory that comes through a pipe, if one comes."""
        told = b""
        while not told.endswith(b"\0"):
            data = os.read(orders, 1 << 16)
            if not data:
                return 0
            told += data
        os.close(orders)
        prctl(1, 0)  # from here on it outlives serve
        return self.run(native(told[:-1]))

    def run(self, directory):
        """Execute the run in a run directory (an absolute path). Returns the exit status of the job cmd."""
        self.begin = clock()
        self.directory = directory
        self.spec = {"run": os.path.basename(directory), "bell": ""}
        problem = None
        try:
            self.spec = read_spec(directory)
        except (EnvironmentError, ValueError, KeyError, TypeError) as error:
            problem = u"What to run could not be read from %s. %s" % (RUN, words(error))
        self.cluster = bool(self.spec.get("cluster"))
        self.chained = self.cluster and bool(self.spec.get("checkpoints"))
        try:
            self.journal = Journal(directory, self.cluster)
            self.mine += [self.journal.fd, self.journal.lock]
            how = self._how_it_begins()
            if self.cluster:
                self.journal.claim(self.job)
        except Held as held:
            complain(held)
            return REFUSED
        except EnvironmentError as error:
            complain(u"the run cannot be told of. " + words(error))
            return NOT_WRITTEN
        try:
            if not to_log(directory):
                self.warnings.append(u"There is no log: it could not be written.")
            self.mark.write(self.spec["run"])
            set_oom_score(100)
            if self.journal.begun:
                end_left(self.spec["run"], directory)
                self.journal.read()  # it may have written until then
            if problem is not None:
                data = final_data("failed", problem, cause="start")
            elif how == "requeued" and not self.chained:
                data = final_data("lost", AGAIN, self.journal.used, cause="lost")
            else:
                data = self._execute(how)
        except Exception as error:  # the wall of the job cmd: whatever it was, the run ends, and says why
            trace()
            self._end_side()
            self._clear(clock())
            data = final_data("failed", u"The run could not be carried out. " + words(error), self._usage(), cause=cause_of(error, "start"))
        self._end_side()
        self._clear(clock())
        return self._end(data)

    def _how_it_begins(self):
        """"" where this is the first time, else why it goes on: "paused" or "requeued". Raises Held: it may not, twice is once too often."""
        begun, over = self.journal.begun, self.journal.over
        if not self.journal.final:
            if not begun or begun["data"].get("epoch", 0) < self.spec.get("epoch", 0):
                return ""
            if self.chained and over and over["event"] == PAUSED:
                return "paused"
            if self.cluster and self.job and begun["data"].get("job") == self.job and restarts() > begun["data"].get("restarts", 0):
                return "requeued"
        raise Held("the run in %s has begun already, or has ended" % text(self.directory))

    def _execute(self, how):
        """Returns the data of the final event, or the event that ends this part in its place."""
        if self.cluster:
            self.me.update(job=self.job, restarts=restarts())
        if self.chained:
            self.spec.update(must_stop=os.path.join(self.directory, MUST_STOP), resumed=bool(how))
            remove(self.spec["must_stop"])
        self._event(BEGUN, dict(self.me, epoch=self.spec["epoch"]), later=TOGETHER_SECONDS)
        if how:
            self._event(RESUMED, {"part": self.journal.parts + 1, "why": how}, later=TOGETHER_SECONDS)
        self.code.order([text(self.directory, 1 << 16), self.spec])
        os.environ.update(environment(self.spec))
        os.chdir(os.path.join(self.directory, WORK))
        self.account.look()
        self.score = self.account.score(self.spec["memory"])
        set_oom_score(self.score, self.code.pid)
        self.weigh_at = self.begin + min(LOOK_MOST, float(self.spec["memory"]) / FAST)
        self._follow()
        self._show_progress(last=True)
        self._clear(self.kill_at if self.stopping else clock())
        if self.cluster and not self.stopping and any(self._ended()):
            until = clock() + CLUSTER_SECONDS
            while STOPS[0] == self.seen and clock() < until:
                self.wakeup.wait([], until)
            self.stopping = self._whose_stop() if STOPS[0] != self.seen else None
        if self._is_paused():
            self._read_results(PAUSED, u"")
            if self.known["fraction"] != 1.0:
                return PAUSED
            self._end_side()  # by its last word it was done all the same
            self.reading = False
        state, reason, self.cause = self._verdict()
        if state == STOPPED:
            return STOPPED
        usage = self._usage()
        results = {}
        if not self.stopping or state == "completed":
            state, reason, results = self._read_results(state, reason)
        report = self.report_made if state == "completed" else ""
        return final_data(state, reason, usage, results, self.warnings, report, self.cause if state == "failed" else "")

    # -- in the forks

    def _be_code(self, tell, orders):
        """The code's side: once told what to run, prepare it, then go on with the callable, or attend to the command."""
        log_streams()
        directory, spec = orders.next()
        directory = native(directory)
        to_log(directory)
        hold(spec)
        self.mark.write(spec["run"])
        os.environ.update(environment(spec))
        before = dict(os.environ)
        code, stage = 0, "start"
        try:
            os.chdir(os.path.join(directory, WORK))
            module = self.module or load_code(spec["code_dir"])
            run = Run(directory, spec, tell)
            if not hasattr(module, "prepare"):
                raise RuntimeError("This code's code.py has no prepare().")
            stage = "input"
            what = module.prepare(run)
            command = None if callable(what) else arguments(what)  # novm: 2.7 has it
            has = [name for name in ("progress", "finish", "report") if hasattr(module, name)]
            set_to = [(name, value) for name, value in os.environ.items() if before.get(name) != value]
            prepared = {"has": has, "command": command, "pause": int(getattr(module, "PAUSE_SIGNAL", signal.SIGUSR1))}
            prepared["environment"] = [[armor(octets(part)) for part in pair] for pair in set_to]
            tell({"prepared": prepared})
            stage = "exception"
            if command is None:
                what(run)
                tell({"done": True})
            elif has:
                attend(module, Run(directory, spec), tell, orders)
        except SystemExit as error:
            code, said = exit_of(error)
            tell({"done": True} if code == 0 else {"failed": said, "cause": "exit" if stage == "exception" else stage})
        except EOFError:
            raise
        except BaseException as error:
            trace()
            tell({"failed": words(error), "cause": cause_of(error, stage)})
            code = 1
        sys.stdout.flush()
        return code

    def _be_side(self, tell, orders):
        """The code's side beside a callable, or in place of one that has died."""
        log_streams()
        set_oom_score(self.score)
        module = self.module or load_code(self.spec["code_dir"])
        attend(module, Run(self.directory, self.spec), tell, orders)
        sys.stdout.flush()
        return 0

    # -- while the code runs

    def _event(self, event, data, later=0.0):
        """Write an event, and tell the agent of it, or so many seconds later of all that there is by then: each telling costs the
        supervisor a commit, and a quick run has ended before anybody could have seen it start."""
        if clock() - self.begin > SHORT:
            self.journal.reserve()
        self.journal.append(event, data)
        if later:
            self.ring_at = self.ring_at or clock() + later
        else:
            self.ring_at = None
            ring(self.spec)

    def _wait(self, due):
        """Wait for something to happen, at the latest until one of the times `due`, and take in what it is."""
        if clock() >= self.weigh_at:
            self._weigh()
        due = due + [self.weigh_at]
        both = [child for child in (self.code, self.side) if child]
        fds = [fd for child in both for fd in child.fds]
        if clock() < self.read_at:
            due, fds = due + [self.read_at], []
        self.wakeup.wait(fds, min(due))
        self._reap()
        for child in both:
            for message in child.lines():
                self._heard(message)

    def _follow(self):
        """From the order to prepare until the code has ended."""
        # that of a run that is gone on with is its parts', and the cluster's to keep
        limit = self.begin + self.spec["time_limit"] if self.spec["time_limit"] and not self.chained else None
        room_at, look_at = self.begin + SHORT, self.begin + POLL_SECONDS
        while self.code.status is None:
            now = clock()
            if not self.stopping and STOPS[0] != self.seen:
                self._stop(self._whose_stop())
            elif self.chained and PAUSES[0] and not self.stopping and now >= self.tell_at:
                self._pause()
            elif not self.stopping and limit is not None and now >= limit:
                self._stop("time")
            if self.stopping and now >= self.kill_at and not self.killed:
                self.killed = True
                kill(self.code.pid, signal.SIGKILL, group=True)
            if room_at is not None and now >= room_at:
                room_at = None
                try:
                    self.journal.reserve()
                except OSError as error:
                    complain(u"there is no room to keep for the final event. " + words(error))
            watching = self.started and "progress" in self.has and not self.side and not self.stopping
            if watching and now >= look_at:
                self.side = Child(self._be_side, self.mine + list(self.code.fds))
                watching = False
            self._show_progress()
            if self.ring_at and now >= self.ring_at:
                self.ring_at = None
                ring(self.spec)
            due = [self.ring_at] if self.ring_at else []
            due += [] if self.stopping or limit is None else [limit]
            due += [self.kill_at] if self.stopping and not self.killed else []
            due += [room_at] if room_at is not None else []
            due += [self.tell_at] if self.pausing and not self.stopping else []
            due += [look_at] if watching else []
            due += [self._show_at()] if self.started and self.known != self.shown else []
            self._wait(due)
            if self.prepared and not (self.started or self.stopping or self.pausing or self.failed):
                self._start()
        for message in self.code.lines():
            self._heard(message)
        self.code.close()

    def _start(self):
        """The input is prepared: start the command, or find that the callable has begun."""
        if self.prepared["command"]:
            os.environ.update((native(unarmor(name)), native(unarmor(value))) for name, value in self.prepared["environment"])
            let_go = hold(self.spec)
            try:
                command = Process([unarmor(word) for word in self.prepared["command"]])
            except EnvironmentError as error:
                why = {errno.ENOENT: u"it was not found", errno.EACCES: u"it may not be executed"}.get(error.errno, words(error))
                self.failed = u"The command %s could not be started: %s." % (text(unarmor(self.prepared["command"][0]), 500), why)
                self.causes["failed"] = "start"
                self.unstarted = (127, None)
                kill(self.code.pid, signal.SIGKILL, group=True)
                return
            finally:
                let_go()
            set_oom_score(self.score, command.pid)
            self.side, self.code = self.code if self.code.status is None else None, command
        self.started = True
        self._event(STARTED, {"pid": self.code.pid, "group": self.code.pid}, later=TOGETHER_SECONDS if self.spec["kind"] == "quick" else 0.0)
        if not self.side and self.spec["kind"] == "quick" and ("finish" in self.has or self.spec.get("first_report")):
            # somebody waits for its end: what comes then is forked while the code works, and not after it
            self.side = Child(self._be_side, self.mine + list(self.code.fds))

    def _heard(self, message):
        """A message of the code's side, which is foreign: only what has the right form counts."""
        if isinstance(message.get("progress"), dict):
            try:
                told = progress_of(message["progress"])
            except (TypeError, ValueError):
                return
            self.known.update((key, value) for key, value in told.items() if value is not None)
            self.read_at = clock() + 0.01  # who tells all the time is read in gulps
        elif isinstance(message.get("prepared"), dict):
            self.prepared = message["prepared"]
            self.has = self.prepared["has"]
        elif isinstance(message.get("finished"), dict):
            self.finished = message["finished"]
        elif "reading" in message or "done" in message:
            self.reading, self.done = self.reading or "reading" in message, self.done or "done" in message
        else:
            for name, words_of in (("failed", "failed"), ("unfinished", "unfinished"), ("report", "report_made"), ("report_failed", "report_failed")):
                if name in message:
                    setattr(self, words_of, text(message[name]))
                    if name in self.causes and message.get("cause") in CAUSES:
                        self.causes[name] = str(message["cause"])

    def _weigh(self):
        """See how much memory the code has, and its side, and end whoever has more than it may. A quick run that lasts to here is
        held to its cores from now on."""
        limit, spent = self.spec["memory"], sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        side = [self.side.pid] if self.side and self.side.status is None else []
        tree, size = weigh(lambda: (children() or {self.code.pid}).difference(side) if not self.ended else (), limit)
        if self.started and not self.held and self.spec.get("cpus"):
            for task in [task for tasks in tree.values() for task in tasks]:
                set_cores(task, self.spec["cpus"])
        self.held = self.started
        self.memory, self.memory_peak = size, max(self.memory_peak, size)
        if size > limit and self.stopping:
            self.kill_at, self.greedy = clock(), True  # it makes use of its time in another way than it was meant
        elif size > limit:
            self._stop("memory")
        room = limit - size
        if side:
            most = max(limit, REPORT_MEMORY)
            has = weigh(lambda: side, most)[1]
            room = min(room, most - has)
            if has > most:
                self.unfinished = u"Reading the results ran out of memory: limit %s, peak %s." % (size_words(most), size_words(has))
                self.causes["unfinished"] = "memory"
                kill(side[0], signal.SIGKILL, group=True)
        spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - spent
        self.weigh_at = clock() + max(LOOK_LEAST, LOOK_SHARE * spent, min(LOOK_MOST, float(room) / FAST))

    def _show_at(self):
        """When the next event of progress may come: soon for a frame, for the rest later the longer the run lasts already."""
        soon = self.known["frames"] != self.shown["frames"]
        return self.shown_at + (EVENT_SECONDS if soon else min(5.0, max(EVENT_SECONDS, (clock() - self.begin) / 500)))

    def _show_progress(self, last=False):
        """Tell what is new of the progress, if it is time, or the last time."""
        changes = dict((key, value) for key, value in self.known.items() if value != self.shown[key])
        # who says nothing else is not forgotten for that
        grown = self.memory_peak > 1.5 * self.memory_told and clock() - max(self.begin, self.shown_at) > MEMORY_ALONE
        if not (changes or grown) or not self.started or (clock() < self._show_at() and not last):
            return
        if self.memory and not self.ended:
            changes.update(memory=self.memory, peak_memory=self.memory_peak)
            self.memory_told = self.memory_peak
        try:
            self._event(PROGRESS, changes)
            self.shown = dict(self.known)
            self.shown_at = clock()
        except OSError:
            self.shown_at = clock() + 5.0  # the disk is full; what room there is belongs to the final event

    def _whose_stop(self):
        """On a cluster one that its agent has not announced is the cluster's own."""
        return "canceled" if not self.cluster or os.path.exists(os.path.join(self.directory, STOP)) else STOPPED

    def _stop(self, why):
        # who has too much memory would take more of it while it has time to end well
        number, patience = (signal.SIGKILL, 0.0) if why == "memory" else (signal.SIGTERM, self.spec["grace"])
        self.stopping = why
        self.kill_at = clock() + patience
        kill(self.code.pid, number, group=True)
        kill(self.code.pid, signal.SIGCONT, group=True)
        self._end_side()
        for pid, group in left_of(self.spec["run"], self.directory, mine=True).items():
            if group != self.code.pid:  # a second TERM would mean "at once" to some
                kill(pid, number)

    def _pause(self):
        """Its time is nearly over: have the code write a checkpoint and end. Who has not started has nothing to keep; who cannot hear it
        yet is told again."""
        self.pausing, self.tell_at = True, clock() + 1.0
        try:
            os.close(open_fd(self.spec["must_stop"], os.O_WRONLY | os.O_CREAT))
        except EnvironmentError as error:
            complain(u"that it must stop could not be told by a file: " + words(error))
        if not self.started:
            kill(self.code.pid, signal.SIGKILL, group=True)
        elif self.prepared["command"] and self.prepared["pause"]:
            found = handlers(self.code.pid, self.prepared["pause"])
            # srun blocks it, and waits for it; a shell blocks everything for a moment, while it forks
            for pid in set(pid for pid in found if found[pid] or pid in self.blocking) - self.told:
                self.told.add(pid)
                kill(pid, self.prepared["pause"])
            self.blocking = set(found)

    def _is_paused(self):
        """Whether it has ended in order after it was told to."""
        exit_code = self._ended()[0]
        orderly = exit_code == 0 and bool(self.done or (self.started and self.prepared["command"]))
        return self.pausing and not self.stopping and (not self.started or orderly)

    def _end_side(self):
        if self.side:
            kill(self.side.pid, signal.SIGKILL, group=True)
            while self.side.status is None:
                self.wakeup.wait([], None)
                self._reap()
            self.side.close()
        self.side = None

    def _reap(self):
        """Meet whatever has ended. True: there are no other children than the code's side."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                return True
            if not pid:
                return bool(self.side) and children() == set([self.side.pid])
            if self.side and pid == self.side.pid:
                self.side.status = status
                continue
            self.cpu += used.ru_utime + used.ru_stime
            self.peak = max(self.peak, used.ru_maxrss * 1024)
            if pid == self.code.pid:
                self.code.status = status
                self.ended = clock()

    def _clear(self, kill_at):
        """Return when nothing of the run is left but the code's side; from `kill_at` on by killing it."""
        pause = 0.005
        # with this process the father of all orphans, no children means nothing left; else everybody is looked at
        while not (self._reap() and self.reaper):
            left = left_of(self.spec["run"], self.directory, mine=True) if clock() >= kill_at or not self.reaper else {}
            if self.side:
                left.pop(self.side.pid, None)
            if not left and not self.reaper:
                return
            if clock() >= kill_at:
                for pid in left:
                    kill(pid, signal.SIGKILL)
                self.left_behind.update(left)
                self.killed = self.killed or bool(self.stopping and left)
                pause = min(0.5, pause * 2)
                self.wakeup.wait([], clock() + pause)
            else:
                self.wakeup.wait([], kill_at if self.reaper else min(kill_at, clock() + 0.05))

    # -- when it has ended

    def _ended(self):
        """(exit code, signal's name) of the code."""
        return self.unstarted or ((None, None) if self.code.status is None else status_of(self.code.status))

    def _usage(self):
        exit_code, name = self._ended()
        wall, peak = (self.ended or clock()) - self.begin, max(self.peak, self.memory_peak)
        usage = {"wall": round(wall, 6), "cpu": round(self.cpu, 6), "peak_memory": peak, "exit_code": exit_code, "signal": name}
        return together(self.journal.used, usage)

    def _verdict(self):
        """(state, reason, cause) by how the code ended."""
        exit_code, name = self._ended()
        count = len(self.left_behind)
        if count and not self.stopping:
            self.warnings.append(u"It left %d process%s running, which %s ended." % (count, "es" * (count > 1), "were" if count > 1 else "was"))
        if self.done and exit_code == 0:
            return "completed", u"", ""
        if self.stopping:
            forced = (u"" if not self.killed else u" It did not end within %g s of being asked to, and was killed." % self.spec["grace"]
                      if not self.greedy else u" It took more memory than its %s while it ended, and was killed." % size_words(self.spec["memory"]))  # fmt: skip
            if self.stopping == "canceled":
                reason, cause = told_to_end(self.directory)
                if cause:
                    return "failed", reason + forced, cause
                return "canceled", u"It was stopped on request." + forced, ""
            if self.stopping == STOPPED:
                return STOPPED, u"", ""
            if self.stopping == "memory":
                return "failed", self._out_of_memory(), "memory"
            limit = u"It was stopped at its time limit of %g s. Give it more time, or less to do." % self.spec["time_limit"]
            return "failed", limit + forced, "time-limit"
        if self.failed:
            return "failed", self.failed, self.causes["failed"]
        where = u"The code" if self.prepared else u"The preparation of the input"
        if name:
            return self._by_signal(where, name)
        if exit_code or not self.prepared or not self.prepared["command"]:
            early = u"" if exit_code else u" before it was done"
            cause, line = hint(self.directory)
            if exit_code == 128 + signal.SIGKILL and self.account.look():
                return "failed", self._out_of_memory(), "memory"
            if exit_code == 128 + signal.SIGKILL:
                early, cause = u", which a shell says of " + self._killed(), cause or "signal"
            said = line or last_words(self.directory)
            return "failed", u"%s ended with exit status %d%s.%s%s" % (
                where, exit_code, early, u" Its last words: " + said if said else u"", guess(cause) if line else u""
            ), cause or "exit"
        return "completed", u"", ""

    def _by_signal(self, where, name):
        """(state, reason, cause) of a code that a signal has ended."""
        if name == "SIGKILL" and self.account.look():
            return "failed", self._out_of_memory(), "memory"
        if name == "SIGKILL":
            return "failed", u"%s was ended by %s." % (where, self._killed()), "signal"
        cause, line = hint(self.directory) if name in ("SIGABRT", "SIGSEGV", "SIGBUS") else ("disk" if name == "SIGXFSZ" else "signal", u"")
        if line:
            return "failed", u"%s was ended by %s. Its last words: %s%s" % (where, text(name), line, guess(cause)), cause
        return "failed", u"%s was ended by %s." % (where, meaning(name)), cause or "signal"

    def _out_of_memory(self):
        """The words of a run that was ended for want of memory, by its job cmd or by the kernel."""
        account, limit, peak = self.account, self.spec["memory"], max(self.peak, self.memory_peak)
        if self.stopping or peak > limit:
            return u"It ran out of memory: limit %s, peak %s. Try a smaller case, or more memory." % (size_words(limit), size_words(peak))
        whose = u"Memory ran out on the machine that it ran on"
        if account.limit:
            most = u" and had %s" % size_words(account.peak) if account.peak else u""
            whose = u"All that runs beside it ran out of memory (together it may have %s%s)" % (size_words(account.limit), most)
        return u"%s, and the kernel ended it; it had %s of its %s itself. Run it again when there is less beside it." % (
            whose, size_words(peak), size_words(limit)
        )

    def _killed(self):
        """SIGKILL, with what is known of it; that it was not for memory, by the kernel's account."""
        if self.account.killed is not None:
            return u"SIGKILL: not by the kernel for want of memory, so by a person, a limit of this machine, or a guard of its memory"
        return meaning("SIGKILL")

    def _read_results(self, state, reason):
        """Have the code's side read the results and make the first report. Returns (state, reason, results)."""
        spec, finishing = self.spec, "finish" in self.has and state != PAUSED
        wanted = spec.get("first_report", "") if spec["kind"] == "quick" and state == "completed" else ""
        if finishing or wanted or ("progress" in self.has and self.started):
            exit_code, name = self._ended()
            asked = {"exit_code": exit_code, "signal": name, "progress": self.known, "started": self.started}
            asked.update(finish=finishing, report=wanted)
            if self.side:
                self.side.order(asked)
                until = clock() + READY_SECONDS
                while self.side.status is None and not self.reading and clock() < until and STOPS[0] == self.seen:
                    self._wait([until])
            if not self.reading:
                self._end_side()
                self.side = Child(self._be_side, self.mine)
                self.side.order(asked)
            self._hear_results(finishing, wanted)
        self._show_progress(last=True)
        failing = finishing and self.finished is not None and self.finished.get("cause") in CAUSES
        if finishing and self.finished is None:
            if state == "completed" and self.unfinished is not None:
                self.cause = self.causes["unfinished"]
                return "failed", self.unfinished, {}
            self.warnings += [self.unfinished] if self.unfinished else []
        elif wanted and not self.report_made and not failing:
            self.warnings.append(u"The report %s could not be made. %s" % (text(wanted), self.report_failed or self.unfinished or u""))
        found = self.finished or {}
        self.cause = found["cause"] if failing else self.cause
        self.warnings += found.get("warnings", [])
        if failing and state == "completed":  # it says by words alone that it has failed
            return "failed", found.get("reason") or u"The code says that it has failed.", found.get("results") or {}
        return state, found.get("reason") or reason, found.get("results") or {}

    def _hear_results(self, finishing, wanted):
        """Wait for the results, within limits. A stop cuts it short, and the code's own end stands."""
        until = clock() + (FINISH_SECONDS if finishing else REPORT_SECONDS)
        asked = False
        while self.side.status is None and clock() < until:
            if STOPS[0] != self.seen and not asked:
                asked = True
                until = min(until, clock() + (self.spec["grace"] if finishing else 0.0))
            self._wait([until])
            if finishing and self.finished is not None:
                finishing = False
                until = clock() + (1.0 if not wanted else 0.0 if asked else REPORT_SECONDS)
        what = u"Reading the results" if finishing else u"It"
        if self.side.status is None and asked and finishing:
            self.warnings.append(u"The stop came while the results were being read; they are not complete.")
        elif self.side.status is None and asked:
            self.report_failed = u"The stop came first."
        elif self.side.status is None and self.unfinished is None:
            self.unfinished = u"%s took longer than %g s and was stopped." % (what, FINISH_SECONDS if finishing else REPORT_SECONDS)
        elif self.side.status and self.unfinished is None:
            code, name = status_of(self.side.status)
            self.unfinished = u"%s %s." % (what, u"was ended by " + meaning(name) if name else u"ended with exit status %d" % code)

    def _end(self, data):
        """Write the final event, or the one that ends this part, trying for some seconds where the disk is full."""
        event, status = FINAL, 0
        if data in (PAUSED, STOPPED):
            event, status = data, ENDED_BY_CLUSTER if data == STOPPED else 0
            data = dict({"reason": "time-limit"} if event == PAUSED else {}, usage=self._usage())
        full = event == FINAL and disk_full(self.directory)
        if full and data["state"] == "failed" and u"disk is full" not in data["reason"]:
            data["reason"] += u" The disk is full: free some space, then run it again."
            data["cause"] = "disk"
        elif full:
            data["warnings"].append(u"The disk was full when it ended: its files may not be complete.")
        for pause in (0.0, 0.05, 0.2, 1.0, 2.0):
            time.sleep(pause)
            try:
                self.journal.append(event, data, durable=self.cluster or clock() - self.begin > SHORT)
            except OSError as error:
                complain(u"the final event could not be written: " + words(error))
                if event == FINAL:
                    data = dict(data, results={}, warnings=data["warnings"][:5])
                continue
            ring(self.spec)
            return status
        return NOT_WRITTEN


def environment(spec):
    """What a run adds to the environment that its job cmd was started with."""
    threads = str(max(1, spec["cores"] // (spec.get("tasks") or 1)))
    added = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "JULIA_NUM_THREADS"), threads)
    added.update(SIMYARD_RUN=str(spec["run"]), SIMYARD_CORES=str(spec["cores"]))
    if spec.get("must_stop"):
        added["SIMYARD_MUST_STOP"] = native(spec["must_stop"])
    added.update((name, value) for name, value in (("PYTHONUNBUFFERED", "1"), ("PYTHONIOENCODING", "utf-8")) if name not in os.environ)
    return added


def restarts():
    """How often its cluster has begun this job anew."""
    count = os.environ.get("SLURM_RESTART_COUNT", "")
    return int(count) if count.isdigit() else 0


def last_lines(directory):
    """The last lines of a run's log that say anything."""
    try:
        lines = text(read_file(os.path.join(directory, LOG), 4096), 5000).split(u"\n")
    except EnvironmentError:
        return []
    return [text(line.strip(), 300) for line in lines if line.strip()]


def last_words(directory):
    """The last line of a run's log that says anything."""
    said = last_lines(directory)
    return said[-1] if said else u""


def guess(cause):
    """The words of a cause that only the last words of the log speak for."""
    return {
        "memory": u" – by these words, memory ran out: try a smaller case, or more memory.",
        "disk": u" – by these words, the disk is full, or your share of it: free some space, then run it again.",
    }[cause]


def boot():
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except EnvironmentError:
        return ""


def arguments(what):
    """The command line that prepare() returned, armored."""
    if not isinstance(what, (list, tuple)) or not what or not all(isinstance(item, (Text, Bytes)) for item in what):
        raise TypeError("prepare() must return a command line (a list of str) or a callable, not %s" % text(repr(what), 200))
    return [armor(octets(item)) for item in what]


def finished(found):
    """What finish() returned, checked and bounded."""
    if found is None:
        found = {}
    if not isinstance(found, dict) or set(found) - {"reason", "cause", "results", "warnings"}:
        raise TypeError("finish() must return None or a dict with reason, cause, results and warnings, not %s" % text(repr(found), 200))
    if found.get("cause", "") not in ("",) + CAUSES:
        raise TypeError("the cause that finish() returns must be one of %s" % ", ".join(CAUSES))
    results = found.get("results") or {}
    if not isinstance(results, dict):
        raise TypeError("the results that finish() returns must be a dict")
    data = final_data("", found.get("reason") or u"", results=plain(results, arrays=False), warnings=found.get("warnings") or ())
    return dict([(name, data[name]) for name in ("reason", "results", "warnings")], cause=text(found.get("cause", "")))


def conclude(directory, state, reason, usage=None, cause=""):
    """Write the final event of a run whose job cmd is dead, after killing what is left of it.

    Returns the final event that stands (`{"n", "at", "event", "data"}`; an earlier one if there is one), or None if the
    job cmd lives; of a run on a cluster it is believed that it does not. Raises OSError if the disk does not take it, RuntimeError
    if something could not be killed: try again.
    It may take some time: never call it from an event loop, nor twice at once for one run in one process.
    """
    directory = native(directory)
    run = os.path.basename(os.path.abspath(directory))
    try:
        spec = read_spec(directory)
    except (EnvironmentError, ValueError, KeyError, TypeError):
        spec = {}  # it is looked at now and then without being rung for
    try:
        journal = Journal(directory, bool(spec.get("cluster")), gone=True)
    except Held:
        return None
    except EnvironmentError:
        end_left(run, directory)  # what cannot be told must not go on for that
        raise
    try:
        if not journal.final:
            end_left(run, directory)
            journal.read()  # it may have written until then
        if journal.final:
            return journal.final
        if usage is None and journal.started:
            usage = {"wall": max(0.0, round(time.time() - journal.started.get("at", time.time()), 6))}
        # what its last part has told itself is better than what others know of it
        usage = journal.used if journal.over else together(journal.used, usage or {})
        final = journal.append(FINAL, final_data(state, reason, usage, cause=cause), durable=True)
        ring(spec)
        return final
    finally:
        journal.close()


# ── serve ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Request(object):
    """One thing that serve was asked for and that is under way: a run (`child` None), or the making of a report or an input."""

    def __init__(self, number, what="run", child=None, directory="", deadline=None, seconds=0.0):
        self.number, self.what, self.child, self.directory = number, what, child, directory
        self.deadline, self.seconds = deadline, seconds
        self.cut = None
        self.answer = None


class Server(object):
    """Keeps a code's imports warm, and answers requests, each by a fork: `run`, `report`, `input`, `drop`."""

    def __init__(self, code_dir):
        self.code_dir = code_dir
        self.under_way = {}  # pid: Request
        self.input, self.output = b"", b""
        self.skipping = self.ended = False
        self.spare = None

    def serve(self):
        """Serve until the end of the input, or SIGTERM. Returns the exit status."""
        # what the code prints goes to stderr, never between the answers
        self.door = nonblocking(close_on_exec(os.dup(1)))
        os.dup2(2, 1)
        # nor is its input the questions: code that is loaded must find what it finds in a run (MAD-X, for one, takes itself for
        # interactive where its input is a pipe, echoes no statement then and goes on after fatal errors)
        self.questions = close_on_exec(os.dup(0))
        null_input()
        self.mark = Mark()
        try:
            self.module = load_code(self.code_dir)
        except BaseException as error:  # the wall: an import may do anything
            trace()
            self.say({"ready": False, "error": u"The code could not be loaded. " + words(error)})
            self.flush(5.0)
            return 1
        if "warnings" in sys.modules:
            # 3.12 and later warn of forks beside threads, which numpy has; no thread is needed on the other side
            sys.modules["warnings"].filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        sys.stdout.flush()
        seal()
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()  # novm: asked for above
        self.wakeup = Wakeup()
        self.spare_at = clock() if getattr(self.module, "FORK", True) else None
        self.say({"ready": True, "pid": os.getpid(), "python": "%d.%d.%d" % sys.version_info[:3]})
        while not self.ended and not STOPS[0]:
            self.flush(0.0)
            self.step()
        for pid, request in self.under_way.items():
            if request.child:
                kill(pid, signal.SIGKILL, group=True)
                remove(beside_path(request.directory, pid))
        self.flush(1.0)
        return 0

    def say(self, answer):
        self.output += json.dumps(answer, separators=(",", ":")).encode("ascii") + b"\n"

    def flush(self, patience):
        """Write what can be written now; with `patience`, wait that many seconds for a slow reader."""
        until = clock() + patience
        while self.output:
            try:
                self.output = self.output[os.write(self.door, self.output) :]
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    self.ended, self.output = True, b""
                elif clock() < until:
                    time.sleep(0.01)
                else:
                    return

    def step(self):
        """Wait for something to happen, and see to it."""
        reports = [request for request in self.under_way.values() if request.child]
        if self.spare is None and self.spare_at is not None and clock() >= self.spare_at:
            self.spare = self.fork_ahead()
        deadlines = [self.spare_at] if self.spare is None and self.spare_at is not None else []
        deadlines += [request.deadline for request in reports if request.deadline is not None and not request.cut]
        # nobody who does not read its answers may ask more
        fds = [self.questions] if len(self.output) < MAX_REQUEST else []
        writing = [self.door] if self.output else []
        ready = self.wakeup.wait(
            fds + [fd for request in reports for fd in request.child.fds], min(deadlines) if deadlines else None, writing
        )
        for request in reports:
            self.hear(request)
        self.reap()
        now = clock()
        for pid, request in self.under_way.items():
            if request.deadline is not None and now >= request.deadline:
                self.cut(pid, request, "timeout", u"It took longer than %g s and was stopped." % request.seconds)
        if self.questions in ready:
            self.read()

    def read(self):
        data = os.read(self.questions, 1 << 16)
        self.ended = not data
        lines = (self.input + data).split(b"\n")
        self.input = lines.pop()
        for line in lines:
            if not self.skipping and line.strip():
                self.answer(line)
            self.skipping = False
        if len(self.input) > MAX_REQUEST:
            if not self.skipping:
                self.say({"id": None, "error": "A request may have %d bytes." % MAX_REQUEST})
            self.skipping, self.input = True, b""

    def answer(self, line):
        number = None
        try:
            asked = json.loads(line.decode("utf-8"))
            number = asked.get("id")
            verb = {"run": self.run, "report": self.report, "input": self.input_of, "drop": self.drop}.get(asked.get("do"))
            if verb is None:
                raise ValueError("nothing is called %r here" % text(asked.get("do"), 60))
            verb(number, asked)
        except Exception as error:  # the wall of one request
            self.say({"id": number if isinstance(number, (int, Text)) else None, "error": u"The request was not understood. " + words(error)})

    def run(self, number, asked):
        """Start a run: `{"dir"}`, in a job cmd that was forked ahead if there is one.

        A code that says `FORK = False`, because its imports do not bear a fork, gets a new process.
        """
        directory = os.path.abspath(native(asked["dir"]))
        pid, orders = self.spare or self.fork_ahead(directory)
        self.spare = None
        self.spare_at = clock() + SPARE_SECONDS
        if orders is not None:
            try:
                write_all(orders, octets(directory) + b"\0")
            finally:
                os.close(orders)
        self.under_way[pid] = Request(number)
        self.say({"id": number, "pid": pid})

    def fork_ahead(self, directory=None):
        """Fork a job cmd that waits for a directory. Returns its pid, and the pipe to tell it through."""
        fork = getattr(self.module, "FORK", True)
        ours, orders = os.pipe() if fork else (None, None)
        for fd in (ours, orders) if fork else ():
            close_on_exec(fd)
        parent = os.getpid()
        pid = os.fork()
        if pid:
            close_quietly(*[ours] if fork else [])
            return pid, orders
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            close_quietly(*self.pipes() + ([orders] if fork else []))
            if fork:
                prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, while it waits
                if os.getppid() == parent:
                    code = Job(self.module, self.mark).wait_and_run(ours)
            else:
                os.setsid()
                os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), "run", directory])
        except BaseException:  # the wall of this process
            trace()
        finally:
            os._exit(code)

    def report(self, number, asked):
        """Make a report: `{"dir", "report", "frame", "seconds", "memory"}`."""
        name, frame = text(asked["report"]), int(asked.get("frame", -1))
        self.make("report", number, asked, lambda directory, run: write_report(self.module, run, name, frame))

    def input_of(self, number, asked):
        """Show the input that a run would get: `{"dir", "seconds", "memory"}`, in a directory that is no run's."""

        def make(directory, run):
            to_log(directory)
            os.environ.update(environment(read_spec(directory)))
            lower(resource.RLIMIT_FSIZE, MAX_INPUT_FILE)
            return write_input(self.module, run)

        self.make("input", number, asked, make)

    def make(self, what, number, asked, write):
        """Have a fork make something in a directory, with limits: `write(directory, run)` returns (path there, size)."""
        directory = os.path.abspath(native(asked["dir"]))
        seconds, memory = float(asked["seconds"]), int(asked["memory"])

        def work(tell, orders):
            null_input()
            log_streams()
            set_oom_score(900)
            try:
                run = Run(directory, read_spec(directory))
                os.chdir(run.dir)
                limit_memory(memory)
                path, size = write(directory, run)
                tell({"ok": True, "path": path, "size": size})
            except BaseException as error:
                if not isinstance(error, MemoryError):
                    trace()
                code = what + ("-memory" if isinstance(error, MemoryError) else "-failed")
                tell({"ok": False, "code": code, "error": words(error)})
            sys.stdout.flush()
            return 0

        child = Child(work, self.pipes())
        self.under_way[child.pid] = Request(number, what, child, directory, clock() + seconds, seconds)

    def drop(self, number, asked):
        """Stop making a report or an input: `{"which"}`."""
        for pid, request in self.under_way.items():
            if request.child and request.number == asked["which"]:
                self.cut(pid, request, "dropped", u"It was not wanted any more.")

    def pipes(self):
        """Descriptors that no fork of this process is to have."""
        fds = [self.questions, self.door, self.wakeup.fd, self.wakeup.writer]
        fds += [fd for request in self.under_way.values() if request.child for fd in request.child.fds]
        return fds + [self.spare[1]] if self.spare else fds

    def cut(self, pid, request, how, why):
        if request.child and not request.cut:
            request.cut = {"ok": False, "code": "%s-%s" % (request.what, how), "error": why}
            kill(pid, signal.SIGKILL, group=True)

    def hear(self, request):
        for message in request.child.lines():
            if "ok" in message:
                request.answer = message

    def reap(self):
        """Answer for whatever has ended."""
        for pid in list(self.under_way) + ([self.spare[0]] if self.spare else []):
            try:
                met, status = os.waitpid(pid, os.WNOHANG)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                met, status = pid, 1 << 8  # the code's imports wait for all children themselves
            if not met:
                continue
            request = self.under_way.pop(pid, None)
            if request is None:
                os.close(self.spare[1])
                self.spare, self.spare_at = None, clock() + 1.0
                continue
            exit_code, name = status_of(status)
            if request.child is None:
                self.say({"id": request.number, "exit_code": exit_code, "signal": name})
                continue
            kill(pid, signal.SIGKILL, group=True)  # what it left in its group
            self.hear(request)
            request.child.close()
            answer = request.answer or request.cut
            if answer is None and name == "SIGKILL":
                answer = {"ok": False, "code": request.what + "-memory", "error": u"Making it was ended by %s." % meaning(name)}
            elif answer is None:
                why = u"was ended by %s" % name if name else u"ended with exit status %d" % exit_code
                answer = {"ok": False, "code": request.what + "-failed", "error": u"Making it %s." % why}
            if not answer.get("ok"):
                remove(beside_path(request.directory, pid))
            self.say(dict(answer, id=request.number))


# ── the door ────────────────────────────────────────────────────────────────────────────────────────────────────────


def main(argv):
    """The command line. Returns the exit status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what a code that crashes leaves is for nobody here, and may be large
    if len(argv) == 2 and argv[0] == "run":
        return Job().run(os.path.abspath(argv[1]))
    if len(argv) == 2 and argv[0] == "serve":
        return Server(argv[1]).serve()
    if len(argv) == 4 and argv[0] == "conclude" and argv[2] in STATES:
        final = conclude(argv[1], argv[2], argv[3])
        if final is None:
            complain(u"the job cmd of %s lives" % text(argv[1]))
            return REFUSED
        print(json.dumps(final))
        return 0
    complain(u"usage: runner.py run DIR | serve CODE_DIR | conclude DIR %s REASON" % "|".join(STATES))
    return 2


if __name__ == "__main__":
    sys.path.pop(0)  # this script's folder: nothing of it is a code's business
    STATUS = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(STATUS)  # what the code imported has nothing to say at the end
