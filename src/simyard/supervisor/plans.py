"""From what a user asks to what an agent needs: a RunSpec, checked against the code's declaration, the site and the target. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from simyard.codes.declaration import Declaration, Model
from simyard.config import Config
from simyard.errors import InvalidRequest
from simyard.protocol.agents import Warm
from simyard.protocol.asking import RunSimulation
from simyard.protocol.jobs import Kind, Resources, RunSpec
from simyard.supervisor.core import Place
from simyard.supervisor.gates import count, size


def plan(config: Config, declaration: Declaration, places: Mapping[str, Place], question: RunSimulation) -> RunSpec:
    """The spec of the run that is asked for, still without a run id. Raises InvalidRequest with the next step."""
    model = declaration.model(question.model)
    place = place_of(places, question.target)
    inputs = declaration.check_inputs(question.inputs, question.files)
    return RunSpec(
        run="",
        user=question.user,
        code=declaration.name,
        code_version=declaration.version,
        code_dir=str(declaration.folder),
        python=interpreter(config, declaration),
        model=model.name,
        kind=model.kind,
        inputs=inputs,
        files=question.files,
        resources=_resources(place, model, question.resources),
        time_limit=_time_limit(place, model),
        first_report=model.reports[0] if model.reports and model.kind is Kind.QUICK else "",
    )


def warm(config: Config, declaration: Declaration) -> Warm:
    """What makes an agent have this code ready. Raises InvalidRequest where it is not installed."""
    return Warm(code=declaration.name, code_dir=str(declaration.folder), python=interpreter(config, declaration))


def interpreter(config: Config, declaration: Declaration) -> str:
    """The Python that runs this code."""
    if not declaration.python:
        return sys.executable
    path = config.interpreter(declaration.python)
    if path is None:
        raise InvalidRequest(
            "code-not-installed",
            f"{declaration.title} is not installed here. Run `simyard code install {declaration.name}` and try again.",
            {"code": declaration.name},
        )
    return str(path)


def place_of(places: Mapping[str, Place], name: str) -> Place:
    """The target of that name; raises InvalidRequest naming those that there are."""
    place = places.get(name)
    if place is None:
        raise InvalidRequest(
            "unknown-target", f"There is no target called {name[:100]!r}; there are {', '.join(sorted(places))}."
        )
    if place.why_disabled:
        raise InvalidRequest("target-disabled", place.why_disabled)
    return place


def _resources(place: Place, model: Model, asked: Resources | None) -> Resources:
    wanted = asked or Resources(cores=min(model.cores, place.cores), memory=min(model.memory, place.memory))
    if wanted.cores < 1 or wanted.memory < 1:
        raise InvalidRequest("invalid-resources", "A run needs at least one core and some memory.")
    if wanted.cores > place.cores or wanted.memory > place.memory:
        raise InvalidRequest(
            "too-many-resources",
            f"{count(wanted.cores, 'core')} and {size(wanted.memory)} can never be free on {place.name}: "
            f"it has {count(place.cores, 'core')} and {size(place.memory)}. Ask for less, or choose another target.",
        )
    return wanted


def _time_limit(place: Place, model: Model) -> float:
    limit = place.limits.quick_seconds if model.kind is Kind.QUICK else place.limits.long_seconds
    return min(model.time_limit, limit) if model.time_limit > 0 else limit
