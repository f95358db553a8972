"""What is known of a run, and how much of it may be on its way unconfirmed."""

from __future__ import annotations

from simyard.agent.facts import WINDOW, Facts, Sent
from simyard.agent.following import Cursor, Reading
from simyard.protocol.agents import Event
from simyard.protocol.jobs import State

BEGUN = Event(n=1, at=1.0, event="begun", data={"boot": "b", "host": "h"})
FINAL = Event(n=2, at=2.0, event="final", data={"state": "completed"})


def test_events_are_learnt_once_wherever_they_are_read_from() -> None:
    facts = Facts()
    assert facts.learn(Reading((BEGUN,), Cursor(1, 50), at_end=True))
    assert (facts.begun, facts.boot, facts.host, facts.final) == (True, "b", "h", None)
    assert not facts.learn(Reading((BEGUN,), Cursor(1, 50), at_end=True))
    assert facts.learn(Reading((BEGUN, FINAL), Cursor(2, 90), at_end=True))
    assert facts.final is FINAL


def test_damage_after_a_final_event_changes_nothing() -> None:
    facts = Facts()
    facts.learn(Reading((BEGUN, FINAL), Cursor(2, 90), at_end=True))
    assert not facts.learn(Reading((), Cursor(2, 90), at_end=True, damaged="line 3"))
    assert not facts.damaged


def test_a_final_event_that_is_made_up_comes_after_all_that_is_believed() -> None:
    facts = Facts()
    facts.learn(Reading((BEGUN,), Cursor(1, 50), at_end=True, damaged="line 2: it is not JSON"))
    facts.conclude_here(9.0)
    assert facts.final is not None
    assert (facts.final.n, facts.final.data["state"]) == (2, State.FAILED.value)
    assert "line 2" in facts.final.data["reason"]
    facts.disbelieve("events.jsonl has lost its line 5", 5)
    assert facts.final is None
    facts.conclude_here(9.0)
    assert facts.final.n == 6


def test_no_more_is_sent_than_the_window_until_some_is_confirmed() -> None:
    sent = Sent(Cursor(10, 100))
    for n in range(11, 11 + WINDOW):
        assert sent.open
        sent.sent(Cursor(n, n * 10))
    assert not sent.open
    sent.confirm(11)
    assert sent.open
    assert sent.stored == 11


def test_more_may_be_confirmed_than_was_sent_here() -> None:
    sent = Sent(Cursor(3, 30))
    sent.sent(Cursor(4, 40))
    sent.confirm(9)
    assert (sent.stored, sent.cursor.n, sent.open) == (9, 4, True)
