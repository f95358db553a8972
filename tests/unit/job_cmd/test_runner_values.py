"""The pure parts of runner.py: foreign values to JSON, exceptions to words, and the bounds of an event."""

from __future__ import annotations

import array
import base64
import datetime as dt
import errno
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simyard.job_cmd.runner as runner_module

# runner.py is written for Python 2.7 as well, and has no annotations
runner: Any = runner_module


def back(value: Any) -> Any:
    return json.loads(runner.to_json(value))


def test_a_figure_is_written_as_json_writes_it() -> None:
    figure = {"data": [{"x": [1, 2.5, None, True], "name": "β"}], "layout": {}}
    assert back(figure) == figure


def test_numbers_that_json_does_not_have_become_null() -> None:
    assert back({"y": [1.0, math.nan, math.inf, np.float64("nan")]}) == {"y": [1.0, None, None, None]}


def test_what_is_almost_json_becomes_it() -> None:
    odd = {
        "path": Path("a/b"),
        "bytes": b"\xff",
        "set": {3},
        "tuple": (1, 2),
        "day": dt.date(2026, 1, 2),
        "third": Fraction(1, 4),
        1: np.bool_(True),
    }
    expected = {"path": "a/b", "bytes": "\ufffd", "set": [3], "tuple": [1, 2], "day": "2026-01-02", "third": 0.25, "1": True}
    assert back(odd) == expected


def test_typed_arrays_keep_their_numbers_in_whatever_order_they_lay() -> None:
    field = np.arange(24, dtype=">f4").reshape(2, 3, 4).transpose(2, 0, 1)
    spec = back(field)
    assert (spec["dtype"], spec["shape"]) == ("f4", "4, 2, 3")
    read = np.frombuffer(base64.b64decode(spec["bdata"]), "<f4").reshape(4, 2, 3)
    assert (read == field).all()


@pytest.mark.parametrize("code", "dfibhBHI")
def test_arrays_of_the_standard_library_are_typed_arrays_too(code: str) -> None:
    values = array.array(code, [1, 2, 3])
    spec = back(values)
    assert np.frombuffer(base64.b64decode(spec["bdata"]), "<" + spec["dtype"]).tolist() == [1, 2, 3]


def test_four_dimensions_are_lists() -> None:
    assert back(np.zeros((1, 1, 1, 2))) == [[[[0.0, 0.0]]]]


def test_what_no_plot_can_hold_is_named() -> None:
    with pytest.raises(TypeError, match="cannot hold a complex"):
        runner.to_json({"y": [1j]})
    with pytest.raises(TypeError, match="cannot hold a object"):
        runner.to_json({"y": object()})


@pytest.mark.parametrize(
    "error, words",
    [
        (ValueError("no beam"), "no beam"),
        (KeyError("q1"), "KeyError: 'q1'"),
        (RuntimeError(), "RuntimeError"),
        (MemoryError(), "It ran out of memory: try a smaller case, or more memory."),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "ring.madx"),
            "[Errno 2] No such file or directory: 'ring.madx'",
        ),
    ],
)
def test_exceptions_speak_to_people(error: BaseException, words: str) -> None:
    assert runner.words(error) == words


def test_a_full_disk_is_named_as_such() -> None:
    assert runner.words(OSError(errno.ENOSPC, "No space left on device")).startswith("The disk is full: free some space")


def test_progress_is_checked_and_bounded() -> None:
    assert runner.progress_of({}) == {"fraction": None, "frames": None, "message": None}
    told = runner.progress_of({"fraction": 7, "frames": 3.0, "message": "x" * 1000, "more": 1})
    assert (told["fraction"], told["frames"], len(told["message"])) == (1.0, 3, 300)
    assert runner.progress_of({"fraction": math.nan})["fraction"] is None
    with pytest.raises(ValueError, match="could not convert"):
        runner.progress_of({"fraction": "half"})


def test_a_final_event_stays_within_its_bound_whatever_is_put_in() -> None:
    data = runner.final_data("failed", "𝄞" * 9000, None, {"x": "𝄞" * 2000}, ["𝄞" * 1000] * 100, "twiss")
    assert len(json.dumps({"n": 1, "at": 1.0, "event": "final", "data": data})) <= runner.MAX_EVENT
    assert data["results"]


def test_results_that_are_nested_too_deep_to_be_told_are_left_out_and_that_is_said() -> None:
    results: dict[str, object] = {"tune": 0.31}
    for _ in range(60):
        results = {"more": results}
    data = runner.final_data("completed", "", None, results)
    assert data["results"] == {}
    assert "nested" in data["warnings"][0]


def test_lone_surrogates_do_not_reach_a_reader() -> None:
    runner.text("\udcc3\udca9\ud800").encode("utf-8")
    assert runner.text("caf\udcc3\udca9") == "café"
