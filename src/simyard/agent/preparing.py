"""Making a run directory: whole or not at all, from a spec that is not trusted with paths. Blocking: for a thread."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from typing import Any, Dict, Sequence

from simyard.agent.place import Marker, Place, write
from simyard.agent.slurm.attempts import SCRIPT
from simyard.errors import ProtocolError, SimyardError, is_out_of_space
from simyard.protocol import rundir
from simyard.protocol.jobs import RunSpec
from simyard.protocol.wire import message, to_plain

_PIECE = 1 << 20
_MAX_NAME, _MAX_PART = 1024, 255


#: The cause of a run that could not be prepared, by the code of its CannotPrepare; of every other it is "start".
CAUSES = {"missing-file": "input", "damaged-file": "input", "bad-spec": "input", "disk-full": "disk"}


class CannotPrepare(SimyardError):
    """The run directory could not be made, and nothing of it is left. `detail` is for the user."""


def marker_of(spec: RunSpec, epoch: int) -> Marker:
    return Marker(
        run=spec.run, epoch=epoch, code=spec.code, code_dir=spec.code_dir, python=spec.python, kind=spec.kind, grace=spec.grace,
        archive=spec.archive, setup=spec.site.setup if spec.site is not None else (),
    )  # fmt: skip


@message
class Ending:
    """Why an agent ends a run: `reason` for the user, `cause` one of protocol.jobs.CAUSES."""

    reason: str
    cause: str


def leave_word(directory: str, ending: Ending) -> None:
    """Have it in the run directory why the run is about to be ended; its job cmd reads it there. Raises OSError."""
    path = os.path.join(directory, rundir.STOP)
    try:
        os.unlink(path + ".new")
    except FileNotFoundError:
        pass
    # a code can write here: no link of its own is followed
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump(to_plain(ending), file)
    os.rename(path + ".new", path)


class Stale(SimyardError):
    """The directory belongs to a newer epoch than the one that is spoken of."""


def prepare(place: Place, spec: RunSpec, epoch: int, cpus: Sequence[int] = (), script: str = "") -> bool:
    """Make the marker, then the run directory with its input files. Raises CannotPrepare or Stale.

    A successful return guarantees that the directory is complete; there is never a part of one under the run's id. One that
    is there already is kept as it is: a run has one directory, which says by itself how far the run has come. Answers
    whether it was made now. `cpus`: the cores that the run is held to, none for all; `script` is what a cluster is to be given.
    """
    try:
        directory = place.run_dir(spec.run)
        if os.path.isdir(directory):
            keep(place, marker_of(spec, epoch))
            return False
        making = os.path.join(place.runs, f".{spec.run}.making")
        place.write_marker(marker_of(spec, epoch))
        shutil.rmtree(making, ignore_errors=True)
        try:
            _fill(place, spec, epoch, making, cpus)
            if script:
                write(os.path.join(making, SCRIPT), script.encode())
            os.rename(making, directory)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            place.remove_marker(spec.run)
            raise
        return True
    except ProtocolError as error:
        raise CannotPrepare("bad-spec", error.detail) from None
    except OSError as error:
        raise CannotPrepare("disk-full" if is_out_of_space(error) else "cannot-prepare", why(error)) from None


def prepare_scratch(place: Place, spec: RunSpec, folder: str) -> None:
    """Make `folder` (below place.scratch) like a run directory, for a spec of which no run is made. Raises CannotPrepare."""
    try:
        os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
        _fill(place, spec, 0, folder)
    except ProtocolError as error:
        raise CannotPrepare("bad-spec", error.detail) from None
    except OSError as error:
        raise CannotPrepare("disk-full" if is_out_of_space(error) else "cannot-prepare", why(error)) from None


def keep(place: Place, marker: Marker) -> Marker:
    """Have a directory and a marker for a run that is spoken of and not known; answers the marker that stands. A run that
    never got here gets an empty directory: a place for its final event. Raises Stale, ProtocolError or OSError."""
    old = place.marker_of(marker.run)
    if old is not None and old.epoch > marker.epoch:
        raise Stale("stale", f"Run {marker.run} is at epoch {old.epoch} here, not {marker.epoch}.")
    if old is None:
        os.mkdir(place.run_dir(marker.run), 0o700)
    elif not marker.code_dir:
        marker = place.marker_of(marker.run, marker.epoch) or marker
    place.write_marker(marker)
    return marker


def confined(name: str) -> str:
    """`name`, if it stays below the folder that it is relative to; raises ProtocolError otherwise."""
    parts = name.split("/")
    sound = (
        len(name) <= _MAX_NAME
        and all(part not in {"", ".", ".."} and _length(part) <= _MAX_PART for part in parts)
        and all(ord(letter) >= 32 and ord(letter) != 127 for letter in name)
    )
    if not sound:
        raise ProtocolError(
            "bad-path", f"{name[:100]!r} cannot be the name of a file in a run: it must be a plain relative path."
        )
    return name


def _length(part: str) -> int:
    try:
        return len(part.encode("utf-8"))
    except UnicodeEncodeError:
        return _MAX_PART + 1


def why(error: OSError) -> str:
    """The words for a user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk that holds the runs is full. Delete what is not needed there, then run it again."
    return f"Its run directory could not be made: {error.strerror or error}."


