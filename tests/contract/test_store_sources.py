"""What the store of what was taken owes, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from simyard.store.engine import make_engine, migrate
from simyard.store.library import LibraryStore
from simyard.store.sources import SourceStore, Taken

ONE = Taken(
    run="r1", input="lattice", taker="b", job="track", simulation="a", model="twiss", file="work/ring.seq",
    source="s1", title="Ring — ü", name="ring.seq", sha256="1" * 64, size=1 << 40, at=1.5,
)  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path}/web.db" if request.param == "sqlite" else request.getfixturevalue("postgresql")()
    found = make_engine(url)
    migrate(found, "web")
    yield found
    found.dispose()


def test_what_was_taken_is_found_by_its_owner_by_run_by_taker_and_by_content(engine: sa.Engine) -> None:
    store = SourceStore(engine)
    store.add("ann", [ONE, replace(ONE, input="aperture", file="work/ap.txt", sha256="2" * 64)])
    assert [one.input for one in store.of_run("ann", "r1")] == ["aperture", "lattice"]
    assert store.of_run("ann", "r1")[1] == ONE
    assert store.last("ann", "b", "lattice") == store.last("ann", "b", "lattice", "track") == ONE
    assert store.last("ann", "b", "lattice", "other") is None
    assert store.content("ann", "s1", "work/ring.seq") == ("1" * 64, 1 << 40)
    assert store.content("ann", "s1", "work/other") is store.content("bob", "s1", "work/ring.seq") is None
    assert store.last("bob", "b", "lattice") is None
    assert store.of_run("bob", "r1") == []
    assert store.delete("bob", "r1") == []
    assert LibraryStore(engine).named("ann", "1" * 64)
    assert sorted(store.delete("ann", "r1")) == ["1" * 64, "2" * 64]
    assert store.of_run("ann", "r1") == []
    assert not LibraryStore(engine).named("ann", "1" * 64)


def test_a_run_that_answers_several_starts_keeps_the_first_and_knows_them_all(engine: sa.Engine) -> None:
    store = SourceStore(engine)
    later = replace(ONE, source="s2", at=3.0)
    store.add("ann", [ONE])
    store.add("ann", [later])
    store.add("ann", [replace(ONE, run="r0", at=2.0)])
    assert store.of_run("ann", "r1") == [ONE]
    assert len(store.all_of_run("ann", "r1")) == 2
    assert store.last("ann", "b", "lattice") == later
    store.add("ann", [replace(ONE, at=4.0)])
    assert len(store.all_of_run("ann", "r1")) == 2
    last = store.last("ann", "b", "lattice")
    assert last is not None
    assert (last.source, last.at) == ("s1", 4.0), "what is taken again is the newest again"
    assert [one.source for one in store.of_run("ann", "r1")] == ["s1"], "and is still what the run was given"


def test_the_same_is_added_by_several_at_once(engine: sa.Engine) -> None:
    store, failed = SourceStore(engine), list[Exception]()

    def add() -> None:
        try:
            for number in range(20):
                store.add("ann", [replace(ONE, run=f"r{number}")])
        except Exception as error:
            failed.append(error)

    threads = [Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert all(len(store.all_of_run("ann", f"r{number}")) == 1 for number in range(20))
