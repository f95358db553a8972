"""numpy arrays in reports and results of a code: Plotly typed arrays, and lists."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.contract.runner_kit import Site


def array(spec: dict[str, str]) -> Any:
    shape = [int(n) for n in spec["shape"].split(",")]
    return np.frombuffer(base64.b64decode(spec["bdata"]), "<" + spec["dtype"]).reshape(shape).tolist()


def test_arrays_become_typed_arrays_in_reports_and_lists_in_results(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        directory = site.directory(code="arrays", kind="quick", first_report="any")
        found = site.run(directory)
        assert found["warnings"] == []
        assert {name: found["results"][name] for name in ("tunes", "bad", "count")} == {
            "tunes": [0.25, 0.5],
            "bad": None,
            "count": 3,
        }
        first, second, third = json.loads((directory / "reports" / "any.json").read_text())["data"]
        assert array(first["z"]) == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        assert (first["x"]["dtype"], array(first["x"])) == ("i4", [0, 1, 2])
        assert (first["y"]["dtype"], array(first["y"])) == ("i2", [1, 2])
        assert first["name"] == 1.5
        assert (second["x"], second["y"], second["n"]) == (["a", "b"], [True, False], 7)
        assert (second["t"]["dtype"], array(second["t"])) == ("f4", [1.5])
        assert (third["big"]["dtype"], array(third["big"])) == ("f8", [2.0**40, 1.0])
        assert third["empty"] == []
        assert array(third["slice"]) == [[0.0, 2.0], [3.0, 5.0]]
        assert third["day"] == ["2026-01-02"]


def test_forks_of_one_warm_code_draw_different_numbers_from_numpy_too(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        served = site.serve("arrays")
        drawn = set()
        for number in range(2):
            directory = site.directory(code="arrays")
            served.ask(id=number, do="run", dir=str(directory))
            served.answer_to(number)
            served.answer_to(number)
            final = json.loads((directory / "events.jsonl").read_text().splitlines()[-1])
            drawn.add(tuple(final["data"]["results"]["draws"]))
        assert len(drawn) == 2
