"""The frames that were made of a run: bounded, the ones that nobody asked for longest going first, and nothing else touched."""

from __future__ import annotations

import os
from pathlib import Path

from simyard.agent.shelf import MOST_FILES, Shelf, trim, used


def frame(folder: Path, number: int, size: int = 100, at: int = 0) -> Path:
    path = folder / f"field.{number}.json"
    path.write_bytes(b"x" * size)
    os.utime(path, (at or 1000 + number, at or 1000 + number))
    return path


def test_the_oldest_frames_go_until_the_rest_fits(tmp_path: Path) -> None:
    for number in range(10):
        frame(tmp_path, number)
    assert trim(str(tmp_path), most_bytes=450) == 6
    assert sorted(os.listdir(tmp_path)) == [f"field.{number}.json" for number in range(6, 10)]
    assert trim(str(tmp_path), most_files=3) == 1


def test_one_that_was_asked_for_again_is_not_old(tmp_path: Path) -> None:
    paths = [frame(tmp_path, number) for number in range(4)]
    descriptor = os.open(paths[0], os.O_RDONLY)
    used(descriptor)
    os.close(descriptor)
    trim(str(tmp_path), most_files=1)
    assert os.listdir(tmp_path) == ["field.0.json"]


def test_what_cannot_be_made_again_stays(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (tmp_path / "precious.1.json").write_bytes(b"x" * 1000)
    (reports / "field.1.json").symlink_to(tmp_path / "precious.1.json")
    (reports / "field.2.json").mkdir()
    (reports / "beta.json").write_bytes(b"x" * 1000)
    (reports / "notes.txt").write_bytes(b"x" * 1000)
    frame(reports, 3)
    assert trim(str(reports), most_bytes=0, most_files=0) == 0, "the newest was just made for somebody"
    frame(reports, 4)
    assert trim(str(reports), most_bytes=0, most_files=0) == 1
    assert sorted(os.listdir(reports)) == ["beta.json", "field.1.json", "field.2.json", "field.4.json", "notes.txt"]
    assert (tmp_path / "precious.1.json").exists()


def test_the_folder_is_looked_through_now_and_then(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    for number in range(MOST_FILES + 5):
        (reports / f"field.{number}.json").touch()
        os.utime(reports / f"field.{number}.json", (number, number))
    shelf = Shelf()
    shelf.made(str(tmp_path), 1)
    assert len(os.listdir(reports)) == MOST_FILES
    for number in range(10):
        frame(reports, 10_000 + number)
        shelf.made(str(tmp_path), 1)
    assert len(os.listdir(reports)) == MOST_FILES + 10
    shelf.made(str(tmp_path), 1 << 30)
    assert len(os.listdir(reports)) == MOST_FILES
    shelf.made(str(tmp_path / "gone"), 1)
