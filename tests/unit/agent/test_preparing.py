"""Making a run directory: whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.agent import preparing
from simyard.agent.place import Marker, Place
from simyard.agent.preparing import CannotPrepare, Stale
from simyard.errors import ProtocolError
from simyard.protocol.jobs import Kind, Resources, RunSpec

RUN = "01JD0000000000000000000RVN"
CONTENT = b"beam, energy=3;\n"
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(str(tmp_path), "local")
    made.make()
    blob = Path(made.blob(SHA))
    blob.parent.mkdir()
    blob.write_bytes(CONTENT)
    blob.chmod(0o444)
    return made


def spec(**more: Any) -> RunSpec:
    return RunSpec(
        **{
            "run": RUN, "user": "me", "code": "madx", "code_version": "1", "code_dir": "/codes/madx", "python": "/bin/python", "model": "twiss",
            "kind": Kind.QUICK, "inputs": {"energy": 3.0, "title": "čára"}, "files": {"in/a.madx": SHA}, "resources": Resources(),
            "time_limit": 60.0, **more,
        }
    )  # fmt: skip


def test_a_directory_is_made_with_its_files_its_spec_and_its_marker(place: Place) -> None:
    preparing.prepare(place, spec(), 4)
    directory = Path(place.run_dir(RUN))
    copied = directory / "work/in/a.madx"
    assert copied.read_bytes() == CONTENT
    assert os.access(copied, os.W_OK)
    assert copied.stat().st_ino != Path(place.blob(SHA)).stat().st_ino
    told = json.loads((directory / "run.json").read_text("utf-8"))
    assert (told["epoch"], told["inputs"]["title"], told["bell"], told["grace"]) == (4, "čára", place.bell, 5.0)
    assert place.markers() == [preparing.marker_of(spec(), 4)]
    assert sorted(os.listdir(place.runs)) == [RUN]


def test_a_directory_that_is_there_is_kept_as_it_is(place: Place) -> None:
    preparing.prepare(place, spec(), 1)
    (Path(place.run_dir(RUN)) / "events.jsonl").write_text("…")
    preparing.prepare(place, spec(inputs={}), 2)
    assert (Path(place.run_dir(RUN)) / "events.jsonl").read_text() == "…"
    assert place.markers()[0].epoch == 2


def test_a_directory_of_a_newer_epoch_is_not_spoken_of_in_an_older_one(place: Place) -> None:
    preparing.prepare(place, spec(), 3)
    with pytest.raises(Stale):
        preparing.prepare(place, spec(), 2)
    with pytest.raises(Stale):
        preparing.keep(place, Marker(run=RUN, epoch=2))


@pytest.mark.parametrize(
    "more", [{"files": {"../a": SHA}}, {"files": {"a": "0" * 64}}, {"files": {"a": "../../x"}}, {"run": "../x"}]
)
def test_what_cannot_be_prepared_leaves_nothing(place: Place, more: dict[str, Any]) -> None:
    with pytest.raises(CannotPrepare):
        preparing.prepare(place, spec(**more), 1)
    assert os.listdir(place.runs) == []
    assert os.listdir(place.active) == []


def test_a_full_disk_is_said_in_words_and_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preparing, "_copy", full)
    with pytest.raises(CannotPrepare, match="disk"):
        preparing.prepare(place, spec(), 1)
    assert os.listdir(place.runs) == []
    assert os.listdir(place.active) == []


def test_what_a_killed_agent_left_half_made_is_in_nobodys_way(place: Place) -> None:
    half = Path(place.runs, f".{RUN}.making")
    (half / "work").mkdir(parents=True)
    (half / "work/half").write_text("x")
    place.write_marker(Marker(run=RUN, epoch=1))
    assert place.markers() == []
    preparing.prepare(place, spec(), 1)
    assert os.listdir(Path(place.run_dir(RUN)) / "work") == ["in"]


def test_a_damaged_marker_is_made_good_from_the_run_directory(place: Place) -> None:
    preparing.prepare(place, spec(), 1)
    Path(place.active, RUN).write_text("{")
    Path(place.active, "rubbish").write_text("{")
    assert place.markers() == [preparing.marker_of(spec(), 1)]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_a_code_that_puts_something_else_in_the_place_of_run_json_stops_nobody(place: Place, kind: str) -> None:
    preparing.prepare(place, spec(), 1)
    path = Path(place.run_dir(spec().run)) / "run.json"
    path.rename(path.with_name("aside"))
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("aside")
    else:
        path.mkdir()
    found = place.marker_of(spec().run)
    assert found is not None
    assert not found.code_dir


@given(st.text(max_size=60))
def test_a_name_that_is_let_through_stays_below_its_folder(name: str) -> None:
    try:
        preparing.confined(name)
    except ProtocolError:
        return
    joined = os.path.normpath(os.path.join("/runs/x/work", name))
    assert joined.startswith("/runs/x/work/")
    assert joined == f"/runs/x/work/{name}"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/a", "a/", "a//b", "a/../b", "a\0b", "a\nb", "\x7f", "\ud800", "x" * 256, "a/" * 600 + "b"]
)
def test_a_name_that_could_leave_or_confuse_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        preparing.confined(name)
