"""What each call was for, so that a day's calls are shared out fairly. Released, so never edited.

Calls counted before have no share: they leave the window within a day.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    share = sa.Column("share", sa.String(length=16), server_default="", nullable=False)
    op.add_column("service_calls", share)
