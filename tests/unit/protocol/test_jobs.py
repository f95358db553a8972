"""The table of moves is the specification; names and ids are what they say."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.protocol.ids import is_ulid, jid, ulid, ulid_time
from simyard.protocol.jobs import FINAL, NEXT, IllegalMove, State, identity, move


def test_every_state_has_its_moves_and_every_run_can_end() -> None:
    assert set(NEXT) == set(State)
    assert {state for state in State if not NEXT[state]} == FINAL
    for state in set(State) - FINAL:
        assert State.LOST in NEXT[state]


@pytest.mark.parametrize("old, new", list(itertools.product(State, State)), ids=str)
def test_a_move_is_in_the_table_or_raises(old: State, new: State) -> None:
    if new in NEXT[old]:
        assert move(old, new) is new
    else:
        with pytest.raises(IllegalMove, match=old.value):
            move(old, new)


def test_only_a_cancel_that_was_asked_for_or_an_agents_word_makes_a_run_canceled() -> None:
    assert State.CANCELED not in NEXT[State.PENDING], "a waiting run is canceling first, however briefly"


@given(now=st.floats(0, 1e10), later=st.floats(0.001, 1e6), noise=st.binary(min_size=20, max_size=20))
def test_ids_sort_by_time(now: float, later: float, noise: bytes) -> None:
    first, second = ulid(now, lambda n: noise[:n]), ulid(now + later + 0.001, lambda n: noise[-n:])
    assert is_ulid(first)
    assert first < second
    assert ulid_time(first) == pytest.approx(now, abs=0.0011)


@pytest.mark.parametrize(
    "text", ["", "..", "../" + "0" * 23, "0" * 25, "0" * 27, "8" + "0" * 25, "0" * 25 + "I", "0" * 25 + "\n", "0" * 26 + "\n"]
)
def test_what_is_not_a_ulid_is_not_taken_for_one(text: str) -> None:
    assert not is_ulid(text)


def test_identity_is_the_work_and_nothing_else() -> None:
    one = identity("c", "1", "m", {"a": 1, "b": 2.5}, {"f": "x"})
    assert one == identity("c", "1", "m", {"b": 2.5, "a": 1}, {"f": "x"})
    others = [
        identity("c", "2", "m", {"a": 1, "b": 2.5}, {"f": "x"}),
        identity("c", "1", "n", {"a": 1, "b": 2.5}, {"f": "x"}),
        identity("c", "1", "m", {"a": 1, "b": 2}, {"f": "x"}),
        identity("c", "1", "m", {"a": 1, "b": 2.5}, {"f": "y"}),
    ]
    assert len({one, *others}) == 5


def test_a_compute_job_is_named_by_user_simulation_and_model() -> None:
    assert jid("me", "01S", "twiss") == "me.01S.twiss"
