"""A user's inputs are checked against what the code declares, each with words of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simyard.codes.declaration import MAX_TEXT, Declaration, Input
from simyard.errors import InvalidRequest
from simyard.protocol.jobs import Kind


@pytest.fixture
def code(tmp_path: Any) -> Declaration:
    inputs = [
        Input(name="energy", type="number", title="Energy", unit="GeV", default=3.0, minimum=0.1, maximum=10),
        Input(name="cells", type="integer", title="Cells", default=8, minimum=1),
        Input(name="match", type="boolean", title="Match", default=True),
        Input(name="title", type="string", title="Title"),
        Input(name="notes", type="text", title="Notes"),
        Input(name="particle", type="choice", title="Particle", default="proton", choices=("proton", "electron")),
        Input(name="job", type="file", title="Job", suffixes=(".madx", ".job")),
    ]
    return Declaration(name="ring", folder=tmp_path, title="Ring", version="0" * 12, inputs={one.name: one for one in inputs})


def test_what_is_left_out_stands_at_its_default(code: Declaration) -> None:
    assert code.check_inputs({}) == code.defaults()
    assert list(code.check_inputs({"title": "x"})) == list(code.inputs)


def test_values_take_the_form_of_their_type(code: Declaration) -> None:
    checked = code.check_inputs({"energy": 5, "cells": 12.0, "job": "a.madx"}, {"a.madx"})
    assert (checked["energy"], type(checked["energy"])) == (5.0, float)
    assert (checked["cells"], type(checked["cells"])) == (12, int)
    assert checked["job"] == "a.madx"


@pytest.mark.parametrize(
    "inputs, words",
    [
        ({"energy": "5"}, "Energy must be a number, not '5'."),
        ({"energy": True}, "Energy must be a number, not True."),
        ({"energy": float("nan")}, "Energy must be a finite number, not nan."),
        ({"energy": 10**400}, "Energy must be a finite number"),
        ({"energy": 11}, "Energy: 11 is above the largest allowed value, 10 GeV."),
        ({"energy": 0.01}, "Energy: 0.01 is below the smallest allowed value, 0.1 GeV."),
        ({"cells": 1.5}, "Cells must be a whole number, not 1.5."),
        ({"cells": 1 << 60}, "is too large a number"),
        ({"cells": None}, "Cells must be a whole number, not None."),
        ({"match": 1}, "Match must be true or false, not 1."),
        ({"title": "a\nb"}, "Title must be one line"),
        ({"title": 5}, "Title must be text, not 5."),
        ({"notes": "x" * (MAX_TEXT + 1)}, "put it into a file"),
        ({"notes": "a\0b"}, "characters in it that are not text"),
        ({"notes": "\ud800"}, "characters in it that are not text"),
        ({"particle": "muon"}, "Particle must be one of proton, electron, not 'muon'."),
        ({"job": "b.madx"}, "Job: the simulation has no file called 'b.madx' (it has: a.madx). Add the file first."),
        ({"job": 1}, 'Job must be the name of a file, or a file of another simulation ({"simulation", "model", "file"}), not 1.'),
        ({"enrgy": 3}, "Ring has no input called 'enrgy'; did you mean 'energy'?"),
    ],
)
def test_a_wrong_value_is_refused_in_words(code: Declaration, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        code.check_inputs(inputs, {"a.madx"})
    assert caught.value.code == "invalid-input"
    assert words in caught.value.detail
    assert words in caught.value.more["errors"][next(iter(inputs))]


def test_all_that_is_wrong_is_told_at_once(code: Declaration) -> None:
    with pytest.raises(InvalidRequest) as caught:
        code.check_inputs({"energy": 99, "cells": 0, "nope": 1, "title": "fine"})
    assert set(caught.value.more["errors"]) == {"energy", "cells", "nope"}


def test_a_file_belongs_to_the_input_that_has_its_suffix(code: Declaration) -> None:
    assert code.input_for("RING.MADX") == "job"
    assert code.input_for("ring.seq") == ""


def test_unknown_models_and_examples_are_named_with_those_that_there_are(madx: Declaration) -> None:
    with pytest.raises(InvalidRequest, match="no model called 'twis'; it has twiss, track"):
        madx.model("twis")
    with pytest.raises(InvalidRequest, match="no example called 'x'; it has storage_ring"):
        madx.example("x")


def test_what_the_api_tells_is_json_and_draws_the_form(madx: Declaration) -> None:
    plain = json.loads(json.dumps(madx.to_plain()))
    groups = [group["title"] for group in plain["groups"]]
    assert groups == ["Job", "Ring", "Twiss", "Matching", "Apertures", "Errors", "Tracking"]
    assert {name for group in plain["groups"] for name in group["inputs"]} == set(madx.inputs)
    energy = next(one for one in plain["inputs"] if one["name"] == "energy")
    assert (energy["type"], energy["unit"], energy["default"], energy["minimum"]) == ("number", "GeV", 3.0, 0.001)
    assert [(one["name"], one["kind"], one["reports"][0]) for one in plain["models"]] == [
        ("twiss", Kind.QUICK.value, "beta"),
        ("track", Kind.LONG.value, "phase_space"),
        ("match", Kind.QUICK.value, "matched"),
        ("aperture", Kind.QUICK.value, "n1"),
        ("survey", Kind.QUICK.value, "floor"),
        ("errors", Kind.LONG.value, "spread"),
    ]
    assert {one["name"] for one in plain["reports"] if one["frames"]} == {"seed", "phase_space"}
    assert plain["examples"][0]["name"] == "storage_ring"


def test_every_example_of_the_package_passes_the_check(madx: Declaration, grayscott: Declaration) -> None:
    for declared in (madx, grayscott):
        for example in declared.examples.values():
            declared.check_inputs(example.inputs)
