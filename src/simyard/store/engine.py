"""Opens a database, brings its tables to the newest version, and says in words what went wrong with it.

SQLite is opened so that what was committed survives a power cut (WAL, synchronous=FULL), and its transactions are
those that we ask for, not those that the driver guesses: a reader's BEGIN sees one moment, a writer's BEGIN IMMEDIATE
waits its turn instead of failing half-way.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from simyard.errors import SimyardError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

Database = Literal["jobs", "web"]

MIGRATIONS = Path(__file__).parent / "migrations"
_METADATA: dict[str, str] = {"jobs": "simyard.store.jobs_tables", "web": "simyard.store.web_tables"}
#: How long a connection waits for another one's write before it gives up (milliseconds).
_BUSY = 10_000
_PRAGMAS = (
    f"busy_timeout={_BUSY}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-16384",
)
#: Serialises migrations of several processes on one PostgreSQL ("simyard" in ASCII, cut to 63 bits).
_ADVISORY_LOCK = 0x73696D79617264


class StoreError(SimyardError):
    """The database could not do it, and nothing was changed; `retry` says whether trying again may help."""

    status = 503

    def __init__(self, code: str, detail: str, *, retry: bool) -> None:
        super().__init__(code, detail)
        self.retry = retry


def make_engine(url: str) -> sa.Engine:
    """An engine for an SQLAlchemy URL (`sqlite:///PATH` or `postgresql://…`). A missing SQLite file is made, readable
    by its owner only. Raises StoreError where the URL, the folder or the file cannot be used."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError("bad-database-url", f"The database's URL cannot be read: {error}", retry=False) from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        return sa.create_engine(parsed, pool_pre_ping=True)
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        detail = f"No driver for {parsed.drivername} is installed ({error}); for PostgreSQL install simyard[postgresql]."
        raise StoreError("bad-database-url", detail, retry=False) from None


def _sqlite(url: sa.URL) -> sa.Engine:
    path = url.database
    if not path or path == ":memory:":
        raise StoreError("bad-database-url", "SQLite needs a file: sqlite:////absolute/path.db", retry=False)
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError("database-unusable", f"{path} cannot be opened for writing: {error.strerror}.", retry=False) from None
    engine = sa.create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by its own rules
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that writes: committed (durable) when the block ends, rolled back when it raises. Raises StoreError."""
    with explained(), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that reads: everything in it sees one moment. Raises StoreError."""
    with explained(), engine.connect() as connection:
        yield connection


@contextmanager
def explained() -> Iterator[None]:
    """Turns a database's failure (not: a broken constraint) into a StoreError whose words say what to do."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _explain(error) from error
    except sa.exc.TimeoutError as error:
        raise StoreError("database-busy", "All connections to the database are in use; try again.", retry=True) from error
    except DBAPIError as error:
        # a broken constraint or a wrong statement is a mistake of ours, unless the connection is what broke
        # "malformed" and "not a database" come as plain DatabaseError from sqlite3
        if error.connection_invalidated or type(error) is sa.exc.DatabaseError:
            raise _explain(error) from error
        raise


def _explain(error: DBAPIError) -> StoreError:
    words = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    low = words.lower()
    if "disk is full" in low or "no space left" in low or "disk full" in low:
        return StoreError(
            "database-full", f"The disk of the database is full ({words}); free some space, and it goes on by itself.", retry=True
        )
    if "locked" in low or "busy" in low:
        return StoreError("database-busy", f"Another process holds the database ({words}).", retry=True)
    if "readonly" in low or "read-only" in low:
        return StoreError(
            "database-read-only", f"The database cannot be written ({words}); check who owns the file and its folder.", retry=True
        )
    if "malformed" in low or "not a database" in low:
        return StoreError("database-damaged", f"The database file is damaged ({words}); restore it from a copy.", retry=False)
    if "no such table" in low or "no such column" in low:
        return StoreError("database-not-migrated", f"The database has not been brought to this version ({words}).", retry=False)
    return StoreError("database-failed", f"The database failed: {words}", retry=True)


def head(database: Database) -> str:
    """The newest version of a database's tables: migrations are files called NNNN_words.py, NNNN being the revision."""
    return max(path.name.split("_", 1)[0] for path in (MIGRATIONS / database).glob("[0-9]*_*.py"))


def version(connection: sa.Connection, database: Database) -> str | None:
    """The version that the tables have; None for a database without any."""
    table = _version_table(database)
    if not sa.inspect(connection).has_table(table.name):
        return None
    found: str | None = connection.execute(sa.select(table.c.version_num)).scalar()
    return found


def _version_table(database: Database) -> sa.Table:
    # as Alembic makes it
    name = f"version_{database}"
    return sa.Table(name, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def migrate(engine: sa.Engine, database: Database) -> None:
    """Bring the tables to the newest version; several processes may do so at once. Alembic is imported only where there
    is something to migrate (imports are start-up time); an empty database gets the newest tables at once.
    Raises StoreError where the database is newer than this Simyard."""
    newest = head(database)
    with reading(engine) as connection:
        if version(connection, database) == newest:
            return
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        found = version(connection, database)  # again: somebody may have been faster
        if found is None:
            _create(connection, database, newest)
        elif found > newest:
            detail = f"The {database} database has version {found}, this Simyard knows {newest} at most: install the newer Simyard again."
            raise StoreError("database-too-new", detail, retry=False)
        elif found < newest:
            upgrade(connection, database)


def _create(connection: sa.Connection, database: Database, newest: str) -> None:
    target_metadata(database).create_all(connection)
    table = _version_table(database)
    table.create(connection)
    connection.execute(table.insert(), {"version_num": newest})


def upgrade(connection: sa.Connection, database: Database, to: str = "head") -> None:
    """Run Alembic's migrations on a connection, within its transaction."""
    from alembic import command  # only where there is something to migrate
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(MIGRATIONS / database).replace("%", "%%"))
    attributes: dict[str, Any] = {"connection": connection, "database": database}
    config.attributes.update(attributes)
    command.upgrade(config, to)


def target_metadata(database: Database) -> sa.MetaData:
    """The tables as the newest version has them; a test holds them equal to what the migrations make."""
    metadata: sa.MetaData = importlib.import_module(_METADATA[database]).metadata
    return metadata
