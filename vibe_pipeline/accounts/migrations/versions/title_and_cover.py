"""A name the person fixed for their playlist, and its cover. Released, so never edited.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("own_title", sa.Text(), nullable=True))
    op.add_column(
        "accounts", sa.Column("covers", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("accounts", sa.Column("covered_on", sa.Date(), nullable=True))
