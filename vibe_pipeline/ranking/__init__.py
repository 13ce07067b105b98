"""Ranking and selection: candidates in, ordered tracks with their reasons out; all of it pure.

No clock, no chance, no service, no store: what varies is a parameter, and ties are decided, so that
the same inputs always give the same list. Proposing candidates is ``sources``' part; looking them
up, and the whole sequence from request to list, ``playlists``'.
"""
