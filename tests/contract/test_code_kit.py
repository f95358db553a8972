"""`simyard code test` finds what is wrong with each of the codes in codes-wrong, names the place and the fix, and never hangs."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from simyard.cli.bench import Limits
from simyard.cli.test_code import declared, hold
from simyard.codes import registry
from simyard.config import Config

WRONG = Path(__file__).parent / "codes-wrong"
DECLARED, LOADED, RUN, REPORT = "the declaration can be read", "its code can be loaded", "go: completes", "go: report curve"
CANCEL = "go: cancel leaves nothing behind"
#: No test may take as long (seconds), though the codes that hang do so for a thousand.
LIMIT = 120.0

#: By name: the check that fails, the place, and what to do.
DECLARATIONS = {
    "toml_syntax": (DECLARED, "code.toml, line 1: ", 'write title = "Ring optics"'),
    "toml_quote": (DECLARED, "code.toml, line 1: ", "a quote is missing at the end of the line"),
    "unknown_key": (DECLARED, "code.toml, line 5: models.go.report: ", "did you mean 'reports'?"),
    "unknown_table": (DECLARED, "code.toml, line 3: input: ", "did you mean 'inputs'?"),
    "missing_title": (DECLARED, "code.toml, line 1: title: ", "did you mean it by 'titel'?"),
    "wrong_type": (DECLARED, "code.toml, line 6: inputs.size.minimum: ", "write minimum = 0.5"),
    "not_a_list": (DECLARED, "code.toml, line 5: models.go.reports: ", 'write reports = ["curve"]'),
    "wrong_kind": (DECLARED, "code.toml, line 4: models.go.kind: ", "write one of quick, long"),
    "default_outside": (DECLARED, "code.toml, line 5: inputs.size.default: ", "below the smallest allowed value, 1"),
    "no_default": (DECLARED, "code.toml, line 3: inputs.size.default: ", "write default = 2"),
    "example_unknown": (DECLARED, "code.toml, line 11: examples.small.inputs.sise: ", "did you mean 'size'?"),
    "no_models": (DECLARED, "code.toml: models: ", "write [models.NAME] with a kind"),
    "when_circle": (DECLARED, "code.toml, line 5: inputs.a.when: ", "cannot depend on one that depends on it"),
    "requires_alone": (DECLARED, "code.toml, line 2: requires: ", "add python = 'requires_alone'"),
    "no_program": (DECLARED, "code.py does not exist", "or else a [program] in its code.toml"),
    "template_hole": (DECLARED, "in.txt, line 2: ", "did you mean 'steps'"),
    "pattern_quotes": (DECLARED, "code.toml, line 5: program.error: ", "write it in single quotes"),
    "report_lost": ("each report belongs to a model", "[reports.curve]", 'reports = ["curve"]'),
    "not_installed": ("it is installed", "", "run `simyard code install not_installed`"),
}
CODES = {
    "syntax_error": (LOADED, "code.py, line 4: ", "mend it there"),
    "import_missing": (LOADED, "code.py, line 1: ", "add its package to `requires`"),
    "import_hangs": (LOADED, "loading code.py took longer than 2 s", "do nothing when it is imported"),
    "no_prepare": (RUN, "code.py", "write one: def prepare(run)"),
    "prepare_nothing": (RUN, "code.py, prepare(run): ", 'return ["program", "input.txt"]'),
    "prepare_raises": (RUN, "code.py, line 3: NameError", "prepare(run) refuses it: mend it"),
    "prepare_hangs": (RUN, "code.py, prepare(run): ", "give it more time"),
    "no_command": (RUN, "The command nosuchprogram could not be started", "name a program that is on PATH"),
    "exits": (RUN, "exit status 3. Its last words: no lattice in ring.seq", "run its command by hand"),
    "run_hangs": (RUN, "its time limit of 2 s", "let the example be a small one"),
    "finish_hangs": (RUN, "in finish(run)", "read a few numbers"),
    "leaves_process": (RUN, "It left 1 process running", "Let its command wait"),
    "second_example": ("go: completes with example large", "code.py, line 7: IndexError", "raise ValueError with a sentence"),
    "progress_back": ("go: progress never goes back", "fraction was 0.5, and then 0.2", "all that is done so far"),
    "progress_silent": ("go: tells its progress", "never said how far it is", "call run.progress(fraction)"),
    "progress_raises": ("go: progress(run) does not raise", "code.py, line 6: FileNotFoundError", "return {}"),
    "report_no_figure": (REPORT, "'x' does not belong to one", '{"data": ['),
    "report_uneven": (REPORT, "data[0]: x has 3 values and y has 2 values", "they must be as many"),
    "report_trace": (REPORT, "data[0].type: 'heat_map'", "did you mean 'heatmap'?"),
    "report_raises": (REPORT, "code.py, line 6: ", "must return a figure"),
    "report_hangs": (REPORT, "took longer than 2 s", "read what the run has computed"),
    "frames_never": ("go: report film", "never told of any", "return {'frames': …}"),
    "ignores_term": (CANCEL, "within 0.5 s of SIGTERM", "do not ignore that signal"),
    "forgets": ("go: goes on from its checkpoint", "its second part began at", "read what it has saved"),
    "no_words": (
        "go: prepare bears any input that is allowed",
        "cells = 0: code.py, line 2: ZeroDivisionError",
        "narrow minimum",
    ),
}
#: What fails of necessity along with it.
ALONG = {"prepare_hangs": {CANCEL}}
LIMITS = {
    "import_hangs": Limits(load=2.0),
    "prepare_hangs": Limits(run=2.0, start=2.0),
    "run_hangs": Limits(run=2.0),
    "finish_hangs": Limits(run=2.0),
    "report_hangs": Limits(report=2.0),
    "progress_silent": Limits(silent=1.0),
    "ignores_term": Limits(grace=0.5),
}


@pytest.mark.parametrize("name", ["grayscott", "lammps", "madx", "srw", "xsuite"])
def test_what_our_own_codes_declare_holds(name: str, tmp_path: Path) -> None:
    checks = dict(declared(registry.named(Config(home=tmp_path), name)))
    assert len(checks) > 10
    assert set(checks.values()) == {""}, checks


def test_each_wrong_code_is_held_here() -> None:
    assert {path.name for path in WRONG.iterdir()} == {*DECLARATIONS, *CODES}


@pytest.mark.parametrize("name", [*DECLARATIONS, *CODES])
def test_what_is_wrong_is_found_with_its_place_and_the_fix(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    check, place, fix = {**DECLARATIONS, **CODES}[name]
    began = time.monotonic()
    told: list[str] = []
    results = hold(Config(home=tmp_path), str(WRONG / name), lambda what, _: told.append(what), LIMITS.get(name))
    assert time.monotonic() - began < LIMIT
    wrong = {what: words for what, words in results if words}
    assert set(wrong) - ALONG.get(name, set()) == {check}, wrong
    assert place in wrong[check]
    assert fix in wrong[check]
    assert told == [what for what, _ in results], "each is told when it is known"
    assert working_in(tmp_path) == [], "nothing of it is left"


def working_in(folder: Path) -> list[str]:
    """The processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                    found.append(entry.name)
            except OSError:
                continue
    return found


