"""What a service counted, so that plays imported there later are seen. Never edited.

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
        "history_sources", sa.Column("counted_before", sa.DateTime(timezone=True), nullable=True)
    )
