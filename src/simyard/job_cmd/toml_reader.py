# -*- coding: utf-8 -*-
"""Job cmd, stop 5: reads TOML under interpreters that cannot (Python 2.7, 3.6 … 3.10), and tells the line of every key.

For code.toml, which has been read by tomllib before it gets here: what is right is read in the same way, and not all that
is wrong is found. Standard library only; used by template.py in the job cmd, and by codes/code_toml.py for the lines.
"""
from __future__ import unicode_literals

import re
import struct

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
SPACE = re.compile(r"[ \t]*")
REST = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)")
BARE = re.compile(r"[A-Za-z0-9_-]+")
WORD = re.compile(r"[A-Za-z0-9_.:+-]+")
STRINGS = (
    (re.compile(r'"""\r?\n?((?:[^\\]|\\.)*?)"""("{0,2})', re.DOTALL), True),
    (re.compile(r"'''\r?\n?(.*?)'''('{0,2})", re.DOTALL), False),
    (re.compile(r'"((?:[^"\\\n]|\\.)*)"()'), True),
    (re.compile(r"'([^'\n]*)'()"), False),
)
ESCAPE = re.compile(r"\\(?:[ \t\r]*\n[ \t\r\n]*|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class BadToml(ValueError):
    """It cannot be read; the words name the line."""


def read(text):
    """The table that a text in TOML is, and the line of each of its keys by its path (`inputs.x.columns[0].name`).
    Raises BadToml."""
    reader = Reader(text)
    reader.read()
    return reader.table, reader.lines


class Reader(object):
    def __init__(self, text):
        self.text, self.at = text.replace("\r\n", "\n"), 0
        self.table, self.lines = {}, {}

    def line(self):
        return self.text.count("\n", 0, self.at) + 1

    def wrong(self, words):
        return BadToml("line %d: %s" % (self.line(), words))

    def skip(self, what):
        self.at = what.match(self.text, self.at).end()

    def sees(self, what):
        if self.text.startswith(what, self.at):
            self.at += len(what)
            return True
        return False

    def want(self, what):
        self.skip(SPACE)
        if not self.sees(what):
            raise self.wrong("%s is missing here" % what)

    def read(self):
        here, where = self.table, ""
        while True:
            self.skip(BLANK)
            if self.at >= len(self.text):
                return
            if self.sees("[["):
                here, where = self.table_at(self.keys(), True)
                self.want("]]")
            elif self.sees("["):
                here, where = self.table_at(self.keys(), False)
                self.want("]")
            else:
                self.pair(here, where)
            rest = REST.match(self.text, self.at)
            if not rest:
                raise self.wrong("the line should end here")
            self.at = rest.end()

    def keys(self):
        """The parts of a dotted key."""
        found = []
        while True:
            self.skip(SPACE)
            bare = BARE.match(self.text, self.at)
            if bare:
                self.at = bare.end()
                found.append(bare.group())
            elif self.text[self.at : self.at + 1] in ('"', "'"):
                found.append(self.string())
            else:
                raise self.wrong("a key should be here")
            self.skip(SPACE)
            if not self.sees("."):
                return found

    def into(self, here, where, keys):
        """The table that `keys` lead to from `here`, made where it is not there, and its path."""
        for key in keys:
            where = where + "." + key if where else key
            self.lines.setdefault(where, self.line())
            here = here.setdefault(key, {})
            if isinstance(here, list):
                where += "[%d]" % (len(here) - 1)
                here = here[-1] if here else None
            if not isinstance(here, dict):
                raise self.wrong("%s is no table" % where)
        return here, where

    def table_at(self, keys, one_of_many):
        if not one_of_many:
            return self.into(self.table, "", keys)
        here, where = self.into(self.table, "", keys[:-1])
        many = here.setdefault(keys[-1], [])
        if not isinstance(many, list):
            raise self.wrong("%s is no list of tables" % keys[-1])
        where = where + "." + keys[-1] if where else keys[-1]
        self.lines.setdefault(where, self.line())
        many.append({})
        where += "[%d]" % (len(many) - 1)
        self.lines[where] = self.line()
        return many[-1], where

    def pair(self, here, where):
        line = self.line()
        keys = self.keys()
        here, where = self.into(here, where, keys[:-1])
        where = where + "." + keys[-1] if where else keys[-1]
        if keys[-1] in here:
            raise self.wrong("there are two %s" % where)
        self.lines[where] = line
        self.want("=")
        self.skip(SPACE)
        here[keys[-1]] = self.value(where)

    def value(self, where):
        first = self.text[self.at : self.at + 1]
        if first in ('"', "'"):
            return self.string()
        if self.sees("["):
            return self.many(where)
        if self.sees("{"):
            return self.inline(where)
        word = WORD.match(self.text, self.at)
        if not word:
            raise self.wrong("a value should be here")
        self.at = word.end()
        return self.scalar(word.group())

    def string(self):
        for pattern, escapes in STRINGS:
            found = pattern.match(self.text, self.at)
            if found:
                self.at = found.end()
                return (ESCAPE.sub(self.escaped, found.group(1)) if escapes else found.group(1)) + found.group(2)
        raise self.wrong("a quote is missing")

    def escaped(self, found):
        code, letter = found.group(1) or found.group(2), found.group(3)
        if code:
            return struct.pack(str("<I"), int(code, 16)).decode("utf-32-le")  # also beyond what a narrow Python 2.7 has
        if letter and letter not in ESCAPED:
            raise self.wrong("\\%s means nothing" % letter)
        return ESCAPED[letter] if letter else ""

    def many(self, where):
        found = []
        while True:
            self.skip(BLANK)
            if self.sees("]"):
                return found
            self.lines["%s[%d]" % (where, len(found))] = self.line()
            found.append(self.value("%s[%d]" % (where, len(found))))
            self.skip(BLANK)
            if not self.sees(","):
                self.want("]")
                return found

    def inline(self, where):
        found = {}
        while True:
            self.skip(BLANK)
            if self.sees("}"):
                return found
            self.pair(found, where)
            self.skip(BLANK)
            if not self.sees(","):
                self.want("}")
                return found

    def scalar(self, word):
        if word in ("true", "false"):
            return word == "true"
        digits = word.replace("_", "")
        try:
            if re.match(r"0[xob]", digits):
                return int(digits[2:], {"x": 16, "o": 8, "b": 2}[digits[1]])
            if re.match(r"[+-]?\d+\Z", digits):
                return int(digits)
            if re.match(r"[+-]?(inf|nan|\d+(\.\d+)?([eE][+-]?\d+)?)\Z", digits):
                return float(digits)
        except ValueError:
            pass
        raise self.wrong("%s is neither a number nor true nor false; text stands in quotes" % word)
