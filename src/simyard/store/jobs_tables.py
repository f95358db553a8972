"""The supervisor's tables. What is looked up is a column with an index; the rest of a run is one JSON text.

`run` holds what changes with every event, `spec` what is fixed when the run is made and may be large (its inputs).
"""

from __future__ import annotations

import sqlalchemy as sa

from simyard.protocol.jobs import FINAL, State

metadata = sa.MetaData()

#: Ids, names and digests are compared byte by byte, so that the order of ULIDs is the order of time on every database.
_Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
#: The rows of the partial index `run_active`; queries must say it in the same words to be answered by it.
ACTIVE = sa.text("state IN ({})".format(", ".join(sorted(f"'{s.value}'" for s in State if s not in FINAL))))
_KEYED = sa.text("key <> ''")
#: The rows of the partial index `deleted_left`.
LEFT = sa.text("removed IS NULL")

run = sa.Table(
    "run",
    metadata,
    sa.Column("id", _Word, primary_key=True),
    sa.Column("user", _Word, nullable=False),
    sa.Column("simulation", _Word, nullable=False),
    sa.Column("model", _Word, nullable=False),
    sa.Column("identity", _Word, nullable=False),
    sa.Column("state", _Word, nullable=False),
    sa.Column("queued", sa.Double, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False),
    sa.Column("key", _Word, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("code", _Word, nullable=False, server_default=""),
    sa.Index("run_user_id", "user", "id"),
    sa.Index("run_user_simulation", "user", "simulation", "id"),
    sa.Index("run_user_code", "user", "code", "id"),
    sa.Index("run_user_model", "user", "model", "id"),
    sa.Index("run_user_state", "user", "state", "id"),
    sa.Index("run_user_change", "user", "change"),
    sa.Index("run_change", "change"),
    sa.Index("run_user_identity", "user", "identity", "state", "id"),
    sa.Index("run_user_key", "user", "key", unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED),
    sa.Index("run_active", "queued", "id", sqlite_where=ACTIVE, postgresql_where=ACTIVE),
)

#: Runs that were deleted. `change` is the number of the deletion among all changes; `removed` is when the agent said that the
#: run's directory is gone as well, until when it is asked for.
deleted = sa.Table(
    "deleted",
    metadata,
    sa.Column("run", _Word, primary_key=True),
    sa.Column("user", _Word, nullable=False),
    sa.Column("target", _Word, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("removed", sa.Double),
    sa.Index("deleted_change", "change"),
    sa.Index("deleted_user_change", "user", "change"),
    sa.Index("deleted_left", "user", "target", "run", sqlite_where=LEFT, postgresql_where=LEFT),
)

spec = sa.Table("spec", metadata, sa.Column("run", _Word, primary_key=True), sa.Column("data", sa.Text, nullable=False))

agent = sa.Table(
    "agent",
    metadata,
    sa.Column("id", _Word, primary_key=True),
    sa.Column("user", _Word, nullable=False),
    sa.Column("target", _Word, nullable=False),
    sa.Column("secret_hash", _Word, nullable=False),
    sa.Column("handle", sa.Text, nullable=False),
    sa.Column("started", sa.Double, nullable=False),
)
