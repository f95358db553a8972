"""What is filled into a template, and how: one pass, formats that fit the type, and errors that name the line."""

from __future__ import annotations

from typing import Any

import pytest

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
