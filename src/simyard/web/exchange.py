"""Stop 1, web: a simulation as a zip: `simulation.json`, and `files/NAME` for each of its files.

A zip that comes in is foreign: what it says of itself (sizes, counts, names) is checked against what it holds, never more is
read than the limit allows, and nothing is unpacked to a path that it names.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self, cast

import gevent
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simyard.errors import InvalidRequest, ProtocolError, TooLarge
from simyard.store.library import check_name
from simyard.store.simulations import Simulation
from simyard.web import bodies
from simyard.web.routes import MAX_BODY, parse_json

FORMAT = "simyard-simulation"
_ABOUT, _FILES = "simulation.json", "files/"
_CHUNK = 256 << 10
#: The list of what is in a zip may have so many bytes: a thousand files with the longest names have a third of it.
_MAX_LIST = 2 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1


class Exported(BaseModel):
    """What `simulation.json` says. What it says beyond this is for people, or of a newer Simyard."""

    model_config = ConfigDict(extra="ignore")

    format: str
    version: int
    name: bodies.Title
    code: bodies.Name
    folder: bodies.Folder = ""
    tags: bodies.Tags = Field(default_factory=list)
    inputs: dict[str, Any] = Field(default_factory=dict)
    files: dict[bodies.FileName, dict[str, Any]] = Field(default_factory=dict)


def file_name(name: str) -> str:
    """A simulation's name as one that a file may have on any system."""
    plain = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', "_", name).strip(" ._")
    return plain.encode("utf-8", "replace")[:120].decode("utf-8", "ignore").strip() or "simulation"


def write(one: Simulation, contents: Mapping[str, Path], now: str) -> Iterator[bytes]:
    """The zip, in pieces; `contents` says where the content of each file is, `now` is when."""
    from zipstream import ZIP_DEFLATED, ZipStream

    about = {
        "format": FORMAT,
        "version": 1,
        "name": one.name,
        "code": one.code,
        "folder": one.folder,
        "tags": list(one.tags),
        "inputs": dict(one.inputs),
        "files": {name: {"sha256": ref.sha256, "size": ref.size} for name, ref in one.files.items()},
        "exported": now,
    }
    made: ZipStream = ZipStream(compress_type=ZIP_DEFLATED, compress_level=1)
    made.add(json.dumps(about, indent=1, ensure_ascii=False).encode("utf-8", "replace"), arcname=_ABOUT)
    for name, path in contents.items():
        made.add(_content(path), arcname=_FILES + name)
    yield from made


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            yield data
            gevent.sleep(0)  # a large file is not read at everybody else's cost


class _Bounded:
    """A file of which nobody reads more at once than the list of what is in a sound zip may have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(_MAX_LIST + 1 if size < 0 else min(size, _MAX_LIST + 1))
        if len(data) > _MAX_LIST:
            raise TooLarge("too-many-files", "The zip lists more files than a simulation may have.")
        return data


class Reader:
    """An exported simulation that comes in. Every method raises InvalidRequest or TooLarge, in words for whoever sends it."""

    def __init__(self, file: IO[bytes], limit: int, max_files: int, advice: str) -> None:
        """`limit`: how many bytes all of it may have, unpacked; `advice`: what to do about that."""
        self._limit, self._advice = limit, advice
        with _sound():
            self._zip = zipfile.ZipFile(cast("BinaryIO", _Bounded(file)))
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            self._take(entry)
        if _ABOUT not in self._entries:
            raise InvalidRequest("not-an-export", f"The zip has no {_ABOUT}: it is not a simulation that was exported.")
        if len(self._entries) > max_files + 1:
            raise TooLarge("too-many-files", f"The zip has more files than the {max_files} that a simulation may have.")
        if sum(entry.file_size for entry in self._entries.values()) > limit:
            raise self._too_large()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def _take(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        if name == _FILES:  # the folder itself, where it was packed again by hand
            return
        if name != _ABOUT:
            if not name.startswith(_FILES):
                raise InvalidRequest(
                    "not-an-export", f"The zip has {name[:60]!r} in it: an exported simulation has {_ABOUT} and {_FILES}… only."
                )
            check_name(name.removeprefix(_FILES))
        if name in self._entries:
            raise InvalidRequest("same-name", f"The zip has {name[:60]!r} twice.")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise InvalidRequest(
                "not-an-export", f"{name[:60]!r} in the zip is encrypted, or packed in a way that Simyard does not use."
            )
        self._entries[name] = entry

    def simulation(self) -> Exported:
        """What the zip says it is: a name, inputs, and exactly those files that it holds."""
        if self._entries[_ABOUT].file_size > MAX_BODY:
            raise TooLarge("too-large", f"{_ABOUT} in the zip is larger than {MAX_BODY} bytes.", {"limit": MAX_BODY})
        data = b"".join(self._chunks(_ABOUT))
        try:
            found = Exported.model_validate(parse_json(data), strict=True)
        except ProtocolError as error:
            raise InvalidRequest("not-an-export", f"{_ABOUT} in the zip: {error.detail}") from None
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
            raise InvalidRequest("not-an-export", f"{_ABOUT} in the zip: {said}"[:2000]) from None
        if found.format != FORMAT or found.version != 1:
            raise InvalidRequest(
                "not-an-export",
                f"{_ABOUT} in the zip says that it is {found.format[:40]!r} of version {found.version}; this Simyard reads {FORMAT!r} of version 1.",
            )
        inside = {name.removeprefix(_FILES) for name in self._entries if name != _ABOUT}
        if odd := inside ^ set(found.files):
            name = min(odd)
            how = "is in the zip, and not" if name in inside else "is not in the zip, but"
            raise InvalidRequest("not-an-export", f"The file {name[:60]!r} {how} in its {_ABOUT}.")
        return found

    def check_contents(self, files: Mapping[str, Mapping[str, Any]]) -> int:
        """Every file is what simulation.json says of it, and all of them together are not too large: read before any is kept.
        Answers how many bytes they are."""
        left = self._limit
        for name, told in files.items():
            digest = hashlib.sha256()
            for chunk in self._chunks(_FILES + name):
                left -= len(chunk)
                if left < 0:
                    raise self._too_large()
                digest.update(chunk)
            if told.get("sha256") != digest.hexdigest():
                raise InvalidRequest("wrong-content", f"The file {name[:60]!r} in the zip is not the one that was exported.")
        return self._limit - left

    def open(self, name: str) -> BinaryIO:
        """A file of it, to be read from its beginning."""
        return cast("BinaryIO", _Reading(self._chunks(_FILES + name)))

    def _chunks(self, name: str) -> Iterator[bytes]:
        limit = MAX_BODY if name == _ABOUT else self._limit
        with _sound(), self._zip.open(self._entries[name]) as file:
            # zipfile gives no more than the entry's own word on its size
            while data := file.read(_CHUNK):
                limit -= len(data)
                if limit < 0:
                    raise self._too_large()
                yield data
                gevent.sleep(0)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            "too-large",
            f"Unpacked, the zip has more than the limit of {self._limit} bytes; nothing of it was kept. {self._advice}",
            {"limit": self._limit},
        )


class _Reading:
    """An iterator of pieces, read like a file; a piece is never larger than what is asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int) -> bytes:
        data = next(self._chunks, b"")
        assert len(data) <= size, "pieces are as large as those in which contents are written"
        return data


@contextmanager
def _sound() -> Iterator[None]:
    """What is wrong with a zip, in words."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise InvalidRequest("not-a-zip", f"The zip cannot be read ({words}). Nothing of it was kept.") from None
