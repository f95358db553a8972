"""What `simyard code test` holds each model of a code to, wherever it runs: it completes, tells its progress, makes its
reports, ends when told, goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from simyard.cli.bench import Late, Limits, Stuck, in_words
from simyard.codes.declaration import Declaration, Example, Model
from simyard.protocol import rundir

Check = tuple[str, str]
Event = Mapping[str, Any]
#: Everything of a cancelled run must be gone within its grace and this (seconds), which is for a machine with much else to do.
SLACK = 30.0
QUICK = "let report() read what the run has computed, and compute nothing itself"
#: Reasons that are not the code's own begin so.
_NOT_ITS_OWN = ("The code ended", "The code was", "The preparation", "The command ", "This code's", "It ran out", "It took more")
#: What to do, by what is said of a failure.
_SAID = (
    ("has no prepare()", "write one: def prepare(run), which returns the command line"),
    ("prepare() must return", 'write what it returns: return ["program", "input.txt"]'),
)
#: What to do, by the cause of a failure.
_FIXES = {
    "input": "prepare(run) refuses it: mend it, or the example",
    "start": "name a program that is on PATH, or by its absolute path; ${code}/… in a code.toml is the code's folder",
    "exception": "mend it, or raise ValueError with a sentence for whoever runs it",
    "memory": "raise memory of the model, or let the example be a small one",
    "time-limit": "let the example be a small one, or give it more time (--limit, and time_limit of the model)",
    "disk": "let it write less",
    "exit": "run its command by hand, with the same input",
    "signal": "run its command by hand, with the same input",
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run that is over, as its ground tells of it: how it ended (None where its job cmd has not said so), what it told meanwhile, what
    it printed, and where it is."""

    final: Mapping[str, Any] | None
    events: Sequence[Event]
    log: str
    where: Any


class Ground(Protocol):
    """Where a code is tried. Nothing of what was started there is left when a call is over; each has its limit."""

    @property
    def code(self) -> Declaration: ...

    @property
    def limits(self) -> Limits: ...

    def place(self, text: str) -> str:
        """Where in the code's folder the last traceback in a text ends, "" where it names none of its files."""

    def ran(self, model: Model, example: Example | None) -> AbstractContextManager[Ran]:
        """A run, to its end; what there is of it stays while the block lasts. Raises Late; Stuck where no other run would get further."""

    def reports(self, ran: Ran, names: Sequence[str], frames: int) -> Iterator[tuple[str, str, bool]]:
        """Of each report: what is wrong with it ("": nothing), and whether it was refused in words. Of one with frames the first and the last
        of `frames` are looked at."""

    def cancel(self, model: Model, example: Example | None) -> Check:
        """Stop a run once it is under way. Raises Stuck."""

    def goes_on(self, model: Model, example: Example | None) -> Check | None:
        """Tell a run that checkpoints that its time is over, and have it gone on with; None where nobody is told that there. Raises Stuck."""


def hold_model(ground: Ground, model: Model, *, first: bool) -> Iterator[Check]:
    """All checks of a model. An example may be meant for another model, and a report for other inputs: what refuses in words, that a
    user understands, is let pass where another example is not refused. With `first` one that completes is enough. Raises Stuck, after
    it was told of."""
    examples: Sequence[Example | None] = [*ground.code.examples.values()] or [None]
    tried: list[Example | None] = []
    completed = False
    refused: dict[str, str] = {}
    left = dict.fromkeys(model.reports, "")
    for example in examples:
        if first and completed:
            break
        what = f"completes{f' with example {example.name}' if example else ''}"
        try:
            with ground.ran(model, example) as ran:
                words, final = _completed(ground, ran), ran.final or {}
                if words and _in_its_words(final):
                    refused[what] = words
                    continue
                yield what, words
                if words:
                    tried += [example] if not tried and final.get("cause") == "time-limit" else []
                    continue
                if not completed:
                    completed, tried = True, [example]
                    yield from _progress(ground, ran)
                for name, wrong, is_refused in _reports(ground, ran, [*left]):
                    if is_refused:
                        left[name] = wrong
                    else:
                        del left[name]
                        yield f"report {name}", wrong
        except Stuck as stuck:
            yield what, str(stuck)
            raise
        except Late as late:
            yield what, f"{late}; let its first example be a small one"
            tried += [] if tried else [example]
    yield from _refusals(refused, left if completed else {}, completed=completed, first=first)
    if tried:  # what fails by itself cannot be stopped
        yield ground.cancel(model, tried[0])
        if model.checkpoints and (check := ground.goes_on(model, tried[0])) is not None:
            yield check


