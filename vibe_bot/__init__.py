"""The Telegram bot: reads what people type and tap, starts runs, tells how they ended.

Its knowledge comes from the account store and, by GraphQL, from Dagster. It imports neither Dagster
nor DuckDB, and makes no list itself; its sentences stand in ``vibe_pipeline.locales``.
"""
