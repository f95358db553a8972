"""Arithmetic that a user may write in place of a number (`2*pi/24`, `360/cells`), evaluated without Python's eval.

js/expression.js is the same evaluator for the page, held to this one by tests/unit/codes/vectors. So that both give the same
number, every step must be finite, and the result is rounded to 15 significant digits: what sin or pow differ by in the last
bit is gone then, and 0.1 * 3 is 0.3.

    sum     = product {("+" | "-") product}
    product = signed {("*" | "/") signed}
    signed  = ("+" | "-") signed | power
    power   = atom [("^" | "**") signed]
    atom    = NUMBER | NAME | FUNCTION "(" sum {"," sum} ")" | "(" sum ")"
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping

MAX_LENGTH = 200
_MAX_DEPTH = 40
_DIGITS = 15

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")
_TOKEN = re.compile(
    r"[ \t]*(?:([0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?)|([A-Za-z_][A-Za-z0-9_]*)|(\*\*|[-+*/^(),]))"
)

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}
_ONE = (1, 1)
#: By name: how many arguments (fewest, most), and what it does.
FUNCTIONS: Mapping[str, tuple[tuple[int, int], Callable[..., float]]] = {
    "sqrt": (_ONE, math.sqrt),
    "exp": (_ONE, math.exp),
    "log": (_ONE, math.log),
    "log10": (_ONE, math.log10),
    "sin": (_ONE, math.sin),
    "cos": (_ONE, math.cos),
    "tan": (_ONE, math.tan),
    "asin": (_ONE, math.asin),
    "acos": (_ONE, math.acos),
    "atan": (_ONE, math.atan),
    "abs": (_ONE, abs),
    "floor": (_ONE, lambda x: float(math.floor(x))),
    "ceil": (_ONE, lambda x: float(math.ceil(x))),
    "round": (_ONE, lambda x: float(math.floor(x + 0.5))),  # halves go up, as in the page
    "min": ((1, 10), lambda *numbers: min(numbers)),
    "max": ((1, 10), lambda *numbers: max(numbers)),
}


class BadExpression(ValueError):
    """What is wrong with an expression: `rule` is one of syntax, function, arguments, name, infinite; `word` the part it is
    about. Its text is for the user."""

    def __init__(self, rule: str, text: str, word: str = "") -> None:
        super().__init__(text)
        self.rule = rule
        self.word = word


def is_number(text: str) -> bool:
    """Whether it is only a number, and no expression."""
    return bool(NUMBER.match(text.strip(" \t")))


def names(text: str) -> set[str]:
    """What it names beside functions; nothing where it cannot be read."""
    try:
        return {token for token in _tokens(text) if (token[0].isalpha() or token[0] == "_") and token not in FUNCTIONS}
    except BadExpression:
        return set()


def evaluate(text: str, value_of: Callable[[str], float]) -> float:
    """The number, to 15 digits. `value_of(name)` is asked for what is neither constant nor function; it may raise.
    Raises BadExpression."""
    result = _Reader(text, value_of).all()
    return float(f"{result:.{_DIGITS}g}") + 0.0  # no negative zero


class _Reader:
    """Reads and computes in one go, by recursive descent."""

    def __init__(self, text: str, value_of: Callable[[str], float]) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self._value_of = value_of

    def all(self) -> float:
        value = self._sum()
        if self._at < len(self._tokens):
            raise _unexpected(self._tokens[self._at])
        return value

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self._at += 1
        return token

    def _sum(self) -> float:
        value = self._product()
        while self._next() in {"+", "-"}:
            value = _finite(operator.add if self._take() == "+" else operator.sub, value, self._product())
        return value

    def _product(self) -> float:
        value = self._signed()
        while self._next() in {"*", "/"}:
            value = _finite(operator.mul if self._take() == "*" else operator.truediv, value, self._signed())
        return value

    def _signed(self) -> float:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise BadExpression("syntax", "It is nested too deeply.")
        if self._next() in {"+", "-"}:
            minus = self._take() == "-"
            value = self._signed()
            value = -value if minus else value
        else:
            value = self._power()
        self._depth -= 1
        return value

    def _power(self) -> float:
        base = self._atom()
        if self._next() not in {"^", "**"}:
            return base
        self._take()
        return _finite(math.pow, base, self._signed())

    def _atom(self) -> float:
        token = self._take()
        if token == "(":  # noqa: S105 - of an expression
            value = self._sum()
            self._close()
            return value
        if token[:1].isdigit() or token[:1] == ".":
            return _finite(float, token)
        if not token or not (token[0].isalpha() or token[0] == "_"):
            raise _unexpected(token)
        if self._next() == "(":
            return self._call(token)
        return self._named(token)

    def _named(self, name: str) -> float:
        if name in FUNCTIONS:
            raise BadExpression("syntax", f"“{name}” needs its argument: {name}(…).", name)
        try:
            return self._value_of(name)
        except KeyError:
            pass
        if name in CONSTANTS:
            return CONSTANTS[name]
        raise BadExpression("name", f"There is no number called “{name}” here.", name)

    def _call(self, name: str) -> float:
        if name not in FUNCTIONS:
            raise BadExpression("function", f"There is no function called “{name}”; there are {', '.join(FUNCTIONS)}.", name)
        self._take()
        arguments = [self._sum()]
        while self._next() == ",":
            self._take()
            arguments.append(self._sum())
        self._close()
        (fewest, most), function = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            wanted = "one argument" if most == 1 else f"{fewest} to {most} arguments"
            raise BadExpression("arguments", f"“{name}” takes {wanted}, not {len(arguments)}.", name)
        return _finite(function, *arguments)

    def _close(self) -> None:
        if self._take() != ")":
            raise BadExpression("syntax", "A closing bracket is missing.", ")")


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.strip(" \t")
    if len(text) > MAX_LENGTH:
        raise BadExpression("syntax", f"It has more than {MAX_LENGTH} characters.")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            bad = text[at:].lstrip(" \t")[0]
            raise BadExpression("syntax", f"“{bad}” cannot stand in a number or an expression.", bad)
        found.append(match[1] or match[2] or match[3])
        at = match.end()
    if not found:
        raise BadExpression("syntax", "Enter a number or an expression.")
    return found


def _unexpected(token: str) -> BadExpression:
    if not token:
        return BadExpression("syntax", "It ends where a number should follow.")
    return BadExpression("syntax", f"“{token}” is not expected there.", token)


def _finite(compute: Callable[..., float], *arguments: float | str) -> float:
    try:
        value = compute(*arguments)
    except (ValueError, OverflowError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise BadExpression("infinite", "It has no finite value.")
    return value
