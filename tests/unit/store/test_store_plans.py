"""Every lookup of the supervisor's store is by an index, so that a million runs cost no more than a thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from simyard.store.engine import make_engine, migrate
from simyard.store.records import Batch
from simyard.store.runs import RunStore

LOOKUPS: dict[str, Callable[[RunStore], Any]] = {
    "get": lambda store: store.get("r"),
    "specs": lambda store: store.specs(["a", "b"]),
    "active": lambda store: store.active(),
    "page": lambda store: store.page("me", 10),
    "page of a simulation": lambda store: store.page("me", 10, "c", "sim"),
    "page of a simulation's failed": lambda store: store.page("me", 10, "c", "sim", "m", "failed"),
    "page of a model": lambda store: store.page("me", 10, "c", model="m"),
    "page of a model's failed": lambda store: store.page("me", 10, "c", model="m", state="failed"),
    "page of the failed": lambda store: store.page("me", 10, "c", state="failed"),
    "changes of a user": lambda store: store.happened_after("me", 7, 10),
    "changes of all": lambda store: store.happened_after(None, 7, 10),
    "last change": lambda store: store.last_change(),
    "completed": lambda store: store.find_completed("me", "i"),
    "completed of a simulation": lambda store: store.find_completed("me", "i", "sim"),
    "what is left": lambda store: store.left_of("me", "local", 10),
    "what is left of some": lambda store: store.left_of("me", "local", 10, ["a", "b"]),
    "forget deletions": lambda store: store.forget_deleted(7.0),
    "key": lambda store: store.find_key("me", "k"),
    "drop an agent": lambda store: store.commit(Batch(agents_gone={"a"})),
}

#: What happened is put together of two lists that are short and in order already.
MERGING = {
    "COMPOUND QUERY", "LEFT-MOST SUBQUERY", "UNION ALL", "SCAN anon_1", "SCAN anon_2", "SCAN anon_3", "USE TEMP B-TREE FOR ORDER BY"
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    path: Path = tmp_path_factory.mktemp("plans")
    made = make_engine(f"sqlite:///{path}/jobs.db")
    migrate(made, "jobs")
    yield made
    made.dispose()


@pytest.mark.parametrize("name", LOOKUPS)
def test_is_by_an_index_and_needs_no_sorting(engine: sa.Engine, name: str) -> None:
    asked: list[tuple[str, Any]] = []

    def hear(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        LOOKUPS[name](RunStore(engine))
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    plans = []
    with engine.connect() as connection:
        for statement, parameters in asked:
            if statement.startswith(("SELECT", "DELETE")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                plans += [str(row[-1]) for row in rows]
    assert plans
    for step in plans:
        if name.startswith("changes") and (step in MERGING or step.startswith("CO-ROUTINE")):
            continue
        # a scan of the partial index of active runs is a scan of the active runs alone
        assert "USING INDEX" in step or "USING COVERING INDEX" in step, plans
        assert not step.startswith("SCAN") or "run_active" in step or "max" in name or name == "last change", plans
