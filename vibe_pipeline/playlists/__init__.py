"""A list from request to publication: build, resolve, publish, restore, replay.

The application's core sequence, testable without Dagster: assets, previews, replays and simulated
nights all call it. Not here: scores and caps (``ranking``), who proposes (``sources``), steps and
metadata (``defs``).
"""
