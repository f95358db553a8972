"""Whether `simyard code test --target` can try a code there at all, and what inputs it tries: before anything is run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simyard.codes.declaration import Declaration

if TYPE_CHECKING:
    from simyard.client import Client

#: A text that means nothing to any code.
NONSENSE = "no such thing 3 ${nor} %d this"
#: How a target is, is asked this often (seconds).
_LOOK = 0.2
_ASKED = frozenset({"needs-login", "asking", "unknown-host", "refused"})


def extremes(code: Declaration) -> Iterator[tuple[str, Any]]:
    """Each number at its limits, and texts that mean nothing."""
    for name, one in code.inputs.items():
        if one.type in {"number", "integer"}:
            bounds = [bound for bound in (one.minimum, one.maximum) if bound is not None]
            yield from ((name, int(bound) if one.type == "integer" else bound) for bound in bounds)
        elif one.type in {"string", "text"}:
            yield from ((name, value) for value in ("", NONSENSE))


def ready(server: Client, code: Declaration, target: str, patience: float) -> str:
    """Why the code cannot be run there, with the next step; "" where it can. A target that does not answer is waited for so long (seconds)."""
    known = server.code(code.name)
    if known["version"] != code.version:
        return (
            f"the Simyard that is up has version {known['version']} of this code, and the folder is {code.version}: start it again, or "
            f"start it by simyard --codes {code.folder} up"
        )
    until = time.monotonic() + patience
    while True:
        place = _place(server, target)
        if place is None:
            return "the Simyard that is up does not know this target; start it again"
        if str(place.get("login") or "") in _ASKED:
            return f"you are not logged in there: simyard target login {target}"
        if place["state"] == "disabled":
            return str(place["detail"]) or "it is switched off"
        words = _silence(place)
        if not words:
            return _standing(server, code, target)
        if time.monotonic() >= until:
            return words
        time.sleep(_LOOK)


def not_answering(server: Client, target: str) -> str:
    """That a target does not answer, with what is known of it and the next step; "" where it does, or it is not known yet."""
    place = _place(server, target)
    return "" if place is None else _silence(place)


def _place(server: Client, target: str) -> Mapping[str, Any] | None:
    return next((one for one in server.targets() if one["name"] == target), None)


def _silence(place: Mapping[str, Any]) -> str:
    if place["state"] not in {"silent", "away"}:
        return ""
    detail = str(place["detail"]).rstrip(". ")
    check = "check" if place["kind"] == "sbatch" else "show"
    return f"{place['name']} does not answer{': ' + detail if detail else ''}; look with `simyard target {check} {place['name']}`"


def _standing(server: Client, code: Declaration, target: str) -> str:
    """What is missing of the code there. What nobody knows is found out by running it."""
    for one in server.code_targets(code.name):
        if one["target"] == target and one["state"] in {"missing", "other"}:
            return f"{str(one['detail']).rstrip('.')}{': run `' + one['remedy'] + '`' if one['remedy'] else ''}"
    return ""
