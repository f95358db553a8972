"""Web's tables: users and their ways in, simulations with every save of them, and the files of the library."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

#: Ids, names and digests are compared byte by byte, so that the order of ULIDs is the order of time on every database.
_Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

user = sa.Table(
    "user",
    metadata,
    sa.Column("id", _Word, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
)

#: A browser that is logged in: `id` is the hash of what its cookie carries.
session = sa.Table(
    "session",
    metadata,
    sa.Column("id", _Word, primary_key=True),
    sa.Column("user", _Word, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
)

#: An address that logs a browser in, once: `id` is the hash of what the address carries.
once = sa.Table(
    "once",
    metadata,
    sa.Column("id", _Word, primary_key=True),
    sa.Column("user", _Word, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
)

#: `version` rises with every change and is what If-Match compares; `revision` names the content, see `revision`.
simulation = sa.Table(
    "simulation",
    metadata,
    sa.Column("id", _Word, primary_key=True),
    sa.Column("user", _Word, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("code", _Word, nullable=False),
    sa.Column("revision", _Word, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
    # "a/b" for a folder inside another, "" for none; tags are a JSON list; deleted: since when it lies in the bin
    sa.Column("folder", sa.Text, nullable=False, server_default=""),
    sa.Column("tags", sa.Text, nullable=False, server_default="[]"),
    sa.Column("deleted", sa.Double),
    sa.Index("simulation_user_id", "user", "id"),
)

#: What a simulation once was, by the SHA-256 of it; `inputs` and `files` are JSON.
revision = sa.Table(
    "revision",
    metadata,
    sa.Column("simulation", _Word, sa.ForeignKey("simulation.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("id", _Word, primary_key=True),
    sa.Column("inputs", sa.Text, nullable=False),
    sa.Column("files", sa.Text, nullable=False),
)

#: Every save, counted from 1: the same content may be saved again, later. `restores` is the number of the save that an undo
#: or a redo went back to.
save = sa.Table(
    "save",
    metadata,
    sa.Column("simulation", _Word, sa.ForeignKey("simulation.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("n", sa.BigInteger, primary_key=True),
    sa.Column("revision", _Word, nullable=False),
    sa.Column("saved", sa.Double, nullable=False),
    sa.Column("restores", sa.BigInteger),
)

#: Which contents a user's simulations name in any of their revisions: what must not be swept away.
used = sa.Table(
    "used",
    metadata,
    sa.Column("user", _Word, primary_key=True),
    sa.Column("sha256", _Word, primary_key=True),
    sa.Column("simulation", _Word, sa.ForeignKey("simulation.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("used_simulation", "simulation"),
)

#: A file of a user's library; its content is `users/UID/files/AB/ABCD…`.
file = sa.Table(
    "file",
    metadata,
    sa.Column("user", _Word, primary_key=True),
    sa.Column("name", _Word, primary_key=True),
    sa.Column("sha256", _Word, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
    sa.Index("file_user_sha256", "user", "sha256"),
)

#: What a user has written on a run of theirs.
note = sa.Table(
    "note",
    metadata,
    sa.Column("user", _Word, primary_key=True),
    sa.Column("run", _Word, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
    sa.Column("updated", sa.Double, nullable=False),
)

#: What runs were given of other runs' files; their contents must not be swept away while there is a row of them.
taken = sa.Table(
    "taken",
    metadata,
    sa.Column("user", _Word, primary_key=True),
    sa.Column("run", _Word, primary_key=True),
    sa.Column("input", _Word, primary_key=True),
    sa.Column("taker", _Word, primary_key=True),
    sa.Column("source", _Word, primary_key=True),
    sa.Column("file", _Word, primary_key=True),
    sa.Column("job", _Word, nullable=False),
    sa.Column("simulation", _Word, nullable=False),
    sa.Column("model", _Word, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", _Word, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    # when it was taken first, and last
    sa.Column("first", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index("taken_user_taker", "user", "taker", "input", "at"),
    sa.Index("taken_user_source", "user", "source"),
    sa.Index("taken_user_sha256", "user", "sha256"),
)
