"""The way to Spotify and back (OAuth 2.0 with PKCE), health, and the nightly trigger.

A small ASGI service. It imports neither Dagster nor DuckDB and nothing of the bot; tokens are
sealed and kept by ``vibe_pipeline.accounts``.
"""
