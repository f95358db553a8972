"""What an agent on a cluster removes by rule: directories of runs that were over long ago, and contents and codes that nothing has used
for long. Blocking."""

from __future__ import annotations

import glob
import logging
import os
import re
import shutil
import time
from typing import Iterator, List, Set

from simyard.agent.place import Place, read_json
from simyard.protocol import ids, rundir

log = logging.getLogger(__name__)
#: What was not used for so long goes (seconds). It is fetched again where it is wanted again.
UNUSED = 14 * 86400.0
#: Where the disk is full, what was not used for so long.
UNUSED_WHEN_FULL = 3600.0
#: What is not needed any more is looked for this often (seconds), or more often where it is kept for a short time only.
OFTEN = 3600.0
_BLOB = re.compile(r"[0-9a-f]{64}\Z")


def pause(keep: float) -> float:
    """Until the next look (seconds)."""
    return max(1.0, min(OFTEN, keep / 10)) if keep > 0 else OFTEN


def touch(path: str) -> None:
    """It is in use: it stays. Raises FileNotFoundError where it is not there."""
    try:
        os.utime(path)
    except FileNotFoundError:
        raise
    except OSError:
        pass  # a full quota must not keep what is there from being used


def unused(place: Place, seconds: float) -> int:
    """Remove contents, parts of them, and codes that nothing has used for so long; how many. The code of a run that is not settled
    is in use, however long that waits or runs."""
    before, removed, held = time.time() - seconds, 0, _held(place)
    for path in _contents(place):
        removed += _is_older(path, before) and _unlink(path)
    for path in _entries(place.codes):
        # what is being made, too: by an agent that has died meanwhile
        if path not in held and _is_older(path, before):
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    if removed:
        log.info("Removed %d contents and codes that nothing has used lately; they come again where they are wanted.", removed)
    return removed


def over(place: Place, keep: float) -> List[str]:
    """The runs that were over so many seconds ago, and whose directories are still here. One that is not settled, whichever target's it
    is, is never among them."""
    if keep <= 0:
        return []
    before = time.time() - keep
    # the directories first: one that is made in this moment has its marker already
    found = [os.path.basename(path) for path in _entries(place.runs) if ids.is_ulid(os.path.basename(path))]
    active = {os.path.basename(path) for path in _markers(place)}
    return [run for run in found if run not in active and _was_over(place.run_dir(run), before)]


def _markers(place: Place) -> List[str]:
    """Of the runs that are not settled, whichever target's."""
    return glob.glob(os.path.join(glob.escape(place.root), "agents", "*", "active", "*"))


def _held(place: Place) -> Set[str]:
    """The folders of their codes."""
    return {str(read_json(path).get("code_dir")) for path in _markers(place)}


def gone_words(keep: float) -> str:
    """What is said to whoever asks for a run whose directory is not there."""
    if keep <= 0:
        return "The run's directory is not there."
    days = keep / 86400
    kept = f"{days:g} day{'' if days == 1 else 's'}" if days >= 1 else f"{keep:g} seconds"
    return f"The run's directory is not on the cluster any more: it is kept there for {kept} after a run's end. Run it again to have it."


def _was_over(directory: str, before: float) -> bool:
    """Whether nothing has happened to it since: its settling is not told by its files, but comes soon after the last of them."""
    times = [_time(os.path.join(directory, name)) for name in ("", rundir.EVENTS, rundir.RUN)]
    return max(times) < before


def _contents(place: Place) -> Iterator[str]:
    for path in _entries(place.files):
        if path.endswith(".part"):
            yield path
        elif len(os.path.basename(path)) == 2:
            yield from (blob for blob in _entries(path) if _BLOB.match(os.path.basename(blob)))


def _entries(folder: str) -> List[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []


def _is_older(path: str, before: float) -> bool:
    when = _time(path)
    return 0.0 < when < before


def _time(path: str) -> float:
    """When it was changed last; 0 for what is not there."""
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
