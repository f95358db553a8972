"""What a code may have made of a folder: the agent lists it, removes it, and starts in it all the same."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from simyard.agent import files, place, removing
from simyard.agent.place import Place
from simyard.agent.threads import SIZE, Threads

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def where(tmp_path: Path) -> Place:
    made = Place(str(tmp_path / "u"), "box")
    made.make()
    return made


def directory(where: Place) -> Path:
    made = Path(where.run_dir(RUN))
    made.mkdir()
    return made


def burrow(folder: Path, deep: int) -> None:
    """Folders within folders, each with a file, the outermost closed."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(deep):
        os.mkdir("d", dir_fd=here)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    (folder / "d").chmod(0)


def test_folders_deeper_than_a_path_may_be_long_are_listed_as_far_as_names_go_and_removed(where: Place) -> None:
    burrow(directory(where), 2500)
    listed = json.loads(files.list_files(where.run_dir(RUN)))
    assert all(len(one["path"]) <= 1024 for one in listed)
    assert removing.remove(where, RUN)
    assert os.listdir(where.runs) == []


def test_removing_follows_no_link_and_takes_whatever_there_is(where: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    run = directory(where)
    for name in range(1500):
        (run / f"f{name}").touch()
    (run / "sub").mkdir()
    (run / "sub" / "link").symlink_to(outside)
    (run / "link").symlink_to(outside)
    os.mkfifo(run / "fifo")
    (run / "closed").mkdir(mode=0)
    assert removing.remove(where, RUN)
    assert (outside / "kept").read_text() == "kept"
    assert os.listdir(where.runs) == []


def test_what_takes_too_long_to_remove_is_gone_on_with_later(where: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    burrow(directory(where), 3)
    monkeypatch.setattr(removing, "LIMIT", -1.0)
    assert not removing.remove(where, RUN)
    assert not os.path.lexists(where.run_dir(RUN))
    monkeypatch.undo()
    assert removing.remove(where, RUN)
    assert os.listdir(where.runs) == []


def test_a_list_ends_where_nobody_would_look_any_further(where: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = directory(where)
    for name in range(60):
        (run / f"folder{name}").mkdir()
    monkeypatch.setattr(files, "MAX_LOOKED", 50)
    looked = 0
    scandir = os.scandir

    def counted(path: int) -> object:
        nonlocal looked
        looked += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    assert json.loads(files.list_files(str(run))) == []
    assert looked == 1


def test_a_folder_that_became_a_link_is_not_listed(where: Place, tmp_path: Path) -> None:
    run = directory(where)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    (run / "work").symlink_to(tmp_path / "outside")
    assert json.loads(files.list_files(str(run))) == []


@pytest.mark.parametrize("name", ["lock", "bell", "active"])
def test_an_agent_starts_whatever_a_code_has_put_in_the_place_of_its_files(where: Place, name: str) -> None:
    path = Path(where.home) / name
    if path.is_dir():
        path.rmdir()
        path.touch()
    else:
        path.unlink(missing_ok=True)
        path.mkdir()
    where.make()
    assert stat.S_ISFIFO(os.lstat(where.bell).st_mode)
    assert os.path.isdir(where.active)
    assert not os.path.isdir(where.lock)


def test_runs_that_a_site_keeps_elsewhere_by_a_link_stay_there(tmp_path: Path) -> None:
    (tmp_path / "u").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "u" / "runs").symlink_to(tmp_path / "elsewhere")
    Place(str(tmp_path / "u"), "box").make()
    assert (tmp_path / "u" / "runs").is_symlink()


def test_a_file_is_written_past_a_fifo_or_a_link_that_waits_beside_it(tmp_path: Path) -> None:
    path, other = tmp_path / "marker", tmp_path / "other"
    os.mkfifo(tmp_path / "marker.new")
    place.write(str(path), b"one")
    assert path.read_bytes() == b"one"
    other.write_bytes(b"kept")
    (tmp_path / "marker.new").symlink_to(other)
    place.write(str(path), b"two")
    assert (path.read_bytes(), other.read_bytes()) == (b"two", b"kept")


def test_all_threads_are_there_before_a_code_can_have_used_up_the_processes() -> None:
    threads = Threads()
    for pool in (threads._quick, threads._bulk):
        assert len(pool._threads) == SIZE
    threads.close()
