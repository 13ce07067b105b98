"""Vibe's core: everything that makes a playlist, and Dagster's part of it.

A room is a folder, and its first lines say what belongs there. Beside the rooms stands only what
several of them need: settings, records, the errors of commands, logs, the clock of the night. Bot
and OAuth service are packages of their own; nothing here imports them.
"""
