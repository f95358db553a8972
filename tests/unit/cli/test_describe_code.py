"""`simyard code docs`: a page about a code, from its declaration."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from simyard.cli.describe_code import page
from simyard.codes import code_toml, registry
from simyard.config import Config
from tests.unit.cli.test_cli_words import simyard

TOML = r"""
title = "Ring optics"
description = "A ring | of magnets."
python = "madx"
requires = ["cpymad>=1.20"]

[inputs.energy]
type = "number"
unit = "GeV"
default = 3
minimum = 0.1
help = "Of the beam."

[inputs.cells]
type = "integer"
default = "2*6"
minimum = 4
maximum = 200
expression = true
group = "Ring"

[inputs.kind]
type = "choice"
choices = { thin = "Thin lenses", thick = "Thick" }
default = "thin"
group = "Ring"

[inputs.lattice]
type = "file"
suffixes = [".seq"]
when = { kind = ["thin", "thick"], on = true, notes = false }

[inputs.on]
type = "boolean"

[inputs.notes]
type = "text"
default = "one\ntwo"

[inputs.magnets]
type = "table"
default = [{ place = 1.5 }]

[[inputs.magnets.columns]]
name = "place"
type = "number"
unit = "m"
default = 0.0
maximum = 1e7

[models.twiss]
kind = "quick"
reports = ["beta", "film"]
memory = "512 MiB"
time_limit = 30

[models.track]
kind = "long"
cores = 2
parallel = true
checkpoints = true

[reports.film]
frames = true

[results.tune]
unit = "1"

[examples.big]
help = "A large one"
inputs = { energy = 7, cells = 20 }
"""


def test_the_page_has_all_that_is_declared() -> None:
    made = code_toml.from_table(Path("/codes/ring"), "0" * 12, tomllib.loads(TOML), "code.toml")
    lines = page(made).splitlines()
    for line in (
        "# Ring optics (`ring`)",
        "It runs in the environment `madx`, which has `cpymad>=1.20`: `simyard code install ring`.",
        "| `twiss` | quick: Twiss | 1 core, 512 MiB, at most 30 s | `beta`, `film` |",
        "| `track` | long: Track | 2 cores, 1.0 GiB, runs in parallel, goes on from checkpoints | none |",
        "| `energy` | Energy. Of the beam | GeV | 3 | number ≥ 0.1 |",
        "### Ring",
        "| `cells` | Cells | `2*6` | whole number 4 … 200, or an expression |",
        "| `kind` | Kind | `thin` | `thin` Thin lenses, `thick` Thick |",
        "| `lattice` | Lattice. Only where `kind` is `thin` or `thick` and `on` is yes and there is no `notes` |  |  | a file: `.seq` |",
        "| `notes` | Notes |  | a longer text | text |",
        "| `magnets` | Magnets |  | 1 row | 0 … 1000 rows |",
        "| `place` | Place | m | 0 | number ≤ 10000000 |",
        "| `big` | Big. A large one | energy = 7; cells = 20 |",
        "| `film` | Film | one picture for each frame |",
        "| `tune` | Tune | 1 |",
    ):
        assert line in lines, (line, page(made))
    assert "A ring | of magnets." in lines


def test_it_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    shown = simyard(tmp_path, "code", "docs", "grayscott")
    assert shown.stdout.splitlines()[0].endswith("(`grayscott`)"), shown.stderr
    assert simyard(tmp_path, "code", "docs", "grayscott", "--out", str(tmp_path / "page.md")).returncode == 0
    assert (tmp_path / "page.md").read_text("utf-8") == shown.stdout


@pytest.mark.parametrize("name", sorted(registry.load(Config(home=Path("/nowhere")))))
def test_each_input_of_our_codes_is_on_its_page(name: str) -> None:
    code = registry.load(Config(home=Path("/nowhere"))).code(name)
    text = page(code)
    for one in (*code.inputs, *code.models, *code.examples, *code.reports, *code.results):
        assert f"| `{one}` |" in text
