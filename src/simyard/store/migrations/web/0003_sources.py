"""What runs were given of other runs' files."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "taken",
        *(sa.Column(name, _WORD, primary_key=True) for name in ("user", "run", "input", "taker", "source", "file")),
        *(sa.Column(name, _WORD, nullable=False) for name in ("job", "simulation", "model")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("title", "name")),
        sa.Column("sha256", _WORD, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("first", "at")),
    )
    op.create_index("taken_user_taker", "taken", ["user", "taker", "input", "at"])
    op.create_index("taken_user_source", "taken", ["user", "source"])
    op.create_index("taken_user_sha256", "taken", ["user", "sha256"])
