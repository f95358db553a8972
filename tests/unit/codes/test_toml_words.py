"""What the TOML reader says of a file becomes a line, what stands there, and what to write instead."""

from __future__ import annotations

import tomllib

import pytest

from simyard.codes import toml_words


@pytest.mark.parametrize(
    "text, line, fix",
    [
        ("a = 1\ntitle = Ring optics\n", 2, 'write title = "Ring optics"'),
        ("frames = True\n", 1, "write frames = true"),
        ("advanced = yes # it is\n", 1, "write advanced = true"),
        ("a = 1\nb =\n", 2, "a value is missing; write b = …"),
        ("x = 1\n\ntitle Ring\n", 3, "write `key = value`"),
        ('title = "Ring\nx = 1\n', 1, "a quote is missing at the end of the line"),
        ("title = 'a' 'b'\n", 1, "only one value may stand here"),
        ("a = 1\na = 2\n", 2, "this key is there twice"),
        ("[models.x]\n[models.x]\n", 2, "this table is there twice"),
        ("[models.x\nkind = 1\n", 1, "a ] is missing"),
        ("a = [1, 2\nb = 3\n", 2, "a ] or a comma is missing"),
        ("a = { b = 1\n", 1, "is missing in the table"),
        (r'pattern = "step (\d+)"' + "\n", 1, r"write it in single quotes, so that \ stays what it is"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_line_and_the_fix(text: str, line: int, fix: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    told = toml_words.explain(text, str(caught.value))
    assert told.startswith(f", line {line}: "), (told, str(caught.value))
    assert fix in told, (told, str(caught.value))


def test_words_that_are_not_known_are_told_as_they_are() -> None:
    assert toml_words.explain("a = 1", "something new") == ": something new."


@pytest.mark.parametrize(
    "written, value",
    [
        (toml_words.text_like(3), "3"),
        (toml_words.text_like(["x"]), "x"),
        (toml_words.text_like({}), "…"),
        (toml_words.texts_like("beta"), ["beta"]),
        (toml_words.texts_like(["a", "a", 3]), ["a", "3"]),
        (toml_words.texts_like({}), ["a", "b"]),
        (toml_words.words_like("./solver -n 'two words'"), ["./solver", "-n", "two words"]),
        (toml_words.words_like("it's"), ["program", "input.txt"]),
        (toml_words.number_like(" 2.50 GeV"), 2.5),
        (toml_words.number_like("many"), 1.5),
        (toml_words.whole_like(2.6), 3),
        (toml_words.whole_like("12"), 12),
        (toml_words.whole_like([]), 1),
        (toml_words.boolean_like("Yes"), True),
        (toml_words.boolean_like(0), False),
        (toml_words.boolean_like([]), True),
        (toml_words.quoted(r"step (\d+)"), r"step (\d+)"),
        (toml_words.quoted('a "b"'), 'a "b"'),
    ],
)
def test_what_is_to_be_written_instead_is_toml(written: str, value: object) -> None:
    assert tomllib.loads(f"x = {written}") == {"x": value}
