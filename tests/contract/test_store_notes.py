"""What the store of notes owes, on SQLite and on PostgreSQL, with and without a memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simyard.store import notes
from simyard.store.engine import make_engine, migrate
from simyard.store.notes import NONE, Note, NoteStore

Make = Callable[[bool], NoteStore]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    url = f"sqlite:///{tmp_path}/web.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")()
    engine = make_engine(url)
    migrate(engine, "web")
    yield lambda alone: NoteStore(engine, alone=alone)
    engine.dispose()


@pytest.mark.parametrize("alone", [True, False])
def test_a_note_changes_by_what_is_named_and_belongs_to_one_user(make: Make, alone: bool) -> None:
    store = make(alone)
    assert store.of("ann", "r1") == NONE
    store.change("ann", "r1", 1.0, name="One")
    store.change("ann", "r1", 2.0, text="ü\nß", pinned=True)
    assert store.of("ann", "r1") == Note(name="One", text="ü\nß", pinned=True, updated=2.0)
    assert store.of("bob", "r1") == NONE
    assert make(alone).of_all("ann", ["r0", "r1"])["r1"].pinned
    store.change("ann", "r1", 3.0, name="", pinned=False)
    assert store.of("ann", "r1") == Note(text="ü\nß", updated=3.0)
    store.delete("ann", "r1")
    assert store.of("ann", "r1") == NONE


def test_what_another_worker_wrote_is_seen_at_once(make: Make) -> None:
    one, other = make(False), make(False)
    assert other.of("ann", "r1") == NONE
    one.change("ann", "r1", 1.0, name="New")
    assert other.of("ann", "r1").name == "New"


@pytest.mark.parametrize("limit", ["MAX_NOTES", "MAX_TEXT"])
def test_of_too_many_notes_none_is_kept_in_memory_and_all_are_found(
    make: Make, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(notes, limit, 3)
    store = make(True)
    for number in range(5):
        store.change("ann", f"r{number}", 1.0, text="abc")
        assert store.of("ann", f"r{number}").text == "abc"
    assert store._kept == {"ann": None}
    assert len(store.of_all("ann", [f"r{number}" for number in range(700)])) == 5