SEVERAL = """\
title = "Several"

[inputs.of]
type = "choice"
choices = ["ring", "line"]
default = "ring"

[models.track]
kind = "quick"
reports = ["tune", "ends"]

[examples.ring]
inputs = { of = "ring" }

[examples.line]
inputs = { of = "line" }

[examples.bend]
inputs = { of = "line" }
"""
REFUSES = """\
def prepare(run):
    return work


def work(run):
    if run.inputs["of"] == "ring":
        raise ValueError("A ring has no ends: take a line.")


def report(run, name, frame):
    if name == "tune":
        raise ValueError("A line has no tune: take a ring.")
    return {"data": []}
"""


def test_what_is_refused_in_words_is_let_pass_where_another_example_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "several"
    folder.mkdir()
    (folder / "code.toml").write_text(SEVERAL)
    (folder / "code.py").write_text(REFUSES)
    found = dict(hold(Config(home=tmp_path), str(folder), None))
    assert found["track: completes with example ring, or refuses it in words"] == ""
    assert found["track: completes with example line"] == found["track: completes with example bend"] == ""
    assert found["track: report ends"] == ""
    assert "A line has no tune: take a ring; " in found["track: report tune"]
    assert "with none of the examples it is made" in found["track: report tune"]
    found = dict(hold(Config(home=tmp_path), str(folder), None, first=True))
    assert "track: completes with example bend" not in found
    assert found["track: report tune is made, or refused in words"] == ""
    (folder / "code.py").write_text(REFUSES.replace(' == "ring"', ""))
    found = dict(hold(Config(home=tmp_path), str(folder), None))
    assert "failed: code.py, line 7: A ring has no ends: take a line; " in found["track: completes with example ring"]
    assert "track: cancel leaves nothing behind" not in found, "what fails by itself cannot be stopped"
