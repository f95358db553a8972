"""`simyard code test --target`: holds a code to the contract where a target runs it, by the Simyard that is up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simyard.cli import figures
from simyard.cli.bench import Limits
from simyard.cli.common import client
from simyard.codes.declaration import Declaration, Example, Model
from simyard.config import Config
from simyard.errors import SimyardError

if TYPE_CHECKING:
    from simyard.client import Client, RemoteRun

Check = tuple[str, str]
#: The simulation that is made for it, and deleted.
_NAME = "simyard code test"
_LOOK = 0.1


def there(settings: Config, code: Declaration, target: str, limits: Limits, *, first: bool) -> Iterator[Check]:
    """All that can be said of a code on a target. What is made there is deleted again."""
    if target not in settings.targets:
        yield "it is a target", f"there is none called {target!r}; there are {', '.join(settings.targets)}"
        return
    try:
        with client() as server:
            words = _ready(server, code, target)
            yield "it can be run there", words
            if not words:
                yield from _models(server, code, target, limits, first=first)
    except SimyardError as error:
        yield "it can be run there", error.detail


def _ready(server: Client, code: Declaration, target: str) -> str:
    place = next((one for one in server.targets() if one["name"] == target), None)
    if place is None:
        return "the Simyard that is up does not know this target; start it again"
    login = str(place.get("login") or "")
    if login in {"needs-login", "asking", "unknown-host", "refused"}:
        return f"you are not logged in there: simyard target login {target}"
    if place["state"] == "disabled":
        return str(place["detail"]) or "it is switched off"
    known = server.code(code.name)
    if known["version"] != code.version:
        return (
            f"the Simyard that is up has version {known['version']} of this code, and the folder is {code.version}: start it again, or "
            f"start it by simyard --codes {code.folder} up"
        )
    return ""


def _models(server: Client, code: Declaration, target: str, limits: Limits, *, first: bool) -> Iterator[Check]:
    examples: Sequence[Example | None] = [*code.examples.values()] or [None]
    for model in code.models.values():
        for number, example in enumerate(examples[: 1 if first else None]):
            name = example.name if example else None
            made = server.prepare(code.name, name=f"{_NAME} {code.name} {target}", example=name)
            try:
                what = f"{model.name}: completes{f' with example {name}' if name else ''}"
                with _started(server, made, model, target, limits) as run:
                    words = _complete(run, limits)
                    yield what, words
                    if number == 0 and not words:
                        for report in model.reports:
                            frames = int((run.data.get("progress") or {}).get("frames") or 0)
                            yield f"{model.name}: report {report}", _report(code, run, report, frames)
                if number == 0:
                    with _started(server, made, model, target, limits) as run:
                        yield f"{model.name}: cancel is clean", _cancel(run, limits)
            finally:
                with contextlib.suppress(SimyardError):
                    server.delete_simulation(made["id"], forever=True)


@contextlib.contextmanager
def _started(server: Client, made: Mapping[str, Any], model: Model, target: str, limits: Limits) -> Iterator[RemoteRun]:
    """A run there, which is stopped and deleted at the end."""
    run = server.start(str(made["id"]), model.name, target=target, reuse=False, supersede=True)
    try:
        yield run
    finally:
        with contextlib.suppress(SimyardError, TimeoutError):
            if not run.final:
                run.cancel().wait(limits.start)
            run.delete()


def _complete(run: RemoteRun, limits: Limits) -> str:
    try:
        run.wait(limits.run)
    except TimeoutError:
        return f"it is still {run.state} after {limits.run:g} s{_why(run)}; give it more by --limit, or let its first example be a small one"
    return "" if run.state == "completed" else f"{run.state}: {run.reason}"


def _why(run: RemoteRun) -> str:
    """What it waits for, if it has not begun."""
    if run.state not in {"pending", "starting"}:
        return ""
    with contextlib.suppress(SimyardError):
        waiting = [str(gate.get("detail")) for gate in run.explain().get("waiting", []) if not gate.get("passed")]
        return f" ({'; '.join(filter(None, waiting))})" if any(waiting) else ""
    return ""


def _report(code: Declaration, run: RemoteRun, report: str, frames: int) -> str:
    many = code.reports[report].frames
    if many and not frames:
        return "it has frames = true, and the run never told of any: return {'frames': …} from progress(run)"
    try:
        return figures.wrong(run.report(report, frames - 1 if many else None))
    except SimyardError as error:
        return f"{error.code}: {error.detail}"


def _cancel(run: RemoteRun, limits: Limits) -> str:
    until = time.monotonic() + limits.run
    while not run.final and run.state != "running" and time.monotonic() < until:
        time.sleep(_LOOK)
        run.refresh()
    if not run.final and run.state != "running":
        return f"it is still {run.state} after {limits.run:g} s{_why(run)}"
    try:
        run.cancel().wait(limits.start + limits.grace)
    except TimeoutError:
        return f"it is still {run.state} {limits.start + limits.grace:g} s after it was told to stop"
    return "" if run.state in {"canceled", "completed"} else f"its last state is {run.state}: {run.reason}"
