"""What is wanted of matching is checked and told to MAD-X, and what came of it is read and told."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

# a code's modules have no annotations
madx_match: Any = import_module("madx_match")
madx_words: Any = import_module("madx_words")

ROWS = ["ring$start:1", "qf:1", "drift_0:0", "b:1", "qd:1", "qf:2", "ring$end:1"]
#: As printed by MAD-X 5.09.03, with the job's own matching before it.
LOG = f"""Initial Penalty Function =   0.50000000E+00
call:       2   Penalty function =   0.10000000E-20
{madx_words.JOB_ENDED}
Initial Penalty Function =   0.25243057E+00

call:       4   Penalty function =   0.78393026E-01
call:       7   Penalty function =   0.59212452E-03
 ++++++++++ LMDIF ended: converged successfully
call:       7   Penalty function =   0.59212452E-03
"""


def row(quantity: str, place: str = "", relation: str = "=", value: float = 5.25) -> dict[str, Any]:
    return {"quantity": quantity, "place": place, "relation": relation, "value": value}


@pytest.mark.parametrize(
    "wanted, tell, words, at",
    [
        (row("tune_x"), "global, sequence=ring, q1=5.25;", "tune x = 5.25", -1),
        (row("chromaticity_y", relation="<"), "global, sequence=ring, dq2<5.25;", "chromaticity y < 5.25", -1),
        (row("beta_x", "QF[2]"), "constraint, sequence=ring, range=qf[2], betx=5.25;", "beta x at qf[2] = 5.25", 5),
        (row("dispersion_x", "b"), "constraint, sequence=ring, range=b, dx=5.25;", "dispersion x at b = 5.25", 3),
        (row("alfa_y"), "constraint, sequence=ring, range=#s, alfy=5.25;", "alfa y at #s = 5.25", 0),
        (row("phase_x", "#e"), "constraint, sequence=ring, range=#e, mux=5.25;", "phase x at #e = 5.25", 6),
    ],
)
def test_a_target_is_a_statement_of_mad_x_and_a_place_in_the_table(wanted: Any, tell: str, words: str, at: int) -> None:
    made = madx_match.target(wanted, "ring", ROWS)
    assert (made["tell"], made["words"], made["row"]) == (tell, words, at)


@pytest.mark.parametrize(
    "wanted, words",
    [
        (row("tune_x", "qf"), "the tune x is that of the whole machine: leave its place empty, not 'qf'"),
        (row("beta_x", "qs"), "has no element qs. There are qf, qd, b. #s and #e are its ends."),
        (row("beta_x", "qf[3]"), "has no qf[3], only qf[1] to qf[2] by MAD-X's count"),
        (row("beta_x", "qf; stop"), "has no element qf; stop."),
    ],
)
def test_a_place_that_is_not_there_is_refused_with_those_that_are(wanted: Any, words: str) -> None:
    with pytest.raises(ValueError) as error:
        madx_match.target(wanted, "ring", ROWS)
    assert words in str(error.value)


def test_the_statements_have_limits_only_where_there_are_some() -> None:
    knobs = [{"name": "kf", "lower": -1e20, "upper": 0.9}, {"name": "qd->k1", "lower": -1e20, "upper": 1e20}]
    wanted = [madx_match.target(one, "ring", ROWS) for one in (row("tune_x"), row("tune_y"))]
    assert madx_match.statements("ring", knobs, wanted, 50).splitlines() == [
        "match, sequence=ring;",
        "  vary, name=kf, step=1e-06, upper=0.9;",
        "  vary, name=qd->k1, step=1e-06;",
        "  global, sequence=ring, q1=5.25;",
        "  global, sequence=ring, q2=5.25;",
        "  lmdif, calls=50, tolerance=1e-18;",
        "endmatch;",
    ]


@pytest.mark.parametrize(
    "relation, value, met",
    [("=", 5.25003, True), ("=", 5.26, False), ("<", 1.0, True), ("<", 5.3, False), (">", 9.0, True), (">", 5.2, False), ("=", float("nan"), False)],
)  # fmt: skip
def test_a_target_is_met_within_a_hundred_thousandth(relation: str, value: float, met: bool) -> None:
    assert madx_match.met({"relation": relation, "value": 5.25}, value) is met


def test_what_was_not_reached_is_told_with_numbers_and_knobs_at_their_limits() -> None:
    one = madx_match.target(row("tune_x"), "ring", ROWS)
    said = madx_match.failure([(one, 4.9)], 2, 0.1225)
    assert said.startswith("1 of 2 targets not reached: wanted tune x = 5.25, reached 4.9. The penalty is 0.122.")
    rows = [{"lower": -1e20, "upper": 0.9}, {"lower": -1e20, "upper": 1e20}, {"lower": 0.0, "upper": 2.0}]
    now = {"kf": 0.8999999, "kd": -0.7, "ks": 1.0}
    assert madx_match.stuck(rows, ["kf", "kd", "ks"], {"kf": 1.0, "kd": -0.7, "ks": 0.5}, now) == [
        "The knob kf began at 1, outside its limits: MAD-X seldom gets away from a limit then.",
        "The knob kf stands at its limit, 0.9.",
        "The knob kd was not moved: it stays at -0.7.",
    ]


def test_the_penalty_is_that_of_the_last_matching(tmp_path: Any) -> None:
    calls, penalties = madx_match.course(LOG)
    assert calls.tolist() == [0, 4, 7]
    np.testing.assert_allclose(penalties, [0.25243057, 0.078393026, 0.00059212452])
    (tmp_path / "simyard").mkdir()
    wanted = [madx_match.target(one, "ring", ROWS) for one in (row("tune_x"), row("tune_y"))]
    madx_match.keep(str(tmp_path), wanted, [5.2, 4.4], [5.25, 4.4])
    figure = madx_match.draw_targets(SimpleNamespace(dir=str(tmp_path)), LOG)
    assert figure["layout"]["title"]["text"] == "1 of 2 targets reached"
    assert figure["data"][1]["y"] == ["tune x = 5.25", "tune y = 5.25 (not reached)"]
    np.testing.assert_allclose(figure["data"][1]["x"], [0.05, 0.85])
    with pytest.raises(ValueError, match="nothing matched yet"):
        madx_match.draw_targets(SimpleNamespace(dir=str(tmp_path / "other")), LOG)
