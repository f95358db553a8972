"""The first tables of the supervisor: runs, their specs, and agents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ACTIVE = sa.text("state IN ('canceling', 'pending', 'running', 'starting')")
_KEYED = sa.text("key <> ''")


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("id", _WORD, primary_key=True),
        sa.Column("user", _WORD, nullable=False),
        sa.Column("simulation", _WORD, nullable=False),
        sa.Column("model", _WORD, nullable=False),
        sa.Column("identity", _WORD, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("queued", sa.Double, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("key", _WORD, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("run_user_id", "run", ["user", "id"])
    op.create_index("run_user_simulation", "run", ["user", "simulation", "id"])
    op.create_index("run_user_model", "run", ["user", "model", "id"])
    op.create_index("run_user_state", "run", ["user", "state", "id"])
    op.create_index("run_user_change", "run", ["user", "change"])
    op.create_index("run_change", "run", ["change"])
    op.create_index("run_user_identity", "run", ["user", "identity", "state", "id"])
    op.create_index("run_user_key", "run", ["user", "key"], unique=True, sqlite_where=_KEYED, postgresql_where=_KEYED)
    op.create_index("run_active", "run", ["queued", "id"], sqlite_where=_ACTIVE, postgresql_where=_ACTIVE)
    op.create_table("spec", sa.Column("run", _WORD, primary_key=True), sa.Column("data", sa.Text, nullable=False))
    op.create_table(
        "agent",
        sa.Column("id", _WORD, primary_key=True),
        sa.Column("user", _WORD, nullable=False),
        sa.Column("target", _WORD, nullable=False),
        sa.Column("secret_hash", _WORD, nullable=False),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
    )
