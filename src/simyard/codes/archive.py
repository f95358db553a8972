"""A code's folder as one file that is named by its content: what a cluster gets of it, where nothing is installed."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from simyard.codes import code_toml, environment
from simyard.codes.declaration import CodeError, Declaration

#: A code's folder is not for data: what is larger than this in all does not belong into one (bytes).
MAX_SIZE = 64 << 20
_SHA = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Packed:
    """`code_dir` is where the folder comes to lie, relative to an agent's root; `archive` the SHA-256 of what it is made from; `environment`
    what its environment there is called."""

    code_dir: str
    archive: str
    environment: str = ""


_Print = tuple[tuple[str, int, int, int], ...]
#: What was packed in this process, by the code's folder and that of the archives: a run need not pack again what has not changed.
_packed: dict[tuple[Path, Path], tuple[_Print, Packed]] = {}


def pack(declaration: Declaration, archives: Path) -> Packed:
    """Have the archive of the code as it is now in the folder `archives`, named by its SHA-256. The same files make the same bytes.
    Raises CodeError where the folder cannot be read, is too large, or cannot be packed."""
    folder = declaration.folder
    try:
        files = code_toml.content(folder)
        print_ = tuple((name, *_look(path)) for name, path in files)
        known = _packed.get((folder, archives))
        if known is not None and known[0] == print_ and path_of(archives, known[1].archive).is_file():
            return known[1]
        if sum(size for _, _, size, _ in print_) > MAX_SIZE:
            raise CodeError(f"{folder} is larger than {MAX_SIZE >> 20} MiB, and is not sent to a cluster. Keep data out of it.")
        data = _tar(files)
        name = hashlib.sha256(data).hexdigest()
        made = Packed(
            code_dir=f"codes/{declaration.name}-{code_toml.content_version(folder)}",
            archive=name,
            environment=environment.name(declaration),
        )
        if not path_of(archives, name).is_file():
            _write(archives, name, data)
    except (OSError, UnicodeEncodeError) as error:
        raise CodeError(f"{folder} cannot be packed for a cluster: {error}") from None
    _packed[folder, archives] = (print_, made)
    return made


def path_of(archives: Path, sha: str) -> Path:
    """Where the archive of that SHA-256 is, if it is. Raises ValueError for what is none."""
    if not _SHA.fullmatch(sha):
        raise ValueError(sha[:100])
    return archives / f"{sha}.tar.gz"


def _look(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_mode & 0o100


def _tar(files: list[tuple[str, Path]]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in files:
            data = path.read_bytes()
            member = tarfile.TarInfo(name)
            # nothing of who made it, and when: only what it is
            member.size, member.mtime, member.mode = len(data), 0, 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), 6, mtime=0)


def _write(archives: Path, name: str, data: bytes) -> None:
    archives.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = tempfile.NamedTemporaryFile(dir=archives, prefix=".", suffix=".new", delete=False)  # noqa: SIM115 - renamed below
    try:
        with fresh:
            fresh.write(data)
            fresh.flush()
            os.fsync(fresh.fileno())
        os.rename(fresh.name, path_of(archives, name))
    except BaseException:
        Path(fresh.name).unlink(missing_ok=True)
        raise
