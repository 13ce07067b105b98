"""Run by Alembic: takes the open transaction that ``migrating`` hands over, and nothing else."""

from __future__ import annotations

from alembic import context

from vibe_pipeline.accounts.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
