"""Words for a code.toml that is wrong: what a value should look like, and what is meant by the errors of the TOML reader. Pure."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

#: An error of tomllib, by its first words, and what to do; "{line}" never appears in them.
_FIXES = (
    ("Expected '=' after a key", "write `key = value`; a [table] stands in brackets, a comment begins with #"),
    ("Unterminated string", "a quote is missing at its end"),
    ('Expected "\'"', "a quote is missing at the end of the line"),
    ("Illegal character", "a quote is missing at the end of the line; text of many lines stands between three quotes"),
    ("Expected newline or end of document", "only one value may stand here; text stands in quotes, a comment begins with #"),
    ("Cannot overwrite a value", "this key is there twice; remove one of them"),
    ("Cannot declare", "this table is there twice; put all its keys under one"),
    ("Cannot mutate immutable namespace", "this table is written in { } already; put all its keys there"),
    ("Duplicate inline table key", "this key is there twice in { }; remove one of them"),
    ("Expected ']' at the end of a table", "a ] is missing: [table]"),
    ("Expected ']]' at the end", "]] is missing: [[table]]"),
    ("Unclosed array", "a ] or a comma is missing in the list"),
    ("Unclosed inline table", "a } or a comma is missing in the table"),
    ("Unescaped '\\'", r"write it in single quotes, so that \ stays what it is"),
    ("Invalid statement", "a line is `key = value`, a [table] or a # comment"),
    ("Invalid initial character for a key part", "a key has letters, digits, - and _; else it stands in quotes"),
)
_WORDS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def explain(text: str, error: str) -> str:
    """What follows after the name of a file that cannot be read as TOML: `, line 3: Invalid value; write title = "Ring"`."""
    match = re.search(r"^(.*?) \(at (?:line (\d+), column \d+|end of document)\)$", error, re.DOTALL)
    if match is None:
        return f": {error}."
    lines = text.splitlines() or [""]
    number = min(int(match[2]), len(lines)) if match[2] else len(lines)
    line = lines[number - 1].strip()
    fix = _value_fix(line) if match[1].startswith("Invalid value") else ""
    fix = fix or next((words for begin, words in _FIXES if match[1].startswith(begin)), "")
    shown = f" in {line[:60]!r}" if line else ""
    return f", line {number}: {match[1]}{shown}{'; ' + fix if fix else ''}."


def _value_fix(line: str) -> str:
    key, equals, value = line.partition("=")
    value = value.partition(" #")[0].strip()
    if not equals or "." in key.strip() or "[" in key:
        return "text stands in quotes"
    if not value:
        return f"a value is missing; write {key.strip()} = …"
    if value.lower() in _WORDS:
        return f"write {key.strip()} = {_WORDS[value.lower()]}"
    return f"text stands in quotes; write {key.strip()} = {quoted(value)}"


def quoted(text: str) -> str:
    """A text as TOML writes it."""
    return f"'{text}'" if "\\" in text and "'" not in text and text.isprintable() else json.dumps(text, ensure_ascii=False)


def text_like(value: Any) -> str:
    """The string that was perhaps meant by a value."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return quoted(value[0])
    if isinstance(value, bool):
        return quoted("true" if value else "false")
    return quoted(str(value)) if isinstance(value, (int, float)) else '"…"'


def texts_like(value: Any) -> str:
    """The list of different strings that was perhaps meant by a value."""
    many = value if isinstance(value, list) else [value]
    good = dict.fromkeys(str(one) for one in many if isinstance(one, (str, int, float)) and str(one))
    return f"[{', '.join(map(quoted, good))}]" if good else '["a", "b"]'


def words_like(value: Any) -> str:
    """The words of a command line that were perhaps meant by a value."""
    try:
        return texts_like(shlex.split(value) if isinstance(value, str) else value)
    except ValueError:
        return '["program", "input.txt"]'


def number_like(value: Any) -> str:
    """The number that was perhaps meant by a value."""
    if isinstance(value, str) and (match := re.match(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)", value)):
        return f"{float(match[1]):g}"
    return "1.5"


def whole_like(value: Any) -> str:
    """The whole number that was perhaps meant by a value."""
    if isinstance(value, float) and abs(value) < 2**53:
        return str(round(value))
    return str(int(value)) if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d{1,15}\s*", value) else "1"


def boolean_like(value: Any) -> str:
    """True or false, whichever was perhaps meant by a value."""
    return _WORDS.get(str(value).lower(), "false" if value in {0, ""} else "true") if isinstance(value, (str, int)) else "true"