def full(root: str) -> str:
    """The words for a user whose run's files do not fit on a cluster."""
    return (
        f"The disk that holds {root} is full, or your quota there is used up. Delete what is not needed there (old runs, too), then run "
        "it again."
    )


def _fill(place: Place, spec: RunSpec, epoch: int, making: str, cpus: Sequence[int] = ()) -> None:
    work = os.path.join(making, rundir.WORK)
    os.mkdir(making, 0o700)
    os.mkdir(work, 0o700)
    for name, sha in sorted(spec.files.items()):
        path = os.path.join(work, confined(name))
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _copy(place.blob(sha), path, name, sha)
    with open(os.path.join(making, rundir.RUN), "w", encoding="utf-8") as file:
        json.dump({**_run_json(place, spec, epoch), "cpus": list(cpus)}, file)


def _copy(source: str, path: str, name: str, sha: str) -> None:
    """The code gets a copy of its own, and only what the name of the content promises."""
    digest = hashlib.sha256()
    try:
        # not opened with O_NOFOLLOW: a site may link its files from elsewhere, and the digest is what counts
        reader = open(source, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        raise CannotPrepare(
            "missing-file", f"The content of {name} is no longer stored. Upload it again, then run it again.", {"sha": sha}
        ) from None
    with reader, open(path, "xb") as writer:
        while True:
            piece = reader.read(_PIECE)
            if not piece:
                break
            digest.update(piece)
            writer.write(piece)
    if digest.hexdigest() != sha:
        detail = f"The stored content of {name} is damaged. Upload it again, then run it again."
        raise CannotPrepare("damaged-file", detail, {"sha": sha})


def _run_json(place: Place, spec: RunSpec, epoch: int) -> Dict[str, Any]:
    return {
        "run": spec.run,
        "epoch": epoch,
        "code": spec.code,
        "code_version": spec.code_version,
        "code_dir": spec.code_dir,
        "python": spec.python,
        "model": spec.model,
        "kind": spec.kind.value,
        "inputs": spec.inputs,
        "files": spec.files,
        "cores": spec.resources.cores,
        "memory": spec.resources.memory,
        "disk": spec.disk,
        "time_limit": spec.time_limit,
        "grace": spec.grace,
        "first_report": spec.first_report,
        "bell": place.bell,
        "checkpoints": spec.checkpoints,
        **_parallel(spec),
        **({"cluster": True, "archive": spec.archive, "setup": list(spec.site.setup)} if spec.site is not None else {}),
    }


def _parallel(spec: RunSpec) -> Dict[str, Any]:
    """How many tasks there are, and the words that start a code on all of them."""
    batch, tasks = spec.resources.batch, spec.resources.cores if spec.parallel else 1
    if batch is not None:
        tasks = batch.tasks
    launcher: Sequence[str] = ()
    if spec.parallel and spec.site is not None:
        launcher = spec.site.launcher
    elif spec.parallel and shutil.which("mpirun"):
        launcher = ("mpirun", "-n", str(tasks))
    return {"launcher": list(launcher), "tasks": tasks}
