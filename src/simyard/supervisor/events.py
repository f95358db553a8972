"""What an event of a run directory changes: foreign input, checked and bounded here, and believed about its own run only."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from simyard.errors import ProtocolError
from simyard.protocol import rundir
from simyard.protocol.agents import Event
from simyard.protocol.jobs import CAUSES, Progress, Run, State, Usage
from simyard.protocol.wire import is_shallow

_FINAL_STATES = {state.value: state for state in (State.COMPLETED, State.FAILED, State.CANCELED, State.LOST)}
MAX_TEXT = 2000
MAX_RESULTS = 64 << 10
MAX_WARNINGS = 50
#: The last moment that a date can name: what is told of a run must have one (seconds since the epoch).
_LATEST = 253402300799.0


def effect_of_all(run: Run, fresh: list[Event]) -> dict[str, Any]:
    """The fields of `run` that these events change together; whatever stands behind a final event is not believed.
    Raises ProtocolError for what no job cmd writes."""
    changes: dict[str, Any] = {}
    for event in fresh:
        changes.update(effect_of(run, event, changes))
        if event.event == rundir.FINAL:
            break
    return changes


def effect_of(run: Run, event: Event, before: dict[str, Any]) -> dict[str, Any]:
    """The fields of `run` that this event changes (`before`: those that earlier events of the same message have changed).
    Raises ProtocolError for what no job cmd writes."""
    data = event.data
    if event.event == rundir.BEGUN:
        return {}
    if event.event == rundir.STARTED:
        # a run that is gone on with has started when its first part did
        first = before.get("started", run.started)
        changes: dict[str, Any] = {"started": moment(event.at) if first is None else first}
        if run.state is State.STARTING:
            changes["state"] = State.RUNNING
        return changes
    if event.event == rundir.PROGRESS:
        return {"progress": _progress(before.get("progress", run.progress), data)}
    if event.event == rundir.FINAL:
        return _final(run, event, before)
    if event.event == rundir.PAUSED:
        # nothing of it has any memory until its next part begins
        return {"progress": dataclasses.replace(before.get("progress", run.progress), memory=None, eta=None)}
    return {}  # `resumed`, `stopped`, and what a newer job cmd may know beside them


def _progress(old: Progress, data: dict[str, Any]) -> Progress:
    fraction, frames, eta = data.get("fraction"), data.get("frames"), data.get("eta")
    return Progress(
        fraction=min(1.0, max(0.0, number)) if (number := _number(fraction)) is not None else old.fraction,
        frames=max(old.frames, frames) if type(frames) is int and 0 <= frames < 2**53 else old.frames,
        message=_text(data.get("message"), old.message),
        eta=_number(eta),
        memory=_bytes(data.get("memory"), old.memory),
        peak_memory=_bytes(data.get("peak_memory"), old.peak_memory),
    )


def _final(run: Run, event: Event, before: dict[str, Any]) -> dict[str, Any]:
    data = event.data
    named = data.get("state")
    state = _FINAL_STATES.get(named) if isinstance(named, str) else None
    if state is None:
        raise ProtocolError("malformed", "The run's record of itself is damaged: its final event names no final state.")
    reason = _text(data.get("reason"), "")
    progress: Progress = before.get("progress", run.progress)
    if state is State.COMPLETED:
        progress = dataclasses.replace(progress, fraction=1.0, memory=None, eta=None)
    else:
        progress = dataclasses.replace(progress, memory=None, eta=None)
        reason = reason or "It ended without saying why."
    return {
        "state": state,
        "reason": reason,
        "cause": _cause(data, state),
        "ended": moment(event.at),
        "started": before.get("started", run.started),
        "progress": progress,
        "usage": _usage(data.get("usage")),
        "results": _results(data.get("results")),
        "warnings": _warnings(data.get("warnings")),
    }


def cause(word: object) -> str:
    """One of CAUSES, or "" for everything else."""
    return word if isinstance(word, str) and word in CAUSES else ""


def _cause(data: dict[str, Any], state: State) -> str:
    if state in (State.COMPLETED, State.CANCELED):
        return ""
    if state is State.LOST:
        return "lost"
    usage = _usage(data.get("usage"))
    # a job cmd from before there were causes
    return cause(data.get("cause")) or ("signal" if usage is not None and usage.signal else "exit")


def _usage(data: Any) -> Usage | None:
    if not isinstance(data, dict):
        return None
    exit_code, signal = data.get("exit_code"), data.get("signal")
    return Usage(
        wall=_number(data.get("wall")) or 0.0,
        cpu=_number(data.get("cpu")) or 0.0,
        peak_memory=int(_number(data.get("peak_memory")) or 0),
        exit_code=exit_code if type(exit_code) is int and abs(exit_code) < 2**31 else None,
        signal=_text(signal, "")[:20] or None,
    )


def _results(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        return {}
    try:
        json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair is no text
        return data if len(json.dumps(data, allow_nan=False)) <= MAX_RESULTS and is_shallow(data) else {}
    except (ValueError, RecursionError):
        return {}


def _warnings(data: Any) -> tuple[str, ...]:
    return tuple(_text(line, "") for line in data[:MAX_WARNINGS]) if isinstance(data, list) else ()


def _text(value: Any, otherwise: str) -> str:
    return text(value) if isinstance(value, str) else otherwise


def text(value: str) -> str:
    """Foreign words as text that every table and every page takes, cut to MAX_TEXT characters."""
    return value[:MAX_TEXT].replace("\0", "").encode("utf-8", "replace").decode()


def _bytes(value: Any, old: int | None) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else old


def moment(at: float) -> float:
    """A time that a date can name."""
    return min(max(at, 0.0), _LATEST)


def _number(value: Any) -> float | None:
    # compared first: an integer may be larger than any float; nan and inf compare as not less
    return float(value) if type(value) in (int, float) and abs(value) < 1e300 else None
