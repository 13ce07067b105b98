"""More people like somebody who is warm: the same library and pools under accounts of their own.

Making each of a hundred people warm by production's own jobs takes minutes. So a few are made warm
that way, and these rows are copied from them: each copy has its own account, consent, playlist and
slices of every table. Only their taste is not their own. They listen as the same simulated
listener, so that what is known of them is true.
"""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy import Connection, Table, insert, select, update

from vibe_pipeline.accounts.records import Account
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.accounts.tables import accounts, considered, editions, source_outcomes
from vibe_pipeline.settings import Settings
from vibe_pipeline.warehouse import Warehouse

_SAME_LIBRARY = ("market", "likes_cached", "likes_total", "likes_synced_at")
_OF_A_PERSON = (editions, considered, source_outcomes)


async def copied(
    settings: Settings, store: AccountStore, warm: Account, copy: Account, access_token: str
) -> None:
    """Give ``copy``, who is connected and has nothing else yet, all that ``warm`` has."""
    playlist_id = await _playlist(settings, access_token)
    _copy_slices(settings, warm.user_id, copy.user_id)
    with store.database.writing() as connection:
        for table in _OF_A_PERSON:
            _copy_rows(connection, table, warm.user_id, copy.user_id, playlist_id)
        of_warm = select(accounts).where(accounts.c.user_id == warm.user_id)
        row = connection.execute(of_warm).mappings().one()
        values = {name: row[name] for name in _SAME_LIBRARY}
        own = {"playlist_id": playlist_id, "playlist_url": _address(playlist_id)}
        change = update(accounts).where(accounts.c.user_id == copy.user_id)
        connection.execute(change.values(**values, **own))


async def _playlist(settings: Settings, access_token: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{settings.spotify_api_url}/me/playlists",
            json={"name": "Daily vibe", "public": False},
            headers={"Authorization": f"Bearer {access_token}"},
        )
        answer.raise_for_status()
        return str(answer.json()["id"])


def _address(playlist_id: str) -> str:
    return f"https://open.spotify.com/playlist/{playlist_id}"


def _copy_slices(settings: Settings, warm: str, copy: str) -> None:
    """Every row of the warehouse that is the one's, once more as the other's."""
    with Warehouse(settings.warehouse_path, patience=60).open() as tables:
        columns = tables.connection.execute(
            "SELECT table_name, list(column_name) FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_type = 'BASE TABLE' GROUP BY table_name"
        ).fetchall()
        for table, names in columns:
            if "user_id" not in names:
                continue
            replaced = "$copy AS user_id"
            if "edition_id" in names:
                replaced += (
                    ", CASE WHEN contains(edition_id, $warm) THEN replace(edition_id, $warm, $copy)"
                    " ELSE edition_id || ':' || $copy END AS edition_id"
                )
            copying = (  # names are the schema's own
                f'INSERT INTO "{table}" SELECT * REPLACE ({replaced}) FROM "{table}"'  # noqa: S608
                " WHERE user_id = $warm"
            )
            tables.connection.execute(copying, {"warm": warm, "copy": copy})


def _copy_rows(
    connection: Connection, table: Table, warm: str, copy: str, playlist_id: str
) -> None:
    rows = connection.execute(select(table).where(table.c.user_id == warm)).mappings()
    copies: list[dict[str, Any]] = []
    for row in rows.all():
        values = {**row, "user_id": copy}
        if "edition_id" in values:
            values["edition_id"] = f"{row['edition_id']}:{copy}"
        if values.get("playlist_id") is not None:
            values |= {"playlist_id": playlist_id, "playlist_url": _address(playlist_id)}
        copies.append(values)
    if copies:
        connection.execute(insert(table), copies)
