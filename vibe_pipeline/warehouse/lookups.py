"""The answers of other services, kept for everybody: also that something is not there.

The cache's table, as JSON by service and key. Records and codecs: ``sources.answers``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.rows import insert, moment, select


class LookupTable:
    """The lookups table, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(
        self, wanted: Mapping[str, Sequence[str]], *, now: datetime
    ) -> dict[str, dict[str, Any]]:
        """The answers of each service to these keys that are not stale, all read together.

        ``None`` says that the thing is not there.
        """
        by_digest = {
            _digest(service, key): (service, key)
            for service, keys in wanted.items()
            for key in keys
        }
        rows = select(
            self._connection,
            f"SELECT digest, answer FROM lookups WHERE {_AMONG_DIGESTS} AND stale_at > ?",  # noqa: S608
            [list(wanted), list(by_digest), moment(now)],
        )
        answers: dict[str, dict[str, Any]] = {service: {} for service in wanted}
        found = {by_digest[row["digest"]]: row["answer"] for row in rows}
        for (service, key), answer in sorted(found.items()):
            answers[service][key] = None if answer is None else json.loads(answer)
        return answers

    def answers(self, *services: str, as_of: datetime) -> dict[str, dict[str, Any]]:
        """All that each of these services was known to have at a moment, by key."""
        rows = select(
            self._connection,
            "SELECT service, key, answer FROM lookups WHERE list_contains(?::VARCHAR[], service)"
            " AND asked_at <= ? AND stale_at > ? AND answer IS NOT NULL ORDER BY key",
            [list(services), moment(as_of), moment(as_of)],
        )
        answers: dict[str, dict[str, Any]] = {service: {} for service in services}
        for row in rows:
            answers[row["service"]][row["key"]] = json.loads(row["answer"])
        return answers

    def remember(
        self, service: str, answers: Iterable[tuple[str, Any, datetime]], *, now: datetime
    ) -> int:
        """Keep answers as (key, answer, stale from); the newest answer to a key stands."""
        latest = {key: (answer, stale_at) for key, answer, stale_at in answers}
        self._connection.execute(
            f"DELETE FROM lookups WHERE {_AMONG_DIGESTS}",  # noqa: S608 - ours
            [[service], [_digest(service, key) for key in latest]],
        )
        return insert(
            self._connection,
            "lookups",
            [
                {
                    "service": service,
                    "key": key,
                    "digest": _digest(service, key),
                    "answer": answer,
                    "asked_at": now,
                    "stale_at": stale_at,
                }
                for key, (answer, stale_at) in latest.items()
            ],
        )

    def drop_stale(self, *, now: datetime) -> int:
        """Let go of what would be asked again anyway; says how many answers."""
        row = self._connection.execute(
            "DELETE FROM lookups WHERE stale_at <= ?", [moment(now)]
        ).fetchone()
        return int(row[0]) if row else 0


_AMONG_DIGESTS = "list_contains(?::VARCHAR[], service) AND digest IN (SELECT unnest(?::BIGINT[]))"


def _digest(service: str, key: str) -> int:
    """What a key is looked up by; the migration that brought the column counts it likewise."""
    told = f"{service}\n{key}".encode("utf-8", "replace")
    return int(hashlib.md5(told, usedforsecurity=False).hexdigest()[:15], 16)


Opening = Callable[[], AbstractContextManager[LookupTable]]


class WarehouseLookups:
    """Lookups for the length of a step: reads when asked, writes all at once on ``keep``.

    The file is open for a moment per reading and once at the end, never while a service is
    being waited for.
    """

    def __init__(self, open_table: Opening, *, now: Callable[[], datetime]) -> None:
        self._open = open_table
        self._now = now
        self._read: dict[tuple[str, str], Any] = {}
        self._absent: set[tuple[str, str]] = set()
        self._fresh: dict[tuple[str, str], tuple[Any, datetime]] = {}

    def known(self, service: str, keys: Sequence[str]) -> dict[str, Any]:
        """What anybody's earlier asking, or this step's, found out."""
        self.read_ahead({service: keys})
        return {key: self._read[service, key] for key in keys if (service, key) in self._read}

    def read_ahead(
        self, wanted: Mapping[str, Sequence[str]], *, following: Mapping[str, str] | None = None
    ) -> None:
        """Read what is not known yet of these keys of each service, in one opening.

        ``following``: where what a service answers is a key of another one, that one's as well.
        """
        unread = self._unread(wanted)
        if not any(unread.values()):
            return
        with self._open() as table:
            self._read_from(table, unread)
            further = self._unread(
                {
                    other: self._named(service, wanted[service])
                    for service, other in (following or {}).items()
                }
            )
            if any(further.values()):
                self._read_from(table, further)

    def _unread(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        return {
            service: [key for key in keys if not self._looked_for(service, key)]
            for service, keys in wanted.items()
        }

    def _named(self, service: str, keys: Sequence[str]) -> list[str]:
        """Whatever text is the answer to one of these keys."""
        answers = (self._read.get((service, key)) for key in keys)
        return [answer for answer in answers if isinstance(answer, str)]

    def _read_from(self, table: LookupTable, unread: Mapping[str, Sequence[str]]) -> None:
        found = table.known(unread, now=self._now())
        for service, keys in unread.items():
            self._read |= {(service, key): answer for key, answer in found[service].items()}
            self._absent |= {(service, key) for key in keys if key not in found[service]}

    def _looked_for(self, service: str, key: str) -> bool:
        return (service, key) in self._read or (service, key) in self._absent

    def remember(self, service: str, answers: Mapping[str, Any | None], *, days: int) -> None:
        """Count on these answers for some days; they reach the file on ``keep``."""
        stale_at = self._now() + timedelta(days=days)
        for key, answer in answers.items():
            self._read[service, key] = answer
            self._fresh[service, key] = (answer, stale_at)

    def keep(self) -> int:
        """Write what was learned, in an opening of its own; says how many answers."""
        if not self._fresh:
            return 0
        with self._open() as table:
            return self.keep_in(table)

    def keep_in(self, table: LookupTable) -> int:
        """Write what was learned inside an opening that is there anyway."""
        by_service: dict[str, list[tuple[str, Any, datetime]]] = {}
        for (service, key), (answer, stale_at) in self._fresh.items():
            by_service.setdefault(service, []).append((key, answer, stale_at))
        kept = sum(
            table.remember(service, answers, now=self._now())
            for service, answers in by_service.items()
        )
        self._fresh.clear()
        return kept
