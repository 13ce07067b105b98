"""Whether a person wants no explicit tracks. Released, so never edited.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts",
        sa.Column("leaves_out_explicit", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
