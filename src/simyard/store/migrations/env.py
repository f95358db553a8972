"""Alembic's environment for both databases: the connection and the database's name are handed over by `engine.upgrade`.

A new migration is a file NNNN_words.py in `jobs/` or `web/`, with `revision = "NNNN"`.
"""

from alembic import context

from simyard.store.engine import target_metadata

_given = context.config.attributes
context.configure(
    connection=_given["connection"],
    target_metadata=target_metadata(_given["database"]),
    version_table=f"version_{_given['database']}",
    # SQLite cannot alter most things in place: Alembic copies the table instead
    render_as_batch=_given["connection"].dialect.name == "sqlite",
)
context.run_migrations()
