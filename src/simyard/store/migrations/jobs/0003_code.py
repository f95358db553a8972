"""The code of a run is a column, so that runs can be found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("run", sa.Column("code", _WORD, nullable=False, server_default=""))
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(
        "UPDATE run SET code = COALESCE(CAST(data AS json)->>'code', '')"
        if is_postgresql
        else "UPDATE run SET code = COALESCE(json_extract(data, '$.code'), '') WHERE json_valid(data)"
    )
    op.create_index("run_user_code", "run", ["user", "code", "id"])
