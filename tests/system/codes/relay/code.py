"""A code whose output can be its input: what the tests of chains are made of."""

from __future__ import annotations

from typing import Any


def _read(name: str, default: list[float]) -> list[float]:
    if not name:
        return default
    with open(name) as lines:
        return [float(line) for line in lines]


def prepare(run: Any) -> Any:
    return hand_on


def hand_on(run: Any) -> None:
    numbers = _read(run.inputs["numbers"], [1.0, 2.0, 3.0])
    shift = sum(_read(run.inputs["shift"], [0.0]))
    with open("numbers.txt", "w") as out:
        for number in numbers:
            out.write("{!r}\n".format(number * run.inputs["factor"] + shift))


def finish(run: Any) -> Any:
    if run.exit_code != 0:
        return None
    return {"results": {"sum": sum(_read("numbers.txt", []))}}


def report(run: Any, name: str, frame: int) -> dict[str, Any]:
    numbers = _read("numbers.txt", [])
    return {"data": [{"type": "scatter", "x": list(range(len(numbers))), "y": numbers}], "layout": {}}
