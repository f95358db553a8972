"""Stop 1, web: how what is known of runs and simulations reads in the API."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from simyard import clock
from simyard.codes.declaration import Declaration
from simyard.codes.registry import Codes
from simyard.protocol.asking import Explanation, Target
from simyard.protocol.jobs import Run, Usage
from simyard.store.library import LibraryFile
from simyard.store.simulations import Files, Saved, Simulation
from simyard.web.routes import PREFIX

Plain = dict[str, Any]

#: The same few moments are told again and again: with every look at a run, and to every listener.
to_iso = lru_cache(maxsize=4096)(clock.to_iso)


def run(one: Run, codes: Codes) -> Plain:
    """A run as DESIGN §9 reads, with what belongs to it and where it is found."""
    here = f"{PREFIX}/runs/{one.id}"
    return {
        "id": one.id,
        "jid": one.jid,
        "simulation": one.simulation,
        "simulation_revision": one.simulation_revision,
        "code": one.code,
        "code_version": one.code_version,
        "model": one.model,
        "kind": one.kind.value,
        "target": one.target,
        "state": one.state.value,
        "reason": one.reason,
        "revision": one.revision,
        "change": one.change,
        "created": to_iso(one.created),
        "queued": to_iso(one.queued),
        "started": _iso(one.started),
        "ended": _iso(one.ended),
        "progress": {
            "fraction": one.progress.fraction,
            "frames": one.progress.frames,
            "message": one.progress.message,
            "eta": one.progress.eta,
        },
        "resources": {"cores": one.resources.cores, "memory": one.resources.memory},
        "usage": None if one.usage is None else _usage(one.usage),
        "results": one.results,
        "warnings": list(one.warnings),
        "reports": _reports(one, codes),
        "waiting": [{"gate": each.gate, "passed": each.passed, "detail": each.detail} for each in one.waiting],
        "last_heard": _iso(one.last_heard),
        "links": {
            "self": here,
            "simulation": f"{PREFIX}/simulations/{one.simulation}",
            "log": f"{here}/log",
            "files": f"{here}/files",
            "bundle": f"{here}/bundle",
            "explain": f"{here}/explain",
            "cancel": f"{here}/cancel",
            "reports": f"{here}/reports",
        },
    }


def _usage(usage: Usage) -> Plain:
    return {
        "wall": usage.wall,
        "cpu": usage.cpu,
        "peak_memory": usage.peak_memory,
        "exit_code": usage.exit_code,
        "signal": usage.signal,
    }


def _reports(one: Run, codes: Codes) -> list[str]:
    declared = codes.get(one.code)
    model = declared.models.get(one.model) if declared is not None else None
    return list(model.reports) if model is not None else []


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else to_iso(seconds)


def figure(text: str) -> Any:
    """The report that came along with its run; None where there is none, or what the code wrote is not JSON."""
    if not text:
        return None
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(text: str) -> None:
    raise ValueError(text)


def simulation(one: Simulation) -> Plain:
    here = f"{PREFIX}/simulations/{one.id}"
    return {
        "id": one.id,
        "name": one.name,
        "code": one.code,
        "inputs": dict(one.inputs),
        "files": files(one.files),
        "revision": one.revision,
        "version": one.version,
        "etag": etag(one),
        "created": to_iso(one.created),
        "updated": to_iso(one.updated),
        "links": {"self": here, "runs": f"{here}/runs", "revisions": f"{here}/revisions", "files": f"{here}/files"},
    }


def etag(one: Simulation) -> str:
    """What If-Match compares: it changes with every change of this simulation, its name included."""
    return f'"{one.version}"'


def saved(one: Saved) -> Plain:
    return {
        "n": one.n,
        "revision": one.revision,
        "saved": to_iso(one.saved),
        "inputs": dict(one.inputs),
        "files": files(one.files),
    }


def files(some: Files) -> Plain:
    return {name: {"sha256": ref.sha256, "size": ref.size} for name, ref in some.items()}


def library_file(one: LibraryFile) -> Plain:
    return {
        "name": one.name,
        "sha256": one.sha256,
        "size": one.size,
        "created": to_iso(one.created),
        "updated": to_iso(one.updated),
    }


def code(one: Declaration, *, installed: bool) -> Plain:
    install = "" if installed else f"simyard code install {one.name}"
    return {**one.to_plain(), "installed": installed, "install": install}


def target(one: Target) -> Plain:
    return {name: getattr(one, name) for name in (
        "name", "kind", "state", "detail", "cores", "memory", "cores_free", "memory_free", "waiting",
    )}  # fmt: skip


def explanation(one: Explanation) -> Plain:
    return {
        "run": one.run,
        "state": one.state,
        "summary": one.summary,
        "gates": [{"gate": each.gate, "passed": each.passed, "detail": each.detail} for each in one.gates],
        "position": one.position,
    }
