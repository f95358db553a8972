"""What a run directory says is foreign: whatever it is, it becomes a run that can be stored, told and shown, or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.clock import to_iso
from simyard.errors import ProtocolError
from simyard.protocol import agents as talk
from simyard.protocol.agents import Event
from simyard.protocol.jobs import Run, State
from simyard.protocol.wire import from_plain, to_plain
from simyard.supervisor.events import effect_of_all
from simyard.web.answers import dump
from tests.unit.supervisor.reactor_world import World, started, with_agent

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([10**400, 1e999, "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("fraction", "frames", "message", "eta", "state", "reason", "usage", "results", "warnings")
STATES = st.sampled_from(["completed", "failed", "canceled", "lost"])


def a_run() -> Run:
    world = World()
    return started(world, with_agent(world))


RUN = a_run()


def after(*events: Event) -> Run:
    """The run as it is after these events, as it comes back from the store; and it can be shown."""
    changed = {**{name: getattr(RUN, name) for name in Run.__dataclass_fields__}, **effect_of_all(RUN, list(events))}
    kept = from_plain(Run, json.loads(json.dumps(to_plain(Run(**changed)), allow_nan=False)))
    dump(to_plain(kept))
    for moment in (kept.started, kept.ended):
        assert moment is None or to_iso(moment)
    return kept


def event(kind: str, at: float = 5.0, **data: Any) -> Event:
    return Event(n=1, at=at, event=kind, data=data)


@given(
    st.sampled_from(["begun", "resumed", "started", "progress", "paused", "stopped", "final", "news"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dictionaries(st.sampled_from(NAMES), ANYTHING),
)
def test_whatever_an_event_holds_the_run_can_be_stored_and_shown_or_the_event_is_refused(
    kind: str, at: float, data: dict[str, Any]
) -> None:
    try:
        after(event(kind, at, **data))
    except ProtocolError:
        assert kind == "final"


@given(STATES, st.dictionaries(st.sampled_from([name for name in NAMES if name != "state"]), ANYTHING))
def test_whatever_else_a_final_event_holds_its_state_is_believed(state: str, data: dict[str, Any]) -> None:
    assert after(event("final", **{**data, "state": state})).state.value == state


def test_a_truth_is_no_number_of_frames() -> None:
    assert after(event("progress", frames=True)).progress.frames == 0


@pytest.mark.parametrize("fraction", [10**400, -(10**400), 1e999])
def test_a_number_that_no_float_can_hold_says_nothing(fraction: float) -> None:
    assert after(event("progress", fraction=fraction)).progress.fraction is None


@pytest.mark.parametrize("at", [1e300, -1e300])
def test_a_clock_gone_mad_still_names_a_moment(at: float) -> None:
    assert after(event("final", at=at, state="completed")).state is State.COMPLETED


def test_a_state_that_is_no_word_ends_the_run_and_not_the_connection() -> None:
    world = World()
    agent = with_agent(world)
    run = started(world, agent)
    world.say_events(
        agent,
        talk.RunEvents(run=run.id, epoch=run.epoch, events=(Event(n=run.events + 1, at=1.0, event="final", data={"state": []}),)),
    )
    assert world.stored[run.id].state is State.FAILED


def test_results_that_are_nested_too_deep_to_be_told_are_left_out() -> None:
    results: dict[str, Any] = {}
    for _ in range(300):
        results = {"more": results}
    kept = after(event("final", state="completed", results=results, warnings=["\ud800 half"]))
    assert (kept.results, kept.warnings) == ({}, ("? half",))


def test_a_run_that_is_gone_on_with_has_started_when_its_first_part_did_and_stays_running() -> None:
    told = [
        event("started", 10.0),
        event("progress", 11.0, fraction=0.4, frames=4, memory=1000),
        event("paused", 12.0, reason="time-limit", usage={}),
        event("begun", 50.0),
        event("resumed", 50.0, part=2, why="paused"),
        event("started", 51.0),
    ]
    run = after(*told)
    assert (run.state, run.started) == (State.RUNNING, RUN.started or 10.0)
    assert (run.progress.fraction, run.progress.frames, run.progress.memory) == (0.4, 4, None)
    again = after(*told, event("progress", 52.0, frames=2, fraction=0.5), event("final", 60.0, state="completed"))
    assert (again.progress.frames, again.started) == (4, run.started)
