"""Stop 1, web: how what is known of runs and simulations reads in the API."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from simyard import clock
from simyard.codes.declaration import Declaration
from simyard.codes.registry import Codes
from simyard.protocol.asking import Explanation
from simyard.protocol.batch import Batch, Partition
from simyard.protocol.jobs import Remote, Run, Usage
from simyard.protocol.targets import LoginAnswer, Target
from simyard.store.library import LibraryFile
from simyard.store.notes import NONE, Note
from simyard.store.simulations import Files, Saved, Simulation
from simyard.web.answers import dump
from simyard.web.routes import PREFIX

Plain = dict[str, Any]

#: The same few moments are told again and again: with every look at a run, and to every listener.
to_iso = lru_cache(maxsize=4096)(clock.to_iso)


#: What stands in several lines could look like several events; half a surrogate pair is no text to everybody.
_DELICATE = re.compile(r"[\r\n]|\\u[dD][89a-fA-F]")


def run(one: Run, codes: Codes, written: Note = NONE) -> Plain:
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
        "cause": one.cause,
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
            "memory": one.progress.memory,
            "peak_memory": one.progress.peak_memory,
        },
        "resources": {
            "cores": one.resources.cores,
            "memory": one.resources.memory,
            "time_limit": one.resources.time_limit or None,
            "batch": None if one.resources.batch is None else _batch(one.resources.batch),
        },
        "usage": None if one.usage is None else _usage(one.usage),
        "results": one.results,
        "warnings": list(one.warnings),
        "reports": _reports(one, codes),
        "waiting": [{"gate": each.gate, "passed": each.passed, "detail": each.detail} for each in one.waiting],
        "last_heard": _iso(one.last_heard),
        "remote": None if one.remote is None else _remote(one.remote),
        **note(written),
        "links": {
            "self": here,
            "simulation": f"{PREFIX}/simulations/{one.simulation}",
            "log": f"{here}/log",
            "files": f"{here}/files",
            "bundle": f"{here}/bundle",
            "explain": f"{here}/explain",
            "inputs": f"{here}/inputs",
            "cancel": f"{here}/cancel",
            "reports": f"{here}/reports",
        },
    }


def note(one: Note) -> Plain:
    """What a user has written on a run, and when last."""
    return {"name": one.name, "note": one.text, "pinned": one.pinned, "noted": _iso(one.updated)}


def _usage(usage: Usage) -> Plain:
    return {
        "wall": usage.wall,
        "cpu": usage.cpu,
        "peak_memory": usage.peak_memory,
        "exit_code": usage.exit_code,
        "signal": usage.signal,
    }


def _batch(batch: Batch) -> Plain:
    return {
        "partition": batch.partition,
        "account": batch.account,
        "qos": batch.qos,
        "constraint": batch.constraint,
        "nodes": batch.nodes,
        "tasks": batch.tasks,
        "cpus_per_task": batch.cpus_per_task,
        "gpus": batch.gpus,
        "extra": list(batch.extra),
    }


def _remote(remote: Remote) -> Plain:
    return {
        "job": remote.job,
        "state": remote.state,
        "words": remote.words,
        "expected": _iso(remote.expected),
        "at": _iso(remote.at or None),
        "silent_since": _iso(remote.silent_since),
    }


def _reports(one: Run, codes: Codes) -> list[str]:
    declared = codes.get(one.code)
    model = declared.models.get(one.model) if declared is not None else None
    return list(model.reports) if model is not None else []


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else to_iso(seconds)


def figure(text: str) -> str:
    """The JSON text of the report that came along with its run, in one line, to be put into an answer as it is: a figure is large,
    and made into Python's objects and back it would be no better. "null" where there is none, or what the code wrote is not JSON."""
    if not text:
        return "null"
    try:
        found = json.loads(text, parse_constant=_no_constant)
        return dump(found).decode() if _DELICATE.search(text) else text
    except (ValueError, RecursionError):
        return "null"


def _no_constant(text: str) -> None:
    raise ValueError(text)


def simulation(one: Simulation) -> Plain:
    return {**brief_simulation(one), "inputs": dict(one.inputs), "files": files(one.files)}


def brief_simulation(one: Simulation) -> Plain:
    """Without its inputs and files: what a list of many needs."""
    here = f"{PREFIX}/simulations/{one.id}"
    return {
        "id": one.id,
        "name": one.name,
        "code": one.code,
        "folder": one.folder,
        "tags": list(one.tags),
        "revision": one.revision,
        "version": one.version,
        "etag": etag(one),
        "created": to_iso(one.created),
        "updated": to_iso(one.updated),
        "deleted": _iso(one.deleted),
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
        "restores": one.restores,
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


def code(one: Declaration, *, installed: bool, installable: bool) -> Plain:
    """`installable`: whether who looks at the page may install it. A picture's address changes when the code does."""
    return {
        **one.to_plain(),
        "picture": f"{PREFIX}/codes/{one.name}/picture?version={one.version}" if one.picture else "",
        "installed": installed,
        "install": "" if installed else f"simyard code install {one.name}",
        "installable": installable and not installed,
    }


def target(one: Target) -> Plain:
    plain = {name: getattr(one, name) for name in (
        "name", "kind", "state", "detail", "cores", "memory", "cores_free", "memory_free", "waiting", "agent",
    )}  # fmt: skip
    wait = None if one.wait is None else {"low": one.wait.low, "high": one.wait.high}
    disk = None if one.disk is None else {name: getattr(one.disk, name) for name in ("quota", "used", "keep", "free")}
    partitions = [_partition(each) for each in one.partitions]
    return {**plain, "since": _iso(one.since), "wait": wait, "disk": disk, "login": one.login, "partitions": partitions}


def _partition(one: Partition) -> Plain:
    return {name: getattr(one, name) for name in (
        "name", "up", "default", "nodes", "cores", "time_limit", "max_nodes", "min_nodes", "memory",
    )}  # fmt: skip


def login(one: LoginAnswer) -> Plain:
    return {
        "target": one.target,
        "state": one.state,
        "words": one.words,
        "host": one.host,
        "prompts": [{"text": each.text, "echo": each.echo} for each in one.prompts],
        "fingerprint": one.fingerprint,
        "key_type": one.key_type,
        "again": one.again,
        "since": _iso(one.since),
    }


def explanation(one: Explanation) -> Plain:
    return {
        "run": one.run,
        "state": one.state,
        "summary": one.summary,
        "gates": [{"gate": each.gate, "passed": each.passed, "detail": each.detail} for each in one.gates],
        "position": one.position,
    }
