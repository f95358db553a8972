"""The first tables of web: users, ways in, simulations, files."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "user",
        sa.Column("id", _WORD, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    for name in ("session", "once"):
        op.create_table(
            name,
            sa.Column("id", _WORD, primary_key=True),
            sa.Column("user", _WORD, nullable=False),
            sa.Column("expires", sa.Double, nullable=False),
        )
    op.create_table(
        "simulation",
        sa.Column("id", _WORD, primary_key=True),
        sa.Column("user", _WORD, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("code", _WORD, nullable=False),
        sa.Column("revision", _WORD, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("updated", sa.Double, nullable=False),
    )
    op.create_index("simulation_user_id", "simulation", ["user", "id"])
    op.create_table(
        "revision",
        sa.Column("simulation", _WORD, sa.ForeignKey("simulation.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", _WORD, primary_key=True),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
    )
    op.create_table(
        "save",
        sa.Column("simulation", _WORD, sa.ForeignKey("simulation.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True),
        sa.Column("revision", _WORD, nullable=False),
        sa.Column("saved", sa.Double, nullable=False),
    )
    op.create_table(
        "used",
        sa.Column("user", _WORD, primary_key=True),
        sa.Column("sha256", _WORD, primary_key=True),
        sa.Column("simulation", _WORD, sa.ForeignKey("simulation.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("used_simulation", "used", ["simulation"])
    op.create_table(
        "file",
        sa.Column("user", _WORD, primary_key=True),
        sa.Column("name", _WORD, primary_key=True),
        sa.Column("sha256", _WORD, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("updated", sa.Double, nullable=False),
    )
    op.create_index("file_user_sha256", "file", ["user", "sha256"])
