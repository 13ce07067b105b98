"""Until when a wish waits for Spotify, and how often its run met a rest. Released, so never edited.

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
    op.add_column(
        "pending_launches", sa.Column("postponed_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "pending_launches", sa.Column("tries", sa.Integer, nullable=False, server_default="0")
    )
