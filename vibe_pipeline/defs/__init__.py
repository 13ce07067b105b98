"""Dagster lives here: assets, jobs, schedules, sensors, resources; one module per asset group.

Assets fetch, call something, keep and report. Not here: whatever decides (``playlists``, ``taste``,
``sources``), for that wants tests without Dagster. How runs are started is ``launcher``'s;
``vibe_pipeline.definitions`` composes it all.
"""
