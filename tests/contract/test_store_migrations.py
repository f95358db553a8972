"""What both databases owe at opening, on SQLite and on PostgreSQL: the newest tables, however they came about."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from simyard.store.engine import (
    Database,
    StoreError,
    head,
    make_engine,
    migrate,
    reading,
    target_metadata,
    upgrade,
    version,
    writing,
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("postgresql")
        return make
    names = iter(range(100))
    return lambda: f"sqlite:///{tmp_path}/{next(names)}.db"


@pytest.fixture(params=get_args(Database))
def database(request: pytest.FixtureRequest) -> Database:
    name: Database = request.param
    return name


def everything_in(engine: sa.Engine) -> dict[str, Any]:
    """The tables with their columns, indexes and constraints, as the database itself tells them."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": [{**column, "type": str(column["type"])} for column in inspector.get_columns(table)],
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted(_words(index) for index in inspector.get_indexes(table)),
            "foreign": sorted(map(str, inspector.get_foreign_keys(table))),
            "unique": sorted(map(str, inspector.get_unique_constraints(table))),
            "checks": sorted(map(str, inspector.get_check_constraints(table))),
        }
        for table in inspector.get_table_names()
    }


def _words(index: Any) -> str:
    # a partial index's condition is an object, whose repr is its address
    return str({**index, "dialect_options": {key: str(value) for key, value in index.get("dialect_options", {}).items()}})


def test_the_migrations_make_the_same_tables_as_an_empty_database_gets(new_url: Callable[[], str], database: Database) -> None:
    fresh, migrated = make_engine(new_url()), make_engine(new_url())
    migrate(fresh, database)
    with writing(migrated) as connection:
        upgrade(connection, database)
    try:
        assert everything_in(fresh) == everything_in(migrated)
        with reading(migrated) as connection:
            assert version(connection, database) == head(database)
            options = {"compare_type": True, "version_table": f"version_{database}"}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, target_metadata(database)) == []
    finally:
        fresh.dispose()
        migrated.dispose()


def test_migrating_twice_changes_nothing(new_url: Callable[[], str], database: Database) -> None:
    engine = make_engine(new_url())
    migrate(engine, database)
    before = everything_in(engine)
    migrate(engine, database)
    assert everything_in(engine) == before
    engine.dispose()


def test_both_databases_may_be_one(new_url: Callable[[], str]) -> None:
    engine = make_engine(new_url())
    for database in get_args(Database):
        migrate(engine, database)
    with reading(engine) as connection:
        assert {name: version(connection, name) for name in get_args(Database)} == {
            name: head(name) for name in get_args(Database)
        }
    engine.dispose()


def test_a_database_of_a_newer_simyard_is_refused_in_words(new_url: Callable[[], str], database: Database) -> None:
    engine = make_engine(new_url())
    migrate(engine, database)
    with writing(engine) as connection:
        connection.exec_driver_sql(f"UPDATE version_{database} SET version_num = '9999'")
    with pytest.raises(StoreError, match="install the newer Simyard") as caught:
        migrate(engine, database)
    assert caught.value.code == "database-too-new"
    engine.dispose()


def test_several_processes_may_migrate_at_once(new_url: Callable[[], str], database: Database) -> None:
    url = new_url()
    script = (
        "import sys; from simyard.store.engine import *; sys.stdin.readline(); migrate(make_engine(sys.argv[1]), sys.argv[2])"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, url, database], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=60)[1] for process in started]
        assert ended == [""] * 4
    finally:
        for process in started:
            process.kill()
            process.wait()
    engine = make_engine(url)
    with reading(engine) as connection:
        assert version(connection, database) == head(database)
    engine.dispose()


def test_runs_from_before_get_the_code_that_they_are_found_by(new_url: Callable[[], str]) -> None:
    engine = make_engine(new_url())
    try:
        with writing(engine) as connection:
            upgrade(connection, "jobs", "0002")
            values = "('r1', 'u', 's', 'm', 'i', 'completed', 1.0, 1, '', :data)"
            connection.execute(
                sa.text(
                    f'INSERT INTO run (id, "user", simulation, model, identity, state, queued, change, key, data) VALUES {values}'
                ),
                {"data": '{"id": "r1", "code": "madx"}'},
            )
        migrate(engine, "jobs")
        with reading(engine) as connection:
            assert connection.execute(sa.text("SELECT code FROM run")).scalar() == "madx"
    finally:
        engine.dispose()
