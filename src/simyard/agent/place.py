"""Where an agent's things are: the user's folder on the target, and in it the markers of the runs that are not settled."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
from typing import Dict, List, Optional

from simyard.errors import ProtocolError
from simyard.protocol import ids, rundir, wire
from simyard.protocol.jobs import Kind
from simyard.protocol.wire import message

log = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_SHA = re.compile(r"[0-9a-f]{64}\Z")


@message
class Marker:
    """What is kept of a run from before its directory exists until the supervisor has all of it."""

    run: str
    epoch: int
    code: str = ""
    code_dir: str = ""
    python: str = ""
    kind: Kind = Kind.LONG
    grace: float = 5.0


class Place:
    """The folders of one agent. Names that come from elsewhere become paths here, and nowhere else."""

    def __init__(self, root: str, target: str) -> None:
        if not _NAME.match(target):
            raise ProtocolError("malformed", "The target's name cannot be the name of a folder.")
        self.root = os.path.abspath(root)
        self.runs = os.path.join(self.root, "runs")
        self.files = os.path.join(self.root, "files")
        self.home = os.path.join(self.root, "agents", target)
        self.active = os.path.join(self.home, "active")
        self.lock = os.path.join(self.home, "lock")
        self.bell = os.path.join(self.home, "bell")

    def make(self) -> None:
        """Have the folders and the bell there, for this user only."""
        for folder in (self.runs, self.files, self.active):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        try:
            if stat.S_ISFIFO(os.lstat(self.bell).st_mode):
                return
            os.unlink(self.bell)
        except FileNotFoundError:
            pass
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

    # ── markers: a file for each run, so that a restart need not look at the runs that are settled ──────────────────

    def write_marker(self, marker: Marker) -> None:
        path = os.path.join(self.active, marker.run)
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump(wire.to_plain(marker), file)
        os.rename(path + ".new", path)

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

    def marker_of(self, run: str, epoch: int = 0) -> Optional[Marker]:
        """What run.json says of a run whose marker is gone; None where there is no run directory."""
        directory = self.run_dir(run)
        if not os.path.isdir(directory):
            return None
        plain = _read_json(os.path.join(directory, rundir.RUN))
        known = {key: plain[key] for key in ("epoch", "code", "code_dir", "python", "kind", "grace") if key in plain}
        try:
            marker = wire.from_plain(Marker, {"epoch": 0, **known, "run": run})
        except ProtocolError:
            marker = Marker(run=run, epoch=0)
        return marker if marker.epoch >= epoch else Marker(**{**wire.to_plain(marker), "kind": marker.kind, "epoch": epoch})


def _read_marker(path: str, run: str) -> Optional[Marker]:
    try:
        marker = wire.from_plain(Marker, _read_json(path))
    except ProtocolError as error:
        log.warning("The marker of run %s is damaged: %s", run, error)
        return None
    return marker if marker.run == run else None


def _read_json(path: str) -> Dict[str, object]:
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
