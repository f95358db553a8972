"""What web's store owes, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from simyard.errors import Conflict, NotFound, PreconditionFailed
from simyard.protocol.ids import ulid
from simyard.store.engine import make_engine, migrate, reading, target_metadata, upgrade, writing
from simyard.store.library import LibraryStore
from simyard.store.simulations import FileRef, Simulation, SimulationStore, revision_id
from simyard.store.users import UserStore


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/web.db"
    make: Callable[[], str] = request.getfixturevalue("postgresql")
    return make()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    made = make_engine(url)
    migrate(made, "web")
    yield made
    made.dispose()


def a_simulation(n: int, user: str = "ann", **inputs: object) -> Simulation:
    files = {"a.txt": FileRef(sha256="a" * 64, size=3)}
    return Simulation(
        id=ulid(1_700_000_000 + n, lambda size: b"\0" * size), user=user, name=f"no. {n} ü", code="madx", inputs=inputs, files=files,
        revision=revision_id(inputs, files), version=1, created=1.5, updated=1.5,
    )  # fmt: skip


def test_the_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        upgrade(connection, "web")
    with reading(engine) as connection:
        options = {"version_table": "version_web"}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), target_metadata("web"))
    engine.dispose()
    assert found == []


def test_a_simulation_comes_back_as_it_was_and_to_its_owner_only(engine: sa.Engine) -> None:
    store = SimulationStore(engine)
    mine = a_simulation(1, energy=3.0, text="ü\n", deep={"a": [1, None]})
    store.create(mine)
    assert store.get("ann", mine.id) == mine
    for ask in (
        lambda: store.get("bob", mine.id),
        lambda: store.saves("bob", mine.id, 10),
        lambda: store.delete("bob", mine.id),
        lambda: store.change("bob", mine.id, 2.0, version=1, name="x"),
    ):
        with pytest.raises(NotFound):
            ask()
    assert store.page("bob", 10) == []
    assert store.get("ann", mine.id) == mine


def test_of_two_who_change_the_same_version_one_is_refused(engine: sa.Engine) -> None:
    store = SimulationStore(engine)
    mine = a_simulation(1)
    store.create(mine)
    said: list[str] = []

    def change(name: str) -> None:
        try:
            said.append(store.change("ann", mine.id, 2.0, version=1, name=name, inputs={"n": name}).name)
        except PreconditionFailed as error:
            said.append(error.code)

    threads = [threading.Thread(target=change, args=(f"name {i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said)[:5] == ["changed-meanwhile"] * 5
    assert store.get("ann", mine.id).name == sorted(said)[5]
    assert [one.n for one in store.saves("ann", mine.id, 10)] == [2, 1]


def test_a_save_tells_which_one_it_went_back_to(engine: sa.Engine) -> None:
    store = SimulationStore(engine)
    mine = a_simulation(1, energy=3.0)
    store.create(mine)
    store.change("ann", mine.id, 2.0, version=1, inputs={"energy": 4.0})
    first = store.saved("ann", mine.id, 1)
    store.change("ann", mine.id, 3.0, version=2, inputs=first.inputs, files=first.files, restores=1)
    assert [(one.n, one.restores, one.inputs["energy"]) for one in store.saves("ann", mine.id, 10)] == [
        (3, 1, 3.0), (2, None, 4.0), (1, None, 3.0),
    ]  # fmt: skip
    for user, n in (("bob", 1), ("ann", 4)):
        with pytest.raises(NotFound):
            store.saved(user, mine.id, n)


def test_deleting_takes_everything_along_and_says_what_it_named(engine: sa.Engine) -> None:
    store, library = SimulationStore(engine), LibraryStore(engine)
    mine = a_simulation(1)
    store.create(mine)
    store.change("ann", mine.id, 2.0, version=1, files={"b": FileRef(sha256="b" * 64, size=1)})
    assert library.named("ann", "a" * 64)  # by the first save
    assert not library.named("bob", "a" * 64)
    assert sorted(store.delete("ann", mine.id)) == ["a" * 64, "b" * 64]
    assert not library.named("ann", "a" * 64)
    with reading(engine) as connection:
        for table in ("revision", "save", "used"):
            assert connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() == 0


def test_pages_of_simulations_are_newest_first(engine: sa.Engine) -> None:
    store = SimulationStore(engine)
    made = [a_simulation(n) for n in range(5)]
    for one in made:
        store.create(one)
    first = store.page("ann", 3)
    assert [one.id for one in first + store.page("ann", 3, first[-1].id)] == [one.id for one in reversed(made)]
    assert store.page("ann", 3, code="other") == []


def test_order_and_the_bin_are_the_owners_and_to_the_letter(engine: sa.Engine) -> None:
    store = SimulationStore(engine)
    orders = [("", ()), ("rings", ("old",)), ("rings/elena", ("Old", 'say "old"')), ("rings 2", ("ol%",)), ("ringsX", ("ü",))]
    made = [replace(a_simulation(n), folder=folder, tags=tags) for n, (folder, tags) in enumerate(orders)]
    for one in made:
        store.create(one)
    ids = [one.id for one in made]

    def found(**wanted: Any) -> list[int]:
        return sorted(ids.index(one.id) for one in store.page("ann", 10, **wanted))

    assert found(folder="rings") == [1, 2]
    assert found(tag="old") == [1]
    assert found(tag="ü") == [4]
    assert found(tag="ol%") == [3]
    assert store.get("ann", ids[2]) == made[2]
    brief = store.page("ann", 1, brief=True, folder="rings/elena")
    assert brief == [replace(made[2], inputs={}, files={})]
    moved = store.change("ann", ids[1], 9.0, version=1, folder="", tags=("new",))
    assert (moved.version, moved.updated, moved.tags) == (2, 1.5, ("new",))

    with pytest.raises(NotFound):
        store.put_in_bin("bob", ids[0], 5.0, 1)
    with pytest.raises(PreconditionFailed):
        store.put_in_bin("ann", ids[0], 5.0, 7)
    assert store.put_in_bin("ann", ids[0], 5.0, 1).deleted == 5.0
    assert store.put_in_bin("ann", ids[0], 6.0, 1).deleted == 5.0
    with pytest.raises(Conflict):
        store.change("ann", ids[0], 9.0, version=2, name="x")
    assert found(deleted=True) == [0]
    assert found() == [1, 2, 3, 4]
    assert store.binned_before(5.0, 10) == []
    assert store.binned_before(5.1, 10) == [("ann", ids[0])]
    with pytest.raises(PreconditionFailed):
        store.delete("ann", ids[1], binned=True)  # it has been taken back meanwhile
    with pytest.raises(NotFound):
        store.take_from_bin("bob", ids[0])
    assert store.take_from_bin("ann", ids[0]).deleted is None
    assert store.page("bob", 10, deleted=True) == []


def test_a_way_in_that_works_once_works_for_one_of_many(engine: sa.Engine) -> None:
    store = UserStore(engine)
    store.add_once("nonce", "ann", expires=10.0, now=1.0)
    said: list[str | None] = []
    threads = [threading.Thread(target=lambda: said.append(store.take_once("nonce", 2.0))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, said)) == ["None"] * 5 + ["ann"]


def test_sessions_end_and_are_not_stored_as_they_are_carried(engine: sa.Engine) -> None:
    store = UserStore(engine)
    store.add_session("secret", "ann", expires=10.0, now=1.0)
    assert store.session_user("secret", 2.0) == "ann"
    assert store.session_user("secret", 10.0) is None
    with reading(engine) as connection:
        assert "secret" not in str(connection.execute(sa.text("SELECT * FROM session")).all())
    store.end_session("secret")
    assert store.session_user("secret", 2.0) is None
    store.ensure("ann", "Ann", 1.0)
    store.ensure("ann", "Ann", 2.0)


def test_two_who_make_the_same_file_at_once_make_one(engine: sa.Engine) -> None:
    store = LibraryStore(engine)
    said: list[bool] = []
    put = lambda i: said.append(store.put("ann", "a", FileRef(sha256=str(i) * 64, size=i), 1.0)[1])  # noqa: E731 - two words
    threads = [threading.Thread(target=put, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [False, False, False, True]
    assert len(store.page("ann", 10)) == 1
    assert store.page("bob", 10) == []
