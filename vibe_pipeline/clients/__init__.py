"""One module for each outside service, and what they share: sending, retries, pace, budget.

A client gives records and raises what ``clients.errors`` names. Not here: what is asked of a
service and when (``sources``, ``taste``, ``playlists``), remembering answers (``lookup_cache``,
``sources.answers``), counting calls across processes (``accounts.budget``).
"""
