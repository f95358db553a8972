"""What is filled into a template, and how: one pass, formats that fit the type, and errors that name the line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

import simyard.job_cmd.tables as tables_module
import simyard.job_cmd.template as template_module

# it is written for Python 2.7 as well, and has no annotations
template: Any = template_module
KINDS = {"n": "integer", "x": "number", "yes": "boolean", "name": "string", "points": "table", "job": "text"}
VALUES = {"n": 42, "x": 0.1, "yes": True, "name": "ring", "points": (2, "1 2\n3 4"), "job": "a\nb"}


@pytest.mark.parametrize(
    "text, filled",
    [
        ("n = ${n}, x = ${ x }", "n = 42, x = 0.1"),
        ("${n:%06d}|${x:%10.3e}|${n:%.1f}", "000042| 1.000e-01|42.0"),
        ("${yes} ${yes:T|F} ${yes:|-v}", "true T "),
        ("${name:%-6s}|", "ring  |"),
        ("${points:count}\n${points}\n", "2\n1 2\n3 4\n"),
        ("${job}", "a\nb"),
        ("$${n} costs $5 or {n} $n $$", "${n} costs $5 or {n} $n $$"),
    ],
)
def test_a_template_is_filled_in(text: str, filled: str) -> None:
    assert template.fill(text, VALUES, KINDS) == filled


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert template.fill("${name}${n}", {**VALUES, "name": "${job} $${x}"}, KINDS) == "${job} $${x}42"


def test_numbers_keep_all_their_digits() -> None:
    assert [template.shown(value, "number") for value in (0.1, 1e-300, 1 / 3, 3.0)] == ["0.1", "1e-300", repr(1 / 3), "3.0"]
    assert template.shown(2**53 - 1, "integer") == "9007199254740991"


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("a\nb ${nn}", 2, "there is no input called 'nn'"),
        ("a\n\n${n", 3, "'${' is not closed"),
        ("${}", 1, "'${}' is not a name of an input"),
        ("${n.real}", 1, "'${n.real}' is not a name"),
        ("${__import__('os')}", 1, "is not a name"),
        ("${x:%d}", 1, "'%d' is not a format for an input of type number; write one like '%12.6e', or none"),
        ("${n:%s}", 1, "type integer; write one like '%6d'"),
        ("${n:%999999999d}", 1, "is not a format"),
        ("${n:%(n)d}", 1, "is not a format"),
        ("${n:%d %d}", 1, "is not a format"),
        ("${yes:on}", 1, "type boolean; write one like '.true.|.false.'"),
        ("${points:%d}", 1, "type table; write one like 'count'"),
        ("${name:.true.|.false.}", 1, "type string; write one like '%-20s'"),
    ],
)
def test_what_is_wrong_in_a_template_is_told_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(template.TemplateError) as caught:
        template.fill(text, VALUES, KINDS)
    assert caught.value.line == line
    assert words in caught.value.words


def test_files_of_frames_are_in_the_order_of_their_numbers() -> None:
    names = ["f_10.txt", "f_9.txt", "f_1.txt", "f_009b.txt"]
    assert sorted(names, key=template.number_order) == ["f_1.txt", "f_9.txt", "f_009b.txt", "f_10.txt"]


def a_run(folder: Path, log: str, exit_code: int | None = None, **inputs: Any) -> Any:
    (folder / "work").mkdir(exist_ok=True)
    (folder / "run.log").write_text(log, "utf-8")
    return SimpleNamespace(
        dir=str(folder / "work"), run_dir=str(folder), model="m", inputs=inputs, exit_code=exit_code, signal=None, files=[]
    )


def a_code(progress: dict[str, Any], **more: Any) -> Any:
    table = {
        "program": {"command": ["true"]},
        "models": {"m": {"reports": list(more.get("reports", {}))}},
        "progress": progress,
        **more,
    }
    return template.Code("/code", table, lambda: tables_module)


@pytest.mark.parametrize(
    "progress, log, told",
    [
        ({"pattern": r"(?P<fraction>[\d.]+)$"}, "done 0.25\nhalf a li", {"fraction": 0.25, "message": "done 0.25"}),
        ({"pattern": r"(?P<percent>\d+) ?%"}, "1 %\r 50 %\r 75", {"fraction": 0.5, "message": "50 %"}),
        ({"pattern": r"(?P<step>\S+)/(?P<total>\S+)"}, "1.5D+01/60\n", {"fraction": 0.25, "message": "1.5D+01/60"}),
        ({"pattern": r"turn (?P<step>\d+)", "total": "turns"}, "turn 30\nother\n", {"fraction": 0.25, "message": "turn 30"}),
        ({"pattern": r"(?P<message>cooling|heating)"}, "now heating …\n", {"message": "heating"}),
        ({"pattern": r"(?P<percent>\d+)%", "file": "status"}, "99%\n", {"fraction": 0.07, "message": "7%"}),
        ({"pattern": r"(?P<percent>\d+)%", "file": "none"}, "99%\n", {}),
        ({"pattern": r"(?P<percent>\d+)%"}, "nothing yet\n", {}),
    ],
)
def test_the_last_line_that_the_pattern_fits_says_how_far_it_is(
    progress: dict[str, str], log: str, told: dict[str, Any], tmp_path: Path
) -> None:
    run = a_run(tmp_path, log, turns=120)
    (tmp_path / "work/status").write_text("7%")  # a file that is written over and over may have no end of a line
    assert a_code(progress).progress(run) == told


def test_when_it_has_ended_its_last_line_counts_without_an_end(tmp_path: Path) -> None:
    assert a_code({"pattern": r"(?P<percent>\d+)%"}).progress(a_run(tmp_path, "50%\n100%", 0))["fraction"] == 1.0


def test_frames_in_hdf5_are_counted_at_the_end(tmp_path: Path) -> None:
    code = a_code({}, reports={"film": {"file": "film.h5", "plot": "heatmap", "z": "f", "frames": True}})
    assert code.progress(a_run(tmp_path, "")) == {}
    with h5py.File(tmp_path / "work/film.h5", "w") as file:
        file["f"] = np.zeros((7, 2, 2))
    assert code.progress(a_run(tmp_path, "", 0)) == {"frames": 7}


def test_a_final_event_says_that_nobody_writes_any_more_and_a_word_does_not(tmp_path: Path) -> None:
    run = a_run(tmp_path, "")
    events = tmp_path / "events.jsonl"
    events.write_text('{"n":1,"event":"progress","data":{"message":"\\"event\\":\\"final\\""}}\n')
    assert not template.ended(run)
    with events.open("a") as file:
        file.write('{"n":2,"event":"final","data":{}}\n')
    assert template.ended(run)
