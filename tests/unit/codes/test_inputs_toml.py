"""What a code.toml may say of inputs beyond their type: conditions, tables, expressions, titles of choices."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from simyard.codes import code_toml
from simyard.codes.declaration import CodeError, Declaration

GOOD = """
title = "Ring"

[inputs.cells]
type = "integer"
default = 24
minimum = 1

[inputs.phase]
type = "number"
default = "360/cells"
maximum = 180
step = 0.5
expression = true

[inputs.particle]
type = "choice"
default = "electron"
choices = { electron = "Electron", proton = "Proton" }

[inputs.job]
type = "file"

[inputs.mass]
type = "number"
default = 0.9
when = { particle = "proton", job = false }

[inputs.notes]
type = "text"
language = "madx"
advanced = true

[inputs.magnets]
type = "table"
min_rows = 1
max_rows = 4

[[inputs.magnets.columns]]
name = "position"
type = "number"
unit = "m"
default = 0

[[inputs.magnets.columns]]
name = "kind"
type = "choice"
default = "f"
choices = ["f", "d"]

[models.twiss]
kind = "quick"

[examples.half]
inputs = { phase = "180/cells", magnets = [{ position = 1 }] }
"""


def read(text: str) -> Declaration:
    return code_toml.from_table(Path("/codes/ring"), "0123456789ab", tomllib.loads(text), "/codes/ring/code.toml")


def test_a_declaration_tells_the_page_all_that_it_says_of_its_inputs() -> None:
    plain = {one["name"]: one for one in json.loads(json.dumps(read(GOOD).to_plain()))["inputs"]}
    assert (plain["phase"]["default"], plain["phase"]["default_value"], plain["phase"]["step"]) == ("360/cells", 15.0, 0.5)
    assert (plain["particle"]["choices"], plain["particle"]["labels"]["proton"]) == (["electron", "proton"], "Proton")
    assert plain["mass"]["when"] == {"particle": ["proton"], "job": [False]}
    assert (plain["notes"]["language"], plain["notes"]["advanced"]) == ("madx", True)
    assert [column["name"] for column in plain["magnets"]["columns"]] == ["position", "kind"]
    assert plain["magnets"]["default"] == [{"position": 0.0, "kind": "f"}]


def test_examples_may_hold_expressions_and_rows_that_leave_columns_out() -> None:
    code = read(GOOD)
    assert code.examples["half"].inputs == {"phase": "180/cells", "magnets": [{"position": 1.0, "kind": "f"}]}
    assert code.values(code.examples["half"].inputs)["phase"] == 7.5


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('default = "360/cells"', 'default = "360/cels"', "inputs.phase.default: Phase: There is no number called “cels” here"),
        ('default = "360/cells"', 'default = "9999/cells"', "inputs.phase.default: Phase: 416.625 is above"),
        ('default = "360/cells"', 'default = "phase"', "inputs.phase.default: Phase: Expressions that depend on each other"),
        ("expression = true", "", "inputs.phase.default: Phase must be a number, not '360/cells'"),
        ("expression = true", 'expression = "yes"', "inputs.phase.expression: must be true or false"),
        ("step = 0.5", "step = 0", "inputs.phase.step: must be above 0"),
        ("step = 0.5", 'scale = "log"', "inputs.phase.scale: 'log' needs a minimum above 0 and a maximum"),
        ("step = 0.5", 'scale = "square"', "inputs.phase.scale: 'square' is not a scale; write 'linear' or 'log'"),
        ("step = 0.5", 'format = "%g"', "inputs.phase.format: '%g' is not a format; write 'plain' or 'scientific'"),
        ("step = 0.5", "max_rows = 3", "inputs.phase.max_rows: there is no such key for an input of type number"),
        ('proton = "Proton" }', "proton = 1 }", "inputs.particle.choices.proton: must be a title in quotes, not 1"),
        ('particle = "proton"', 'particle = "muon"', "inputs.mass.when.particle: Particle must be one of electron, proton, not 'muon'"),
        ('particle = "proton"', 'prticle = "proton"', "inputs.mass.when.prticle: there is no other input called 'prticle'; there are cells"),
        ('particle = "proton"', "particle = []", "inputs.mass.when.particle: needs a value, or a list of values"),
        ('particle = "proton"', "mass = 1", "inputs.mass.when.mass: there is no other input"),
        ('particle = "proton"', "phase = 1", "inputs.mass.when.phase: phase is an expression"),
        ('particle = "proton"', "magnets = true", "inputs.mass.when.magnets: magnets is a table"),
        ("job = false", 'job = "a.madx"', "inputs.mass.when.job: job is a file: write true for where there is one"),
        ('when = { particle = "proton", job = false }', "when = 3", "inputs.mass.when: must be a table, like { other_input = true }"),
        ('type = "file"', 'type = "file"\nwhen = { mass = 1 }', "inputs.job.when: goes round in a circle"),
        ('language = "madx"', 'language = "MAD X"', "inputs.notes.language: 'MAD X' must be lower-case letters"),
        ("advanced = true", "advanced = 1", "inputs.notes.advanced: must be true or false"),
        ("max_rows = 4", "max_rows = 0", "inputs.magnets.max_rows: must be from min_rows, 1, to 1000"),
        ('name = "position"', 'name = "Position"', "inputs.magnets.columns[0].name: 'Position' must start with a lower-case letter"),
        ('name = "kind"', 'name = "position"', "inputs.magnets.columns[1].name: there are two columns called 'position'"),
        ('name = "kind"', "", "inputs.magnets.columns[1].name: is missing"),
        ('unit = "m"', 'unit = "m"\nexpression = true', "inputs.magnets.columns[0].expression: there is no such key"),
        ("default = 0\n", "", "inputs.magnets.columns[0].default: is missing"),
        ('[[inputs.magnets.columns]]\nname = "kind"\ntype = "choice"', '[[inputs.magnets.columns]]\nname = "kind"\ntype = "file"',
         "inputs.magnets.columns[1].type: 'file' is not a type of a column; write one of number, integer"),
        ('phase = "180/cells"', 'phase = "9000/cells"', "examples.half.inputs.phase: Phase: 375 is above"),
        ("[{ position = 1 }]", "[{ x = 1 }]", "examples.half.inputs.magnets: Magnets, row 1: there is no column called 'x'"),
        ("[{ position = 1 }]", "[]", "examples.half.inputs.magnets: Magnets has 0 rows, fewer than the 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_key_and_the_fix(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(CodeError) as caught:
        read(GOOD.replace(old, new, 1))
    assert caught.value.detail.startswith(f"/codes/ring/code.toml: {words}")


def test_a_table_needs_columns() -> None:
    with pytest.raises(
        CodeError, match=r"inputs\.t\.columns: a table needs 1 to 50 columns; write \[\[inputs\.NAME\.columns\]\]"
    ):
        read('title = "x"\n[inputs.t]\ntype = "table"\n[models.a]\nkind = "quick"\n')
