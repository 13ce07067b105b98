"""Candidate generation: who proposes tracks, one module per source, and the registry of them all.

A source turns the person's taste into a pool with a reason for whatever is missing. Not here: how
a service is spoken to (``clients``), merging and scoring (``ranking``), lookups on Spotify of what
was chosen (``playlists.resolve``).
"""
