"""How fast each service was asked by all machines together. Never edited.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paces",
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("arrival", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("service", name="pk_paces"),
    )
