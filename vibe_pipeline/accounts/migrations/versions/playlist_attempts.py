"""Which playlist of a list an attempt is to make, and when it was noted. Never edited.

Both stood as signs behind the marker in stores of before.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_REPLACED, _ANOTHER = "+", "*"
_SIGNS = "+*="

editions = sa.table(
    "editions",
    sa.column("edition_id", sa.String),
    sa.column("marker", sa.Text),
    sa.column("title", sa.Text),
    sa.column("attempt", sa.String),
    sa.column("attempted_at", sa.DateTime(timezone=True)),
    sa.column("updated_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    first = sa.Column("attempt", sa.String(length=16), nullable=False, server_default="first")
    op.add_column("editions", first)
    op.add_column("editions", sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True))
    connection = op.get_bind()
    noted = sa.update(editions).where(editions.c.marker.is_not(None))
    connection.execute(noted.values(attempted_at=editions.c.updated_at))
    query = sa.select(editions).where(editions.c.marker.is_not(None))
    for row in connection.execute(query).mappings().all():
        _read_signs(connection, row)


def _read_signs(connection: sa.Connection, row: sa.RowMapping) -> None:
    plain = row["marker"].rstrip(_SIGNS)
    signs = row["marker"][len(plain) :]
    if not signs:
        return
    another = "another" if _ANOTHER in signs else "first"
    connection.execute(
        sa.update(editions)
        .where(editions.c.edition_id == row["edition_id"])
        .values(
            marker=None if row["title"] is None else plain,
            attempt="replacement" if _REPLACED in signs else another,
        )
    )
