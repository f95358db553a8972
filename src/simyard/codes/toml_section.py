"""A table of a code.toml, from which keys are taken one by one; whatever is wrong is named with its file, its key and the fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from simyard import config
from simyard.codes import toml_words
from simyard.codes.closest import closest
from simyard.codes.declaration import CodeError

#: Names of codes, inputs, models, reports, examples: they become parts of paths, addresses and command lines.
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
NAME_RULE = "must start with a lower-case letter, then lower-case letters, digits and _ (40 at most)"


def title_of(name: str) -> str:
    """The title of what has none of its own."""
    return name.replace("_", " ").capitalize()


#: The line of each key of a file by its path (`inputs.x.columns[0].name`), asked for when something is wrong.
Lines = Callable[[], Mapping[str, int]]


class Section:
    """A table of the file from which keys are taken one by one; what is left at the end is unknown."""

    def __init__(self, table: Any, where: str, key: str, lines: Lines = dict) -> None:
        self._where = where
        self._key = key
        self._lines = lines
        if not isinstance(table, dict):
            raise CodeError(f"{where}{self._line(key)}: {key} must be a table; write [{key}].")
        self._left = dict(table)
        self._later: dict[str, Any] = {}
        self._known: list[str] = []

    def error(self, key: str, words: str, *, at: str = "") -> CodeError:
        """What is wrong with a key; `at` is the key whose line is meant, if it is another one."""
        own = self._key + "." if self._key else ""
        return CodeError(f"{self._where}{self._line(own + (at or key))}: {own}{key}: {words}{'' if words.endswith('?') else '.'}")

    def _line(self, path: str) -> str:
        """Where that key is, or the table that lacks it."""
        lines = self._lines()
        while path and path not in lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return f", line {lines[path]}" if path else ""

    def take(self, key: str, default: Any = None) -> Any:
        self._known.append(key)
        return self._left.pop(key, default)

    def done(self, where: str = "") -> None:
        """Nothing may be left; raises CodeError with the first key that nobody asked for."""
        for key in self._left:
            close = closest(key, self._known)
            meant = f"did you mean {close!r}? Known" if close else "known"
            raise self.error(key, f"there is no such key{where}; {meant} are {', '.join(sorted(self._known))}")

    def sections(self, key: str) -> list[tuple[str, Section]]:
        table = self.take(key, {})
        if not isinstance(table, dict):
            raise self.error(key, f"must be tables; write [{key}.NAME]")
        for name in table:
            if not NAME.match(name):
                raise self.error(key, f"the name {name!r} {NAME_RULE}", at=f"{key}.{name}")
        return [(name, Section(value, self._where, f"{key}.{name}", self._lines)) for name, value in table.items()]

    def section(self, key: str) -> Section | None:
        """A table of a fixed name, if it is there."""
        table = self.take(key)
        return None if table is None else Section(table, self._where, key, self._lines)

    def know(self, key: str) -> None:
        """This key is allowed, and looked at later."""
        self._known.append(key)
        if key in self._left:
            self._later[key] = self._left.pop(key)

    def table(self, key: str) -> dict[str, Any]:
        """The table of a key that is known (see `know`); empty where there is none."""
        found = self._later.get(key, {})
        if not isinstance(found, dict):
            raise self.error(key, "must be a table, like { other_input = true }")
        return found

    def rows(self, key: str) -> list[Section]:
        """The tables of a list of tables."""
        found = self.take(key, [])
        if not isinstance(found, list):
            raise self.error(key, f"must be a list of tables; write [[{self._key}.{key}]]")
        return [Section(one, self._where, f"{self._key}.{key}[{number}]", self._lines) for number, one in enumerate(found)]

    def choices(self, key: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """A list of strings, or a table of strings and their titles."""
        if not isinstance(self._left.get(key), dict):
            return self.texts(key), {}
        labels = self.take(key)
        for name, label in labels.items():
            if not name or not isinstance(label, str) or not label.strip():
                raise self.error(f"{key}.{name}", f"must be a title in quotes, not {label!r:.60}")
        return tuple(labels), labels

    def _typed(self, key: str, default: Any, fits: Callable[[Any], bool], words: str, like: Callable[[Any], str]) -> Any:
        """`like` writes what was perhaps meant by a value that does not fit."""
        value = self.take(key, default)
        if not fits(value):
            raise self.error(key, f"must be {words}, not {value!r:.60}; write {key} = {like(value)}")
        return value

    def missing(self, key: str, example: str) -> CodeError:
        """What is wrong where a key is not there: perhaps it is, but misspelt."""
        if other := closest(key, [one for one in self._left if one not in self._known]):
            return self.error(key, f"is missing; did you mean it by {other!r}?", at=other)
        return self.error(key, f"is missing; write {key} = {example}")

    def text(self, key: str, *, needed: bool = False, example: str = '"…"') -> str:
        if needed and key not in self._left:
            raise self.missing(key, example)
        value: str = self._typed(key, "", lambda value: isinstance(value, str), "a string in quotes", toml_words.text_like)
        if needed and not value.strip():
            raise self.error(key, "must not be empty")
        return value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        def fits(value: Any) -> bool:
            return isinstance(value, list) and all(isinstance(one, str) and one for one in value) and len({*value}) == len(value)

        return tuple(self._typed(key, [], fits, "a list of different strings", toml_words.texts_like))

    def words(self, key: str) -> tuple[str, ...]:
        """The words of a command line: at least one."""

        def fits(value: Any) -> bool:
            return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)

        if key not in self._left:
            raise self.missing(key, '["${code}/program", "input.txt"]')
        return tuple(self._typed(key, None, fits, "a list of words", toml_words.words_like))

    def columns(self, key: str, *, one: bool = False) -> tuple[str | int, ...]:
        """Columns of a table, by their names or numbers; none where the key is missing."""

        def fits(value: Any) -> bool:
            many = [value] if one else value
            return isinstance(many, list) and all(
                (type(each) is int and each > 0) or (isinstance(each, str) and each) for each in many
            )

        if key not in self._left:
            self.know(key)
            return ()
        words = "a column: its name, or its number from 1" if one else "a list of columns, by names or numbers from 1"
        like = (lambda _: '"x"') if one else (lambda _: '["x", "y"]')
        found = self._typed(key, None, fits, words, like)
        return (found,) if one else tuple(found)

    def number(self, key: str) -> float | None:
        def fits(value: Any) -> bool:
            return value is None or type(value) in {int, float}

        value = self._typed(key, None, fits, "a number", toml_words.number_like)
        return None if value is None else float(value)

    def whole(self, key: str, default: int) -> int:
        value: int = self._typed(key, default, lambda value: type(value) is int, "a whole number", toml_words.whole_like)
        return value

    def boolean(self, key: str) -> bool:
        value: bool = self._typed(key, False, lambda value: isinstance(value, bool), "true or false", toml_words.boolean_like)
        return value

    def size(self, key: str, default: int) -> int:
        def fits(value: Any) -> bool:
            return type(value) in {int, str}

        try:
            return config.parse_size(self._typed(key, default, fits, "a size", lambda _: '"512 MiB"'))
        except config.ConfigError:
            raise self.error(key, "is not a size; write one like '512 MiB' or '2 GB'") from None
