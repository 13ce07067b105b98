"""Who is connected: settings, sealed tokens, ledger, budget, outbox, in one small shared database.

The repositories of the account store (SQLAlchemy Core, SQLite or Postgres, Alembic migrations).
What all processes must see at once belongs here. Not here: what assets make (``warehouse``), asking
Spotify (``clients``), sentences (``locales``).
"""
