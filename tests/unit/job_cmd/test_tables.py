"""Tables that programs write, read and drawn: text with spaces, CSV, HDF5; what cannot be drawn is told in words."""

from __future__ import annotations

import base64
from array import array
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import simyard.job_cmd.tables as tables_module

# it is written for Python 2.7 as well, and has no annotations
tables: Any = tables_module


def a_file(folder: Path, text: str, name: str = "table.txt") -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


def columns(path: str, *wanted: str | int, whole: bool = True) -> list[list[float]]:
    return [list(one) for one in tables.columns_of(path, wanted, whole)]


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.txt", "# made by solver 2.1\n# t  x\n0 1.5\n\n1 2.5\n"),
        ("a.txt", "t x\n0 1.5\n1 2.5\n"),
        ("a.dat", "! t x\n0  1.5D+00\n1\t2.5d0"),
        ("a.csv", "t,x\n0,1.5\n1,2.5\n"),
        ("a.csv", '"t" ; "x"\n0;1.5\n1;2.5\n'),
        ("a.csv", "# t,x\n0,1.5\n1,2.5\n"),
        ("a.CSV", "\ufefft\tx\r\n0\t1.5\r\n1\t2.5\r\n"),
    ],
)
def test_columns_are_found_by_name_and_by_number(name: str, text: str, tmp_path: Path) -> None:
    path = a_file(tmp_path, text, name)
    assert columns(path, "x", "t") == [[1.5, 2.5], [0, 1]]
    assert columns(path, 2, 1) == [[1.5, 2.5], [0, 1]]


def test_a_last_line_without_its_end_counts_only_when_nobody_writes_any_more(tmp_path: Path) -> None:
    path = a_file(tmp_path, "1 10\n2 2")
    assert columns(path, 2, whole=False) == [[10]]
    assert columns(path, 2) == [[10, 2]]


def test_what_is_missing_is_no_number(tmp_path: Path) -> None:
    assert np.isnan(columns(a_file(tmp_path, "a,b\n1,\n2,nan\n", "a.csv"), "b")[0]).all()


@pytest.mark.parametrize(
    "text, words",
    [
        ("1 2\n3 x\n", "table.txt, line 2: 3 x is not a row of numbers."),
        ("1 2\n3\n", "table.txt, line 2: 1 columns, where there are 2 above."),
        ("t y\n1 2\n", "table.txt has no column x; its columns: t, y."),
        ("1 2\n", "table.txt has no column x; its columns: 2, without names."),
        ("# nothing yet\n", "table.txt has no numbers yet."),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"table\.txt") as caught:
        columns(a_file(tmp_path, text), 1 if "line" in words else "x")
    assert str(caught.value) == words


def test_a_column_beyond_the_last_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no column 3"):
        columns(a_file(tmp_path, "1 2\n"), 3)


def test_a_long_curve_keeps_its_peaks() -> None:
    y = array("d", [0.0]) * 200_000
    y[77_777], y[3] = 5.0, -5.0
    thin_x, thin_y = tables.thin(array("d", range(len(y))), y)
    assert len(thin_y) <= tables.MAX_POINTS
    assert (thin_x[thin_y.index(5.0)], thin_x[thin_y.index(-5.0)]) == (77_777, 3)
    assert list(thin_x) == sorted(thin_x)


def test_a_large_map_is_drawn_by_means() -> None:
    rows = [array("d", [float(row + column) for column in range(5)]) for row in range(4)]
    assert [list(row) for row in tables.coarse(rows, 2)] == [[1, 3, 4.5], [3, 5, 6.5]]


def z(figure: dict[str, Any]) -> list[list[float]]:
    value = figure["data"][0]["z"]
    assert value["dtype"] == "f8"
    shape = [int(part) for part in value["shape"].split(",")]
    found: list[list[float]] = np.frombuffer(base64.b64decode(value["bdata"])).reshape(shape).tolist()
    return found


def test_columns_and_maps_and_frames_of_hdf5_are_drawn(tmp_path: Path) -> None:
    path = str(tmp_path / "out.h5")
    with h5py.File(path, "w") as file:
        file["run/time"] = np.arange(4)
        file["run/energy"] = np.arange(4) * 0.5
        file["map"] = np.arange(6, dtype=np.float32).reshape(2, 3)
        file["cube"] = np.arange(12).reshape(2, 2, 3)
        file["words"] = "čau"
    lines = tables.figure(path, {"file": "out.h5", "x": "run/time", "y": ["run/energy"], "y_title": "E [J]"}, -1, True)
    assert (list(lines["data"][0]["x"]), list(lines["data"][0]["y"])) == ([0, 1, 2, 3], [0, 0.5, 1, 1.5])
    assert (lines["layout"]["xaxis"]["title"]["text"], lines["layout"]["yaxis"]["title"]["text"]) == ("run/time", "E [J]")
    assert z(tables.figure(path, {"file": "out.h5", "plot": "heatmap", "z": "map"}, -1, True)) == [[0, 1, 2], [3, 4, 5]]
    cube = {"file": "out.h5", "plot": "heatmap", "z": "cube", "frames": True}
    assert tables.frames(path, "cube") == 2
    assert z(tables.figure(path, cube, 1, True)) == [[6, 7, 8], [9, 10, 11]]
    for wanted, frame, words in (
        (cube, 2, "There is no frame 3: there are 2."),
        ({**cube, "z": "map"}, 0, "out.h5: map must be numbers in 3 dimensions, not (2, 3)."),
        ({"file": "out.h5", "y": ["nope"]}, -1, "out.h5 has no dataset nope; it has cube, map, run/energy, run/time, words."),
        ({"file": "out.h5", "y": ["words"]}, -1, "out.h5: words must be numbers in 1 dimensions, not ()."),
    ):
        with pytest.raises(ValueError, match=r"There is no frame|out\.h5") as caught:
            tables.figure(path, wanted, frame, True)
        assert str(caught.value) == words


def test_a_file_that_is_no_hdf5_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"out\.h5 cannot be read"):
        tables.figure(a_file(tmp_path, "1 2\n", "out.h5"), {"file": "out.h5", "y": ["a"]}, -1, True)


def test_without_an_x_the_rows_are_counted(tmp_path: Path) -> None:
    figure = tables.figure(a_file(tmp_path, "5\n6\n"), {"file": "table.txt", "y": [1]}, -1, True)
    assert list(figure["data"][0]["x"]) == [1, 2]
    assert figure["layout"]["yaxis"]["title"]["text"] == "column 1"
