"""The value of a file input that is a file of another simulation's run: where it comes from, as a user has chosen it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simyard.protocol.ids import is_ulid

_MEMBERS = frozenset({"simulation", "model", "file"})
_MODEL = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
MAX_PATH = 1000
#: Chains are followed so far, and no farther: longer ones are refused where they are made.
MAX_DEPTH = 50


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of the run of a model of another simulation; `file` is its path in the run's folder, such as `work/twiss.tfs`."""

    simulation: str
    model: str
    file: str

    def to_plain(self) -> dict[str, str]:
        """As it stands in the inputs of a simulation."""
        return {"simulation": self.simulation, "model": self.model, "file": self.file}


def as_source(value: Any) -> Source | None:
    """What an input's value names; None for what is no such value, whatever it is."""
    if not isinstance(value, Mapping) or value.keys() != _MEMBERS:
        return None
    simulation, model, file = (value[name] for name in ("simulation", "model", "file"))
    if not (isinstance(simulation, str) and isinstance(model, str) and isinstance(file, str)):
        return None
    if not is_ulid(simulation) or not _MODEL.match(model) or not is_path(file):
        return None
    return Source(simulation=simulation, model=model, file=file)


def is_path(file: str) -> bool:
    """Whether a file in a run's folder may be called so."""
    if (
        not file
        or len(file) > MAX_PATH
        or not all(ord(c) >= 32 and ord(c) != 127 and not 0xD800 <= ord(c) < 0xE000 for c in file)
    ):
        return False
    return not any(part in {"", ".", ".."} for part in file.split("/"))


def sources_of(inputs: Mapping[str, Any]) -> dict[str, Source]:
    """The sources among the values of inputs, by the input."""
    found = {name: as_source(value) for name, value in inputs.items()}
    return {name: one for name, one in found.items() if one is not None}


def round_trip(simulation: str, sources: Iterable[Source], of: Callable[[str], Iterable[Source]]) -> list[str]:
    """The way by which `simulation`, with these sources, would come back to itself: the ids of the simulations on it, the first
    and the last its own; [] where there is none. `of` answers with the sources of any other simulation."""
    seen: set[str] = set()
    ways = [[simulation, one.simulation] for one in sources]
    while ways:
        way = ways.pop()
        last = way[-1]
        if last == simulation or len(way) > MAX_DEPTH:
            return way
        if last not in seen:
            seen.add(last)
            ways.extend([*way, one.simulation] for one in of(last))
    return []
