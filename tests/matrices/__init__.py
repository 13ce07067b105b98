"""Crash matrices: the whole installation with one thing going wrong, cell by cell; `make matrices`.

A sample of them, drawn by seed, is part of the tests (``tests/journeys``).
"""
