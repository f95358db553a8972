"""Who has to end when a user's folder is full: whoever fills it, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simyard.agent.ledger import LEAST_SLACK, MOST_SLACK, Ledger

MIB, GIB = 1 << 20, 1 << 30


def ledger(quota: int = 10 * GIB, keep: int = 0, rest: int = 0) -> Ledger:
    made = Ledger()
    made.quota, made.keep = quota, keep
    made.begin_rest()
    made.weighed_rest(rest, set())
    return made


def ended(made: Ledger, free: int = 1 << 40, **sizes: int) -> list[str]:
    return [excess.run for excess in made.weighed(sizes, set(), free)]


def test_nobody_is_ended_while_there_is_room() -> None:
    made = ledger(rest=4 * GIB)
    assert ended(made, a=2 * GIB) == ended(made, a=3 * GIB, b=2 * GIB) == []
    assert made.used == 9 * GIB
    assert not made.is_over


def test_the_run_that_fills_it_is_ended_in_words_and_one_that_goes_on_with_its_log_is_not() -> None:
    made = ledger(rest=4 * GIB)
    assert ended(made, a=5 * GIB, b=MIB) == []
    (excess,) = made.weighed({"a": 6 * GIB + 200 * MIB, "b": 2 * MIB}, set(), 1 << 40)
    assert excess.run == "a"
    assert excess.reason.startswith("Disk quota: your files and runs take 10.2 of 10 GiB, 6.2 GiB of it this run's")
    assert "Delete runs or files that you do not need, or ask the site" in excess.reason
    for size in range(3, 60):
        assert ended(made, a=6 * GIB + 200 * MIB, b=size * MIB) == []


def test_one_that_goes_on_writing_after_that_is_ended_too() -> None:
    made = ledger(quota=1 * GIB)
    assert ended(made, a=0, b=0) == []
    assert ended(made, a=1 * GIB, b=0) == ["a"]
    assert ended(made, a=1 * GIB, b=5 * MIB) == []
    assert ended(made, a=1 * GIB, b=11 * MIB) == ["b"]


def test_two_that_fill_it_alike_are_ended_together() -> None:
    made = ledger(quota=1 * GIB)
    ended(made, a=0, b=0, c=0)
    assert ended(made, a=600 * MIB, b=500 * MIB, c=2 * MIB) == ["a", "b"]


def test_a_slow_one_that_crosses_the_line_is_ended_once_it_has_gone_on() -> None:
    made = ledger(quota=1 * GIB)
    sizes = range(1020 * MIB, 1040 * MIB, MIB)
    first = next(size for size in sizes if ended(made, a=size))
    assert first <= 1 * GIB + made.slack + MIB


def test_what_was_there_before_anybody_looked_ends_nobody() -> None:
    made = ledger(quota=1 * GIB, rest=2 * GIB)
    assert ended(made, a=1 * GIB) == ended(made, a=1 * GIB) == []
    assert ended(made, a=1 * GIB + 20 * MIB) == ["a"]


def test_a_run_that_begins_when_it_is_full_already_is_ended_by_what_it_writes() -> None:
    made = ledger(quota=1 * GIB, rest=2 * GIB)
    assert ended(made) == []
    assert ended(made, a=MIB) == []
    assert ended(made, a=20 * MIB) == ["a"]


def test_a_full_file_system_ends_those_who_write() -> None:
    made = ledger(quota=0, keep=GIB)
    assert ended(made, free=2 * GIB, a=GIB, b=MIB) == []
    (excess,) = made.weighed({"a": 2 * GIB, "b": MIB}, set(), GIB // 2)
    assert excess.run == "a"
    assert excess.reason.startswith("Disk: 0.5 of 1 GiB that must stay free are left")


def test_runs_that_are_over_belong_to_the_rest_also_while_that_is_weighed() -> None:
    made = ledger(rest=GIB)
    made.weighed({"a": 2 * GIB, "b": GIB}, set(), 0)
    made.weighed({"b": GIB}, set(), 0)
    assert made.used == 4 * GIB
    made.begin_rest()
    made.weighed({"b": GIB}, {"b"}, 0)
    assert made.used == 4 * GIB
    # a was weighed with the rest by now; b was still looked after when its turn came
    made.weighed_rest(3 * GIB, {"b"})
    assert made.used == 4 * GIB
    made.weighed({"quick": GIB}, {"quick"}, 0)
    assert made.used == 5 * GIB, "one that came and went between two looks"


def test_what_a_new_run_may_write() -> None:
    assert Ledger().allowance(0) == 0
    assert Ledger().allowance(7) == 7
    made = ledger(rest=4 * GIB)
    assert made.allowance(10 * GIB) == 6 * GIB
    assert made.allowance(GIB) == GIB
    made.weighed_rest(12 * GIB, set())
    assert made.allowance(10 * GIB) == made.slack > 0, "its record must have room"


@given(st.integers(0, 1 << 50), st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 1 << 40)), max_size=6))
def test_only_runs_that_have_grown_while_it_is_full_are_ever_ended(quota: int, looks: list[dict[str, int]]) -> None:
    made, before = ledger(quota=quota), dict[str, int]()
    assert LEAST_SLACK <= made.slack <= MOST_SLACK
    for sizes in looks:
        for excess in made.weighed(sizes, set(), 0):
            assert made.is_over
            assert sizes[excess.run] > 0
        before = sizes
    assert set(before) <= {"a", "b", "c"}
