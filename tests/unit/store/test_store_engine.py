"""Opening a database, and the words for what goes wrong with it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from simyard.store import engine as store_engine
from simyard.store.engine import StoreError, make_engine, migrate, reading, writing


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = make_engine(f"sqlite:///{tmp_path}/deep/er/jobs.db")
    migrate(made, "jobs")
    yield made
    made.dispose()


def test_what_was_committed_survives_a_power_cut(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_new_file_is_its_owners_alone(engine: sa.Engine) -> None:
    for name in os.listdir(os.path.dirname(str(engine.url.database))):
        mode = os.stat(os.path.join(os.path.dirname(str(engine.url.database)), name)).st_mode
        assert stat.S_IMODE(mode) == 0o600, name


def test_alembic_is_not_imported_where_there_is_nothing_to_migrate(tmp_path: Path) -> None:
    script = (
        "import sys; from simyard.store.engine import *; e = make_engine(sys.argv[1]); migrate(e, 'jobs'); migrate(e, 'jobs');"
        "print('alembic' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, f"sqlite:///{tmp_path}/jobs.db"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"


@pytest.mark.parametrize(
    "url, words", [("nonsense", "cannot be read"), ("sqlite://", "needs a file"), ("oracle+nope://x", "No driver")]
)
def test_a_wrong_url_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        make_engine(url)
    assert not caught.value.retry


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened for writing") as caught:
        make_engine(f"sqlite:///{tmp_path}/file/jobs.db")
    assert caught.value.code == "database-unusable"


def test_a_full_disk_is_said_and_may_be_tried_again(engine: sa.Engine) -> None:
    blob = "x" * 1_000_000

    def put(run: str) -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("INSERT INTO spec (run, data) VALUES (?, ?)", (run, blob))

    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100")  # the pool has this one connection
    with pytest.raises(StoreError, match="disk of the database is full") as caught:
        put("a")
    assert caught.value.retry
    assert caught.value.code == "database-full"
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    put("a")


def test_a_write_that_another_process_blocks_is_said_and_may_be_tried_again(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_engine, "_PRAGMAS", ("busy_timeout=20",))
    other = make_engine(str(engine.url))
    with writing(engine), pytest.raises(StoreError, match="Another process holds") as caught, writing(other):
        pass
    assert caught.value.retry
    other.dispose()


def test_a_damaged_file_is_said_and_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"this is no database" * 1000)
    broken = make_engine(f"sqlite:///{tmp_path}/jobs.db")
    with pytest.raises(StoreError, match="restore it from a copy") as caught:
        migrate(broken, "jobs")
    assert not caught.value.retry
    broken.dispose()


def test_a_database_that_is_away_is_said_and_may_be_tried_again(tmp_path: Path) -> None:
    away = make_engine(f"postgresql://nobody@/nothing?host={tmp_path}&connect_timeout=1")
    with pytest.raises(StoreError) as caught:
        migrate(away, "jobs")
    assert caught.value.retry
    away.dispose()


def test_a_block_that_raises_leaves_nothing(engine: sa.Engine) -> None:
    def put_and_raise() -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("INSERT INTO spec (run, data) VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_raise()
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM spec").scalar() == 0
