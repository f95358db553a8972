"""The verdict on all of a user's inputs together: which are shown, what expressions come to, what is wrong with each.

js/verdict.js is the page's side of it, held to this one by tests/unit/codes/vectors.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from simyard.codes.expression import BadExpression, evaluate, names
from simyard.codes.inputs import GIVEN, NUMERIC, TYPES, Input, WrongValue, small


class Verdict:
    """What `given` (with defaults for what it leaves out) is, by the declared `inputs`; `files` are the simulation's, by name.

    `stored`: what is kept and what the form shows, so an expression as its text. `values`: what code.py gets, so an expression
    as its number, and a hidden input at its default: what is not seen has no say in a run. `errors`: of shown inputs only;
    a hidden one keeps what it has, right or wrong.
    """

    def __init__(self, inputs: Mapping[str, Input], given: Mapping[str, Any], files: Collection[str]) -> None:
        self._inputs = inputs
        self._given = given
        self._files = files
        self._own: dict[str, Any] = {}
        self._wrong: dict[str, WrongValue] = {}
        self._hidden: dict[str, bool] = {}
        for name, one in inputs.items():
            try:
                self._own[name] = one.check(given.get(name, one.default), files)
            except WrongValue as error:
                self._wrong[name] = error
        self._compute()
        self.stored: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.errors: dict[str, WrongValue] = {}
        for name, one in inputs.items():
            self._judge(name, one)

    def hidden(self, name: str) -> bool:
        """Whether the form does not show it, by what the inputs that it depends on have."""
        if name not in self._hidden:
            one = self._inputs[name]
            self._hidden[name] = not all(self._holds(other, values) for other, values in one.when.items())
        return self._hidden[name]

    def _holds(self, other: str, values: tuple[Any, ...]) -> bool:
        if self.hidden(other):
            return False
        # what is wrong decides as its default does, until it is right
        value = self._own.get(other, self._inputs[other].default)
        return (bool(value) if self._inputs[other].type in GIVEN else value) in values

    def _judge(self, name: str, one: Input) -> None:
        if self.hidden(name):
            self.stored[name] = self._own[name] if name in self._own else self._given.get(name)
            self.values[name] = one.base()
            if name in self._wrong and not small(self._given[name]):
                self.errors[name] = self._wrong[name]
            return
        if name in self._wrong:
            self.errors[name] = self._wrong[name]
        else:
            self.stored[name] = self._own[name]
            self.values[name] = self._numbers.get(name, self._own[name])

    def _compute(self) -> None:
        """The numbers of all shown expressions, each after those that it names; what is left over goes round in a circle."""
        self._numbers: dict[str, float | int] = {}
        waiting: dict[str, set[str]] = {}
        for name, own in self._own.items():
            if self._inputs[name].expression and isinstance(own, str) and not self.hidden(name):
                waiting[name] = names(own)
        while ready := [name for name, others in waiting.items() if not others & waiting.keys()]:
            for name in ready:
                del waiting[name]
                try:
                    self._numbers[name] = self._evaluate(self._inputs[name], self._own[name])
                except WrongValue as error:
                    self._wrong[name] = error
        for name in waiting:
            words = f"{self._inputs[name].title}: Expressions that depend on each other go round in a circle."
            self._wrong[name] = WrongValue(words, "expression.cycle")

    def _evaluate(self, one: Input, text: str) -> float | int:
        try:
            number = evaluate(text, lambda name: self._named(one, name))
        except BadExpression as error:
            raise WrongValue(f"{one.title}: {error}", f"expression.{error.rule}") from None
        found: float | int = TYPES[one.type](one, number, ())
        return found

    def _named(self, one: Input, name: str) -> float:
        """The number that an expression of `one` means by `name`. Raises KeyError where no input can be meant."""
        other = self._inputs.get(name)
        if other is None or other.type not in NUMERIC:
            raise KeyError(name)
        if self.hidden(name):
            return float(other.base())
        if name in self._wrong:
            raise WrongValue(f"{one.title}: “{name}” is wrong itself; mend it first.", "expression.depends")
        return float(self._numbers.get(name, self._own[name]))
