"""When each person set the hour of their nightly list. Released, so never edited.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts", sa.Column("nightly_set_at", sa.DateTime(timezone=True), nullable=True)
    )
