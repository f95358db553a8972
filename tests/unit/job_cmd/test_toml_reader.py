"""The job cmd's own reader of TOML reads what tomllib reads, and knows the line of each key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import simyard.job_cmd.toml_reader as toml_module

# it is written for Python 2.7 as well, and has no annotations
toml: Any = toml_module
ROOT = Path(__file__).parents[3]
FILES = sorted(path for folder in ("src", "tests", "examples", "bench") for path in (ROOT / folder).rglob("*.toml"))

TRICKY = r'''
# comment with "quotes" and [brackets]
"quoted key" = 1
'literal.key'.inner = 2   # dotted
a.b . c = "x # no comment"
empty = ""
basic = "tab\t quote\" slash\\ \u010dau \U0001F600"
literal = 'C:\new ${x} \d+'
multi = """
first
second \
    still second "quoted" ""end"""""
numbers = [0, -17, +5, 1_000_000, 0xDEAD_beef, 0o17, 0b101, 3.0, -0.01, 5e22, 1E-6, 6.626e-34, 1_0.2_5, inf, -inf]
flags = [true, false]
nested = [[1, 2], ["a", 'b'], [],
  { x = 1, y.z = "2" },  # with a comment
]
inline = { a = { b = {} }, "c d" = [ { e = 1 } ] }

[table]
key = 1
[table.sub."odd.name"]
key = 2
[[many]]
name = "one"
[[many.deep]]
x = 1
[[many.deep]]
x = 2
[[many]]
name = "two"
[many.more]
y = 3
[later]
[table.other]
z = 4
'''
LITERAL = "a = '''\nas \\it is ''quoted''\n'''\nb = ''''quoted''''\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_declaration_here_is_read_as_tomllib_reads_it(path: Path) -> None:
    text = path.read_text("utf-8")
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # one that is wrong on purpose: both say so
        with pytest.raises(toml.BadToml):
            toml.read(text)
    else:
        assert toml.read(text)[0] == expected


def test_there_are_declarations_to_read() -> None:
    assert len(FILES) > 5


@pytest.mark.parametrize(
    "text", [TRICKY, TRICKY.replace("\n", "\r\n"), "", "# only a comment", "a = 1 # end", "\n\n[a]\n\n[b]", LITERAL]
)
def test_what_toml_can_say_is_read_as_tomllib_reads_it(text: str) -> None:
    assert toml.read(text)[0] == tomllib.loads(text)


def test_the_line_of_each_key_is_known_by_its_path() -> None:
    lines = toml.read('a = 1\n[b.c]\nd = [\n 1,\n 2]\n\n[[e]]\nf = 1\n[[e]]\nf = { g = 2 }\nh = """\n\n"""\ni = 0\n')[1]
    assert lines["a"] == 1
    assert (lines["b"], lines["b.c"], lines["b.c.d"], lines["b.c.d[1]"]) == (2, 2, 3, 5)
    assert (lines["e"], lines["e[0]"], lines["e[0].f"], lines["e[1]"], lines["e[1].f.g"]) == (7, 7, 8, 9, 10)
    assert (lines["e[1].h"], lines["e[1].i"]) == (11, 14)


@pytest.mark.parametrize(
    "text, words",
    [
        ("a = 1\nb = 1979-05-27\n", "line 2: 1979-05-27 is neither a number nor true nor false; text stands in quotes"),
        ("a = word", "line 1: word is neither"),
        ("a = 1 b = 2", "line 1: the line should end here"),
        ("a 1", "line 1: = is missing here"),
        ("\n= 1", "line 2: a key should be here"),
        ("a =\n", "line 1: a value should be here"),
        ("a = 1\na = 2", "line 2: there are two a"),
        ('a = "x', "line 1: a quote is missing"),
        (r'a = "\x"', r"line 1: \x means nothing"),
        ("a = [1 2]", "line 1: ] is missing here"),
        ("a = { b = 1", "line 1: } is missing here"),
        ("[a\n", "line 1: ] is missing here"),
        ("a = 1\n[a.b]", "line 2: a is no table"),
        ("a = 1\n[[a]]", "line 2: a is no list of tables"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="line") as caught:
        toml.read(text)
    assert str(caught.value).startswith(words)