def _reports(ground: Ground, ran: Ran, names: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    frames = max((one["data"].get("frames") or 0 for one in ran.events if one["event"] == rundir.PROGRESS), default=0)
    for name in names:
        if ground.code.reports[name].frames and not frames:
            yield name, "it has frames = true, and the run never told of any: return {'frames': …} from progress(run)", False
    wanted = [name for name in names if frames or not ground.code.reports[name].frames]
    if wanted:
        yield from ground.reports(ran, wanted, frames)


def _refusals(refused: Mapping[str, str], left: Mapping[str, str], *, completed: bool, first: bool) -> Iterator[Check]:
    """What was refused in words, by runs and by reports: wrong only where nothing else was not."""
    for what, words in refused.items():
        if completed:
            yield f"{what}, or refuses it in words", ""
        else:
            yield what, words
    for name, words in left.items():
        if first:
            yield f"report {name} is made, or refused in words", ""
        else:
            yield f"report {name}", f"{words}; with none of the examples it is made: mend it, or add one with which it is"


def _in_its_words(final: Mapping[str, Any]) -> bool:
    """Whether a run has failed with a sentence of its code."""
    reason = str(final.get("reason", ""))
    return final.get("cause") in {"input", "exit", "exception"} and in_words(reason) and not reason.startswith(_NOT_ITS_OWN)


def final_of(events: Sequence[Event]) -> Mapping[str, Any] | None:
    """What the final event says, which is the last one; None where there is none."""
    data: Mapping[str, Any] | None = events[-1]["data"] if events and events[-1]["event"] == rundir.FINAL else None
    return data


def _completed(ground: Ground, ran: Ran) -> str:
    """What is wrong with how a run ended."""
    final, events, log = ran.final, ran.events, ran.log
    if final is None:
        return f"its job cmd ended without a final event. {_last_words(log)}".strip()
    if final["state"] == "completed":
        left = [one for one in final.get("warnings", []) if one.startswith("It left ")]
        return f"{left[0]} Let its command wait for all that it starts." if left else ""
    cause, reason = str(final.get("cause", "")), str(final.get("reason", "")).rstrip(".")
    begun = any(one["event"] == rundir.STARTED for one in events)
    place = ground.place(log) or ("code.py, prepare(run): " if not begun and (ground.code.folder / "code.py").exists() else "")
    if not (ground.code.folder / "code.py").exists():
        # of a program: what Simyard's own side of it raised says nothing that the reason does not
        log = log.partition("simyard: what went wrong")[0]
    cause = "exit" if cause == "input" and begun else cause  # it is the program that refuses it
    fix = next((words for said, words in _SAID if said in reason), "") or _FIXES.get(cause, "see its log")
    words = f"{final['state']}: {place}{reason}; {fix}."
    return words if "Traceback" in log else f"{words} {_last_words(log)}".strip()


def _last_words(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return f"The end of its output: {' / '.join(lines[-5:])}" if lines else ""


def _progress(ground: Ground, ran: Ran) -> Iterator[Check]:
    events = ran.events
    took = float(events[-1].get("at", 0.0)) - float(events[0].get("at", 0.0)) if events else 0.0
    numbers = [one["n"] for one in events]
    yield "events are numbered", "" if numbers == list(range(1, len(events) + 1)) else "a number is missing or doubled"
    told = [one["data"] for one in events if one["event"] == rundir.PROGRESS]
    for name in ("fraction", "frames"):
        values = [one[name] for one in told if one.get(name) is not None]
        back = next((pair for pair in pairwise(values) if pair[1] < pair[0]), None)
        what = "progress never goes back" if name == "fraction" else "frames never become fewer"
        if values or name == "fraction":
            words = f"{name} was {back[0]:g}, and then {back[1]:g}; tell of all that is done so far" if back else ""
            yield what, words
    if took > ground.limits.silent:
        moved = any(one.get(name) is not None for one in told for name in ("fraction", "frames", "message"))
        way = "call run.progress(fraction) in it, or return {'fraction': …} from progress(run)"
        way = "write [progress] with a pattern into its code.toml" if not (ground.code.folder / "code.py").exists() else way
        yield "tells its progress", "" if moved else f"it took {took:.1f} s and never said how far it is; {way}"
    if words := _raised(ground, ran.log):
        yield "progress(run) does not raise", words


def _raised(ground: Ground, log: str) -> str:
    """What progress(run) has raised: no run fails for that, and only its log has it."""
    _, found, rest = log.partition("module.progress(run)")
    if not found:
        return ""
    trace = rest.partition("simyard: what went wrong")[0]
    said = next((line for line in trace.splitlines()[1:] if line and not line.startswith(" ")), "it raised")
    return f"{ground.place(trace)}{said}; let it return {{}} while there is nothing to tell"


def behind(events: Sequence[Event], before: float) -> str:
    """What is wrong with where the second part of a run began, whose first had ended `before`; "" where nothing is."""
    second = events[[one["event"] for one in events].index(rundir.RESUMED) :]
    after = fraction(second, first=True)
    words = f"its second part began at {after:g} where its first had ended at {before:g}"
    return "" if after >= before else f"{words}; where run.resumed, read what it has saved"


def fraction(events: Sequence[Event], *, first: bool = False) -> float:
    """The last fraction of the progress that was told, or the first."""
    told = [one["data"]["fraction"] for one in events if one["data"].get("fraction") is not None]
    return float((told or [1.0 if first else 0.0])[0 if first else -1])
