"""What a folder takes of the disk: everything once, wherever and however a code has put it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from simyard.agent.weighing import LEAST, Scales, Stopped, weigh_each, weigh_rest

MIB = 1 << 20


def never() -> bool:
    return False


def weigh(path: Path, stop: Callable[[], bool] = never) -> int:
    return Scales(stop, lambda _seconds: None).weigh(str(path))


def test_what_is_written_counts_and_what_is_only_promised_does_not(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(os.urandom(MIB))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert MIB <= weigh(tmp_path) < 2 * MIB


def test_a_file_with_several_names_counts_once_and_links_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(os.urandom(MIB))
    os.link(tmp_path / "in" / "a", tmp_path / "in" / "b")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "big").write_bytes(os.urandom(4 * MIB))
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    assert MIB <= weigh(tmp_path / "in") < 2 * MIB


def test_empty_files_are_not_nothing(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / str(number)).touch()
    assert weigh(tmp_path) >= 1000 * LEAST


def test_nothing_is_hidden_by_its_depth(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d" * 100, dir_fd=here)
        deeper = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    with os.fdopen(os.open("deep", os.O_CREAT | os.O_WRONLY, dir_fd=here), "wb") as file:
        file.write(os.urandom(3 * MIB))
    os.close(here)
    before = len(os.listdir("/proc/self/fd"))
    assert weigh(tmp_path) >= 3 * MIB
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_hidden_by_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "big").write_bytes(os.urandom(3 * MIB))
    (tmp_path / "shut").chmod(0o300)
    monkeypatch.chdir(tmp_path)
    me = os.geteuid()
    if me == 0:  # who reads everything
        for path in (tmp_path, tmp_path / "shut"):
            os.chown(path, 65534, -1)
        os.seteuid(65534)
    try:
        assert weigh(Path()) >= 3 * MIB
    finally:
        os.seteuid(me)


def test_what_is_not_there_weighs_nothing(tmp_path: Path) -> None:
    assert weigh(tmp_path / "none") == 0
    (tmp_path / "file").write_bytes(b"x" * MIB)
    (tmp_path / "link").symlink_to(tmp_path)
    assert weigh(tmp_path / "file") == weigh(tmp_path / "link") == 0


def test_it_ends_when_nobody_wants_to_know_and_rests_in_proportion_to_its_work(tmp_path: Path) -> None:
    for number in range(1200):
        (tmp_path / str(number)).touch()
    rests: list[float] = []
    Scales(never, rests.append).weigh(str(tmp_path))
    assert len(rests) == 2
    assert all(seconds > 0 for seconds in rests)
    with pytest.raises(Stopped):
        weigh(tmp_path, lambda: True)


def test_everything_but_some_runs(tmp_path: Path) -> None:
    for name in ("files", "runs/a", "runs/b", "runs/.c.making"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x").write_bytes(os.urandom(MIB))
    asked: list[str] = []

    def leave_out(run: str) -> bool:
        asked.append(run)
        return run == "b"

    total, left_out = weigh_rest(str(tmp_path), str(tmp_path / "runs"), leave_out, never)
    assert 3 * MIB <= total < 4 * MIB
    assert left_out == {"b"}
    assert asked == [".c.making", ".c.making", "a", "a", "b"], "before and after"
    assert weigh_each({"b": str(tmp_path / "runs" / "b"), "gone": str(tmp_path / "gone")}, never)["b"] >= MIB
