"""Reading events.jsonl: complete lines, in order, bounded, and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.agent import following
from simyard.agent.following import Cursor, Damaged
from simyard.protocol import rundir


def line(n: int, event: str = "progress", **data: object) -> bytes:
    return json.dumps({"n": n, "at": 1.5, "event": event, "data": data}).encode() + b"\n"


def test_complete_lines_are_events_and_a_torn_one_waits() -> None:
    data = line(1, "begun") + line(2)
    events, cursor, damaged = following.parse(data + b'{"n":3', Cursor())
    assert [event.n for event in events] == [1, 2]
    assert cursor == Cursor(2, len(data))
    assert not damaged


@given(st.integers(0, 400))
def test_wherever_the_file_is_cut_reading_on_gives_the_same(cut: int) -> None:
    data = line(1, "begun") + line(2, message="půl") + line(3) + line(4, "final", state="completed")
    first, cursor, _ = following.parse(data[:cut], Cursor())
    rest, end, damaged = (
        following.parse(data[cursor.offset :], cursor) if not first or first[-1].event != "final" else ([], cursor, "")
    )
    assert [event.n for event in [*first, *rest]] == [1, 2, 3, 4]
    assert end == Cursor(4, len(data))
    assert not damaged


def test_what_follows_a_final_event_is_not_read() -> None:
    data = line(1, "final", state="failed")
    events, cursor, damaged = following.parse(data + b"junk\n", Cursor())
    assert (len(events), cursor.offset, damaged) == (1, len(data), "")


@pytest.mark.parametrize(
    "junk",
    [
        b"\n", b"junk\n", b"[]\n", b"\xff\n", b'{"n":2}\n', line(3), line(1), line(2, ""), line(2, "x" * 65), line(2, "final"),
        line(2, "final", state="running"), b'{"n":2,"at":NaN,"event":"progress","data":{}}\n',
        b'{"n":2,"at":1e999,"event":"progress","data":{}}\n', b'{"n":true,"at":1,"event":"progress","data":{}}\n',
        b'{"n":2,"at":1,"event":"progress","data":{},"more":1}\n', b'{"n":2,"at":1,"event":"progress","data":{"a":"\\ud800"}}\n',
        b'{"n":2,"at":1,"event":"progress","data":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}\n",
        b'{"n":2,"at":1,"event":"progress","data":{"a":' + b"9" * 10000 + b"}}\n",
        line(2, "final", state=[]), b'{"n":2,"at":1,"event":"progress","data":{"fraction":1e999}}\n',
        b'{"n":2,"at":1,"event":"final","data":{"state":"completed","results":' + b'{"a":' * 400 + b"1" + b"}" * 402 + b"\n",
    ],
)  # fmt: skip
def test_nothing_is_believed_from_a_line_on_that_no_job_cmd_writes(junk: bytes) -> None:
    before = line(1, "begun")
    events, cursor, damaged = following.parse(before + junk + line(3), Cursor())
    if b"9999" in junk and not damaged:
        return  # Python before 3.10.7 and 3.11 has no limit for the digits of a number
    assert [event.n for event in events] == [1]
    assert cursor == Cursor(1, len(before))
    assert damaged.startswith("line 2")


def test_a_line_may_be_as_long_as_the_contract_says_and_no_longer(tmp_path: Path) -> None:
    whole = line(1, "progress", message="x" * (rundir.MAX_LINE - 70))
    assert len(whole) <= rundir.MAX_LINE + 1
    assert following.parse(whole, Cursor())[2] == ""
    too_long = line(1, "progress", message="x" * rundir.MAX_LINE)
    assert "too long" in following.parse(too_long, Cursor())[2]
    # and one without an end is not waited for
    assert "too long" in following.parse(too_long[:-1], Cursor())[2]


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    events, cursor, _ = following.parse(line(1) + data, Cursor())
    assert cursor.n == len(events)


def test_a_long_file_is_read_in_pieces(tmp_path: Path) -> None:
    with (tmp_path / rundir.EVENTS).open("wb") as file:
        for n in range(1, 12001):
            file.write(line(n, message="x" * 40))
    cursor, pieces = Cursor(), 0
    while True:
        reading = following.read(str(tmp_path), cursor)
        cursor, pieces = reading.cursor, pieces + 1
        if reading.at_end:
            break
    assert cursor.n == 12000
    assert pieces == (tmp_path / rundir.EVENTS).stat().st_size // following.PIECE + 1


def test_the_place_after_an_event_is_found_by_its_number(tmp_path: Path) -> None:
    lines = [line(n, message="x" * (n % 50)) for n in range(1, 12001)]
    (tmp_path / rundir.EVENTS).write_bytes(b"".join(lines))
    for n in (0, 1, 7, 11999, 12000):
        assert following.locate(str(tmp_path), n) == Cursor(n, sum(map(len, lines[:n])))
    with pytest.raises(Damaged, match="lost its line 12001"):
        following.locate(str(tmp_path), 12001)


def test_a_file_that_is_not_there_holds_nothing_and_one_that_was_there_is_missed(tmp_path: Path) -> None:
    assert following.read(str(tmp_path), Cursor()) == following.Reading((), Cursor(), at_end=True)
    assert following.read(str(tmp_path), Cursor(3, 100)).damaged
    (tmp_path / rundir.EVENTS).write_bytes(b"x")
    assert "shorter" in following.read(str(tmp_path), Cursor(3, 100)).damaged


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_only_a_plain_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / rundir.EVENTS
    if kind == "link":
        (tmp_path / "other").write_bytes(line(1))
        path.symlink_to(tmp_path / "other")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert following.read(str(tmp_path), Cursor()).damaged
