"""Where an agent's things are: the user's folder on the target, and in it the markers of the runs that are not settled."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
import stat
import sys
from typing import Callable, Dict, List, Optional, Tuple

from simyard.errors import ProtocolError
from simyard.protocol import ids, rundir, wire
from simyard.protocol.jobs import Kind
from simyard.protocol.wire import message

log = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_SHA = re.compile(r"[0-9a-f]{64}\Z")
_CODE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}\Z")
#: What a marker can be made again from.
_OF_RUN_JSON = ("epoch", "code", "code_dir", "python", "kind", "grace", "archive", "setup")


@message
class Marker:
    """What is kept of a run from before its directory exists until the supervisor has all of it. `archive` is what its code's folder is
    made from where that is not there, and `setup` are the site's shell lines before its interpreter."""

    run: str
    epoch: int
    code: str = ""
    code_dir: str = ""
    python: str = ""
    kind: Kind = Kind.LONG
    grace: float = 5.0
    archive: str = ""
    setup: Tuple[str, ...] = ()


class Place:
    """The folders of one agent. Names that come from elsewhere become paths here, and nowhere else."""

    def __init__(self, root: str, target: str) -> None:
        if not _NAME.match(target):
            raise ProtocolError("malformed", "The target's name cannot be the name of a folder.")
        self.root = os.path.abspath(root)
        self.runs = os.path.join(self.root, "runs")
        self.files = os.path.join(self.root, "files")
        self.codes = os.path.join(self.root, "codes")
        self.target = target
        self.home = os.path.join(self.root, "agents", target)
        self.active = os.path.join(self.home, "active")
        self.lock = os.path.join(self.home, "lock")
        self.bell = os.path.join(self.home, "bell")
        self.scratch = os.path.join(self.home, "scratch")

    def make(self) -> None:
        """Have the folders and the bell there, for this user only."""
        for folder in (self.runs, self.files, os.path.dirname(self.home), self.home, self.active):
            # a link may be the site's own: runs on another disk
            _put_aside(folder, lambda mode: stat.S_ISDIR(mode) or stat.S_ISLNK(mode))
            os.makedirs(folder, mode=0o700, exist_ok=True)
        _put_aside(self.lock, stat.S_ISREG)
        if _put_aside(self.bell, stat.S_ISFIFO):
            os.mkfifo(self.bell, 0o600)

    def run_dir(self, run: str) -> str:
        """The directory of a run; raises ProtocolError for what is no run's id."""
        if not ids.is_ulid(run):
            raise ProtocolError("malformed", "That is not the id of a run.")
        return os.path.join(self.runs, run)

    def blob(self, sha: str) -> str:
        """The stored content with this SHA-256; raises ProtocolError for what is none."""
        if not _SHA.match(sha):
            raise ProtocolError("malformed", "That is not the SHA-256 of a file.")
        return os.path.join(self.files, sha[:2], sha)

    def part(self, sha: str) -> str:
        """What has come so far of that content; each target's agent has one of its own. Raises as `blob`."""
        return os.path.join(self.files, f"{os.path.basename(self.blob(sha))}.{self.target}.part")

    def code_dir(self, name: str) -> str:
        """The folder of a code: an absolute path is itself, `codes/NAME-VERSION` lies in the user's folder. Raises ProtocolError."""
        if os.path.isabs(name):
            return name
        top, _, rest = name.partition("/")
        if top != "codes" or not _CODE.match(rest):
            raise ProtocolError("malformed", "That cannot be the folder of a code.")
        return os.path.join(self.codes, rest)

    def python(self, name: str) -> str:
        """An interpreter: "" is the agent's own, a bare word is found by PATH, a relative path lies in the user's folder."""
        if not name:
            return sys.executable
        # an absolute path stays itself
        return os.path.join(self.root, os.path.expanduser(name)) if "/" in name else name

    # ── markers: a file for each run, so that a restart need not look at the runs that are settled ──────────────────

    def write_marker(self, marker: Marker) -> None:
        path = os.path.join(self.active, marker.run)
        write(path, json.dumps(wire.to_plain(marker)).encode("ascii"))

    def remove_marker(self, run: str) -> None:
        try:
            os.unlink(os.path.join(self.active, run))
        except FileNotFoundError:
            pass

    def markers(self) -> List[Marker]:
        """Those of all runs that have a directory. One without: the agent died while it made it, nothing was started,
        and the supervisor will say so again; the marker goes."""
        found = []
        for name in sorted(os.listdir(self.active)):
            if not ids.is_ulid(name):
                continue
            if not os.path.isdir(self.run_dir(name)):
                self.remove_marker(name)
                continue
            marker = _read_marker(os.path.join(self.active, name), name) or self.marker_of(name)
            found.append(marker or Marker(run=name, epoch=0))
        return found

    def cores_of(self, run: str) -> object:
        """The cores that run.json says a run is held to: a hint, for the code may have changed it. None where it says nothing."""
        return read_json(os.path.join(self.run_dir(run), rundir.RUN)).get("cpus")

    def marker_of(self, run: str, epoch: int = 0) -> Optional[Marker]:
        """What run.json says of a run whose marker is gone; None where there is no run directory."""
        directory = self.run_dir(run)
        if not os.path.isdir(directory):
            return None
        plain = read_json(os.path.join(directory, rundir.RUN))
        known = {key: plain[key] for key in _OF_RUN_JSON if key in plain}
        try:
            marker = wire.from_plain(Marker, {"epoch": 0, **known, "run": run})
        except ProtocolError:
            marker = Marker(run=run, epoch=0)
        return marker if marker.epoch >= epoch else dataclasses.replace(marker, epoch=epoch)


def write(path: str, data: bytes) -> None:
    """Have these bytes in the file at `path`, whole or not at all, whatever a code may have put beside it. Raises OSError."""
    beside = path + ".new"
    try:
        os.unlink(beside)
    except FileNotFoundError:
        pass
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
    os.rename(beside, path)


def _put_aside(path: str, is_right: Callable[[int], bool]) -> bool:
    """Whether there is nothing at `path`. What is not as it should be, which is a code's doing, is renamed: the agent must be able to
    start, whatever its codes have done."""
    try:
        if is_right(os.lstat(path).st_mode):
            return False
    except FileNotFoundError:
        return True
    os.rename(path, f"{path}.odd-{os.urandom(4).hex()}")
    return True


def _read_marker(path: str, run: str) -> Optional[Marker]:
    try:
        marker = wire.from_plain(Marker, read_json(path))
    except ProtocolError as error:
        log.warning("The marker of run %s is damaged: %s", run, error)
        return None
    return marker if marker.run == run else None


def read_json(path: str) -> Dict[str, object]:
    """The object in a small JSON file; {} for everything that is not one. A code may have put anything in its place: no
    link is followed, and no FIFO waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return {}
            with open(descriptor, "rb", closefd=False) as file:
                plain = json.loads(file.read(8 << 20))
        finally:
            os.close(descriptor)
    except (OSError, ValueError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}
