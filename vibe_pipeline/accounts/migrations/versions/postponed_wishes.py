"""Until when a wish waits for Spotify, when its turn came, how often its run met a rest before.

Released, so never edited.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for moment in ("postponed_until", "begun_at"):
        column = sa.Column(moment, sa.DateTime(timezone=True), nullable=True)
        op.add_column("pending_launches", column)
    op.add_column(
        "pending_launches", sa.Column("tries", sa.Integer, nullable=False, server_default="0")
    )
