"""Order among simulations (folders, tags, the bin), the way back through saves, and what users write on runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("simulation", sa.Column("folder", sa.Text, nullable=False, server_default=""))
    op.add_column("simulation", sa.Column("tags", sa.Text, nullable=False, server_default="[]"))
    op.add_column("simulation", sa.Column("deleted", sa.Double))
    op.add_column("save", sa.Column("restores", sa.BigInteger))
    op.create_table(
        "note",
        sa.Column("user", _WORD, primary_key=True),
        sa.Column("run", _WORD, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("updated", sa.Double, nullable=False),
    )
