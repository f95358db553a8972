"""Runs that were deleted, and whose directories may still have to be removed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_LEFT = sa.text("removed IS NULL")


def upgrade() -> None:
    op.create_table(
        "deleted",
        sa.Column("run", _WORD, primary_key=True),
        sa.Column("user", _WORD, nullable=False),
        sa.Column("target", _WORD, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("removed", sa.Double),
    )
    op.create_index("deleted_change", "deleted", ["change"])
    op.create_index("deleted_user_change", "deleted", ["user", "change"])
    op.create_index("deleted_left", "deleted", ["user", "target", "run"], sqlite_where=_LEFT, postgresql_where=_LEFT)
