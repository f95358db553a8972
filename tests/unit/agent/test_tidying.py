"""What goes by rule on a cluster: what nobody has used for long; and never what is in use, is not settled, or is not ours."""

from __future__ import annotations

import errno
import io
import json
import os
import tarfile
import time
from pathlib import Path

import pytest

from simyard.agent import locks, providing, tidying
from simyard.agent.place import Place
from simyard.agent.removing import remove
from simyard.agent.unpacking import unpack
from simyard.errors import ProtocolError

RUN, OTHER = "01HF7YATZ8NTRBXYK4HDKJD1P1", "01HF7YATZ8NTRBXYK4HDKJD1P2"
OLD = time.time() - 30 * 86400.0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(str(tmp_path / "u"), "pool")
    made.make()
    return made


def a_file(path: str | Path, when: float = OLD) -> Path:
    made = Path(path)
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_bytes(b"x")
    os.utime(made, (when, when))
    return made


def test_contents_parts_and_codes_that_nothing_has_used_go_and_others_stay(place: Place) -> None:
    gone = [
        a_file(place.blob("a" * 64)),
        a_file(place.part("b" * 64)),
        Path(place.codes, "ring-1"),
        Path(place.codes, ".ring-2.pool.making"),
    ]
    for code in gone[2:]:
        a_file(code / "code.py")
        os.utime(code, (OLD, OLD))
    kept = [
        a_file(place.blob("c" * 64), time.time()),
        a_file(Path(place.files, "notes.txt")),
        a_file(Path(place.files, "aa", "notes.txt")),
    ]
    assert tidying.unused(place, tidying.UNUSED) == 4
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)


def test_what_is_in_use_stays(place: Place) -> None:
    blob = a_file(place.blob("a" * 64))
    assert providing._missing({"a" * 64: str(blob), "b" * 64: place.blob("b" * 64)}) == ["b" * 64]
    assert tidying.unused(place, tidying.UNUSED) == 0
    with pytest.raises(FileNotFoundError):
        tidying.touch(place.blob("b" * 64))


def test_the_code_of_a_run_that_is_not_settled_stays(place: Place) -> None:
    for name in ("ring-1", "ring-2"):
        a_file(Path(place.codes, name, "code.py"))
        os.utime(Path(place.codes, name), (OLD, OLD))
    marker = a_file(Path(place.root, "agents", "elsewhere", "active", RUN))
    marker.write_text(json.dumps({"run": RUN, "code_dir": place.code_dir("codes/ring-1")}))
    a_file(marker.with_name(OTHER)).write_text("no json")
    assert tidying.unused(place, tidying.UNUSED) == 1
    assert os.listdir(place.codes) == ["ring-1"]


def an_old_run(place: Place, run: str) -> Path:
    directory = Path(place.run_dir(run))
    for name in ("run.json", "events.jsonl"):
        a_file(directory / name)
    os.utime(directory, (OLD, OLD))
    return directory


def test_runs_that_were_over_long_ago_are_named_and_those_that_are_not_settled_are_not(place: Place) -> None:
    an_old_run(place, RUN)
    an_old_run(place, OTHER)
    (Path(place.runs) / "mine").mkdir()
    assert sorted(tidying.over(place, 86400.0)) == [RUN, OTHER]
    assert tidying.over(place, 0.0) == []
    assert tidying.over(place, 60 * 86400.0) == []
    # whichever target's agent looks after it
    a_file(Path(place.root, "agents", "elsewhere", "active", RUN))
    assert tidying.over(place, 86400.0) == [OTHER]


def test_a_run_that_has_written_lately_stays(place: Place) -> None:
    os.utime(an_old_run(place, RUN) / "events.jsonl")
    assert tidying.over(place, 86400.0) == []


@pytest.mark.parametrize(
    "keep, words",
    [(86400.0, "kept there for 1 day after"), (7 * 86400.0, "for 7 days"), (60.0, "for 60 seconds"), (0.0, "is not there")],
)
def test_it_is_said_for_how_long_a_directory_is_kept(keep: float, words: str) -> None:
    assert words in tidying.gone_words(keep)


def test_a_file_system_without_locks_keeps_no_run_from_being_removed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = an_old_run(place, RUN)

    def refused(_path: str) -> int:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "holder", refused)
    assert remove(place, RUN)
    assert not directory.exists()


def test_how_far_a_fetch_is_reads_well() -> None:
    assert providing._words([], []) == "fetching its code"
    assert providing._words([False], [(1_200_000_000, 3_000_000_000)]) == "fetching its input files: 1.2 GB of 3.0 GB"
    assert providing._words([True, False], [(10, 2_000_000), (0, 2_000_000)]) == "fetching its input files: 2.0 MB of 4.0 MB"
    assert providing._words([True, False], [(0, -1), (5_000, -1)]) == "fetching its input files: 1 of 2 are here, 5 kB so far"


@pytest.mark.parametrize("name", ["", "codes", "codes/", "codes/a/b", "codes/..", "codes/.x", "other/x", "../x", "codes/x\n"])
def test_a_code_lies_in_its_place_or_nowhere(place: Place, name: str) -> None:
    with pytest.raises(ProtocolError):
        place.code_dir(name)
    assert place.code_dir("codes/ring-0a1b") == os.path.join(place.codes, "ring-0a1b")
    assert place.code_dir("/opt/ring") == "/opt/ring"


def an_archive(path: Path, *members: tarfile.TarInfo) -> str:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return str(path)


def member(name: str, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for key, value in {"size": 1, **more}.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize(
    "bad",
    [
        member("../out"),
        member("/etc/out"),
        member("a/../../out"),
        member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0),
        member("hard", type=tarfile.LNKTYPE, linkname="code.py", size=0),
        member("device", type=tarfile.CHRTYPE, size=0),
        member("folder", type=tarfile.DIRTYPE, size=0),
    ],
    ids=lambda one: str(one.name),
)
def test_an_archive_with_anything_but_plain_files_makes_no_folder(place: Place, tmp_path: Path, bad: tarfile.TarInfo) -> None:
    folder = os.path.join(place.codes, "ring-1")
    with pytest.raises(ProtocolError):
        unpack(an_archive(tmp_path / "a.tar.gz", member("code.py"), bad), folder, "pool")
    assert os.listdir(place.codes) == []
    assert not (tmp_path / "out").exists()


def test_a_folder_that_somebody_else_has_made_meanwhile_stays(place: Place, tmp_path: Path) -> None:
    folder = Path(place.codes, "ring-1")
    a_file(folder / "code.py")
    a_file(folder / "more.py")
    unpack(an_archive(tmp_path / "a.tar.gz", member("code.py", mode=0o755), member("deep/data", size=3)), str(folder), "pool")
    assert sorted(path.name for path in folder.iterdir()) == ["code.py", "more.py"]
    unpack(str(tmp_path / "a.tar.gz"), str(folder.with_name("ring-2")), "pool")
    assert (folder.with_name("ring-2") / "deep" / "data").read_bytes() == b"xxx"
    assert (folder.with_name("ring-2") / "code.py").stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(place.codes)) == ["ring-1", "ring-2"]
