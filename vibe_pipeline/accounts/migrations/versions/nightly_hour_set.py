"""When each person set the hour of their nightly list. Released, so never edited.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts", sa.Column("nightly_set_at", sa.DateTime(timezone=True), nullable=True)
    )
