"""What MAD-X prints and why Xsuite finds no optics become sentences; MAD-X's output here was recorded. Nothing here needs Xsuite."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import pytest

# a code's modules have no annotations
xsuite_words: Any = import_module("xsuite_words")

#: As printed by MAD-X 5.09.03, shortened.
GREETING = """
  ++++++++++++++++++++++++++++++++++++++++++++
  +     MAD-X 5.09.03  (64 bit, Linux)       +
  ++++++++++++++++++++++++++++++++++++++++++++
"""
FAILED_TWISS = (
    GREETING
    + """twiss;

enter Twiss module
++++++ warning: TWCLORB:  Horizontal plane might be unstable More information with the debug flag on.
++++++ warning: TWCLORB:  Horizontal plane might be unstable More information with the debug flag on.
++++++ Error: seterrorflag : Description: TWISS failed
"""
)


def test_a_fatal_message_is_told_with_the_statement_before_it() -> None:
    output = GREETING + "q1: quadrupole, l=0.3, k1=0.5\n\nq2: quadrupole, l=0.3;\n\n+=+=+= fatal: illegal format near: k1\n"
    assert xsuite_words.of_madx(output, 1, "ring.madx", ["ring.madx"]) == (
        "MAD-X could not read ring.madx: illegal format near: k1 (after: q2: quadrupole, l=0.3;)."
    )


def test_a_called_file_that_is_not_there_is_named_with_the_next_step() -> None:
    output = GREETING + 'call, file="ring.seq";\n\n+=+=+= fatal: cannot open input file: ring.seq\n'
    said = xsuite_words.of_madx(output, 1, "a.madx", ["b.str", "a.madx"])
    assert "cannot open input file: ring.seq" in said
    assert "not among the run's files (a.madx, b.str): add it" in said


@pytest.mark.parametrize("status, words", [(1, "ended with exit status 1"), (-11, "was ended by signal 11")])
def test_who_dies_without_a_word_is_told_by_its_end(status: int, words: str) -> None:
    assert words in xsuite_words.of_madx(GREETING, status, "a.madx", [])


def test_warnings_and_errors_that_ended_nothing_come_once_each() -> None:
    assert xsuite_words.warnings(FAILED_TWISS) == [
        "MAD-X: TWCLORB: Horizontal plane might be unstable More information with the debug flag on. [2 times]",
        "MAD-X: seterrorflag : Description: TWISS failed",
    ]
    many = "".join(f"++++++ warning: number {number}\n" for number in range(40))
    said = xsuite_words.warnings(many)
    assert len(said) == xsuite_words.MAX_WARNINGS
    assert said[-1] == "MAD-X: 29 more kinds of warnings, in the log"


def test_unstable_optics_are_told_by_the_plane_and_its_cosine() -> None:
    said = xsuite_words.unstable((0.3, -1.25), "4d", ValueError("x"))
    assert "cos µy = -1.25, which must lie between −1 and 1" in said
    assert "µx" not in said
    assert "lost within one turn" in xsuite_words.unstable((math.nan, math.nan), "4d", ValueError("x"))


def test_optics_that_fail_for_another_reason_are_told_in_xsuites_words() -> None:
    said = xsuite_words.unstable((0.3, 0.2), "6d", ValueError("no  closed\norbit"))
    assert "no periodic optics (6d): no closed orbit." in said
    assert "lag" in said
    assert "lag" not in xsuite_words.unstable((0.3, 0.2), "4d", ValueError(""))


def test_too_many_particles_are_told_with_how_many_fit() -> None:
    said = xsuite_words.too_many(100_000, 800 << 20, 512 << 20)
    assert said.startswith("100,000 particles need about 800 MiB, the run has 512 MiB.")
    assert "at most 64,000 particles" in said
