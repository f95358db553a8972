"""From what a user asks to what an agent needs: a RunSpec, checked against the code's declaration, the site and the target. Pure."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping

from simyard.codes.archive import Packed
from simyard.codes.declaration import Declaration, Model
from simyard.config import Config
from simyard.drivers.docker import layout
from simyard.errors import InvalidRequest
from simyard.protocol.agents import Warm
from simyard.protocol.asking import RunSimulation, ShowInput
from simyard.protocol.batch import Site
from simyard.protocol.jobs import Kind, Resources, RunSpec
from simyard.supervisor import cluster_plans
from simyard.supervisor.core import Place
from simyard.supervisor.gates import count, duration, size


def plan(
    config: Config,
    declaration: Declaration,
    places: Mapping[str, Place],
    question: RunSimulation | ShowInput,
    packed: Packed | None = None,
) -> RunSpec:
    """The spec of the run that is asked for (or, to show its input, of one that might be), still without a run id; `packed` is the code
    as an archive, which a cluster needs. Raises InvalidRequest with the next step."""
    model = declaration.model(question.model)
    place = place_of(places, question.target)
    inputs = declaration.values(question.inputs, question.files)
    resources = resources_of(config, place, question.user, model, question.resources)
    return RunSpec(
        run="",
        user=question.user,
        code=declaration.name,
        code_version=declaration.version,
        code_dir=packed.code_dir if packed is not None else code_dir(declaration, place),
        python=interpreter(config, declaration, place, packed),
        model=model.name,
        kind=model.kind,
        inputs=inputs,
        files=question.files,
        resources=resources,
        time_limit=resources.time_limit,
        first_report=model.reports[0] if model.reports and model.kind is Kind.QUICK else "",
        disk=place.limits.disk,
        archive=packed.archive if packed is not None else "",
        site=_site(config, declaration, place),
        checkpoints=model.checkpoints,
        parallel=model.parallel,
    )


def warm(config: Config, declaration: Declaration, place: Place, packed: Packed | None = None) -> Warm:
    """What makes an agent have this code ready. Raises InvalidRequest where it is not installed."""
    return Warm(
        code=declaration.name,
        code_dir=packed.code_dir if packed is not None else code_dir(declaration, place),
        python=interpreter(config, declaration, place, packed),
        archive=packed.archive if packed is not None else "",
        site=_site(config, declaration, place),
    )


def _site(config: Config, declaration: Declaration, place: Place) -> Site | None:
    return cluster_plans.site(config.clusters[place.name], declaration.name) if place.is_cluster else None


def code_dir(declaration: Declaration, place: Place) -> str:
    """The code's folder as it is called there."""
    return layout.code_dir(declaration.name) if place.limits.kind == "docker" else str(declaration.folder)


def interpreter(config: Config, declaration: Declaration, place: Place, packed: Packed | None = None) -> str:
    """The Python that runs this code there."""
    if place.limits.kind == "docker":
        return layout.interpreter(declaration.python)
    if place.is_cluster:
        return cluster_plans.interpreter(
            config.clusters[place.name], declaration, packed.environment if packed is not None else ""
        )
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


def resources_of(config: Config, place: Place, user: str, model: Model, asked: Resources | None) -> Resources:
    """What the run gets: what was asked for, else what the model declares. Raises InvalidRequest where this target can
    never give it."""
    if place.is_cluster:
        return cluster_plans.resources(config.clusters[place.name], place, user, model, asked)
    wanted = asked or Resources(cores=min(model.cores, place.cores), memory=min(model.memory, place.memory))
    if wanted.cores < 1 or wanted.memory < 1:
        raise InvalidRequest("invalid-resources", "A run needs at least one core and some memory.")
    if wanted.time_limit < 0:
        raise InvalidRequest("invalid-resources", "A time limit is a number of seconds above 0.")
    if wanted.cores > place.cores or wanted.memory > place.memory:
        raise InvalidRequest(
            "too-many-resources",
            f"{count(wanted.cores, 'core')} and {size(wanted.memory)} can never be free on {place.name}: "
            f"it has {count(place.cores, 'core')} and {size(place.memory)}. Ask for less, or choose another target.",
        )
    return dataclasses.replace(wanted, batch=None, time_limit=_time_limit(place, model, wanted.time_limit))


def _time_limit(place: Place, model: Model, asked: float) -> float:
    limit = place.limits.quick_seconds if model.kind is Kind.QUICK else place.limits.long_seconds
    if asked > limit:
        raise InvalidRequest(
            "too-much-time",
            f"{place.name} ends {'quick' if model.kind is Kind.QUICK else 'long'} runs after {duration(limit)}, and this one asks for "
            f"{duration(asked)}. Ask for less, or choose another target.",
            {"time_limit": limit},
        )
    return asked or (min(model.time_limit, limit) if model.time_limit > 0 else limit)
