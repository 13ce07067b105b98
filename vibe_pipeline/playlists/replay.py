"""What an edition was made from, and making it again: byte for byte, or by another policy."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import Enum
from typing import Any, Self

from vibe_pipeline.accounts.records import Account, Block, BlockKind, Thumb
from vibe_pipeline.playlists.build import Selection, found_in, replayed
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.policy import POLICIES, Policy
from vibe_pipeline.records import EditionId, Pool, Ranked, UserId
from vibe_pipeline.warehouse.rows import Slice
from vibe_pipeline.warehouse.selection import EditionInputs
from vibe_pipeline.warehouse.warehouse import Tables


class PolicyUnknown(LookupError):
    """A policy is named that this version of the program does not have."""


class NothingStored(LookupError):
    """There is no such edition whose inputs are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Blocks and thumbs as the taste and the ranking want them: by key."""

    blocked_artists: frozenset[str]
    blocked_tracks: frozenset[str]
    thumbs: Mapping[str, int]
    artist_thumbs: Mapping[str, int]

    @classmethod
    def of(cls, blocks: Iterable[Mapping[str, Any]], thumbs: Iterable[Mapping[str, Any]]) -> Self:
        """Feedback out of what is kept with an edition's inputs."""
        barred: dict[str, set[str]] = {}
        for block in blocks:
            barred.setdefault(block["kind"], set()).add(block["key"])
        tracks: dict[str, int] = {}
        artists: Counter[str] = Counter()
        for thumb in thumbs:
            tracks[thumb["key"]] = thumb["value"]
            artists[thumb["artist_key"]] += thumb["value"]
        return cls(
            blocked_artists=frozenset(barred.get(BlockKind.ARTIST, ())),
            blocked_tracks=frozenset(barred.get(BlockKind.TRACK, ())),
            thumbs=tracks,
            artist_thumbs=dict(artists),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """An edition made again, beside what was made then."""

    then: Sequence[Ranked]
    again: Selection
    digest_then: str
    digest_again: str

    @property
    def equal(self) -> bool:
        """Whether every candidate, term, rank and position is the same."""
        return self.digest_then == self.digest_again

    def side_by_side(self) -> list[tuple[int, str, str]]:
        """Position, what stood there then, what stands there now; empty where nothing does."""
        then, again = _lines(self.then), _lines(self.again.ranked)
        return [
            (place, then.get(place, ""), again.get(place, ""))
            for place in sorted(then.keys() | again.keys())
        ]

    def overlap(self) -> tuple[int, int, int]:
        """How many recordings are in both lists, only in the one of then, only in the new one."""
        then, again = _chosen(self.then), _chosen(self.again.ranked)
        return len(then & again), len(then - again), len(again - then)


def edition_on(
    tables: Tables, user_id: UserId, day: date, edition_id: EditionId | None = None
) -> tuple[Slice, EditionInputs]:
    """The latest edition of a day, or the one named; raises ``NothingStored``."""
    known = tables.selections.editions_on(user_id, day)
    wanted = edition_id or (known[0] if known else None)
    inputs = tables.selections.inputs(user_id, wanted) if wanted in known and wanted else None
    if wanted is None or inputs is None:
        raise NothingStored(f"no list of {day} is stored for {user_id}")
    return Slice(user_id=user_id, vibe_date=day, edition_id=wanted), inputs


def policy_called(name: str | None) -> Policy | None:
    """The policy of this name, or none for none; raises ``PolicyUnknown``."""
    if name is None:
        return None
    if name not in POLICIES:
        raise PolicyUnknown(f"there is no policy {name}; there are {', '.join(sorted(POLICIES))}")
    return POLICIES[name]


def same_policy(inputs: EditionInputs, policy: Policy | None) -> bool:
    """Whether a replay by this policy must give the same list."""
    return policy is None or policy_of(policy) == dict(inputs.policy)


def settings_of(account: Account) -> dict[str, Any]:
    """The settings a selection depends on, as they are kept with its inputs."""
    return {
        "size": account.playlist_size,
        "min_new_ratio": account.min_new_ratio,
        "adventure": account.adventure,
    }


def policy_of(policy: Policy) -> dict[str, Any]:
    """A policy as it is kept with an edition's inputs: by name, version and every figure."""
    return {name: _plain(value) for name, value in asdict(policy).items()}


def policy_named(kept: Mapping[str, Any]) -> Policy:
    """The policy an edition was made with; a changed figure under the old version is refused."""
    policy = POLICIES.get(str(kept["name"]))
    if policy is None or policy_of(policy) != dict(kept):
        raise PolicyUnknown(
            f"the edition was made with {kept['name']} version {kept['version']}, which this"
            " version of the program does not have"
        )
    return policy


def feedback_of(
    blocks: Iterable[Block], thumbs: Iterable[Thumb]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Blocks and thumbs as they are kept with an edition's inputs, in a fixed order."""
    kept_blocks = [{"kind": str(block.kind), "key": block.key} for block in blocks]
    kept_thumbs = [
        {"key": thumb.key, "artist_key": thumb.artist_key, "value": thumb.value} for thumb in thumbs
    ]
    return (
        sorted(kept_blocks, key=lambda block: (block["kind"], block["key"])),
        sorted(kept_thumbs, key=lambda thumb: str(thumb["key"])),
    )


def request_from(tables: Tables, place: Slice, inputs: EditionInputs) -> ListRequest:
    """Everything but the candidates, as it stood at the edition's moment."""
    user_id, as_of = place.user_id, inputs.as_of
    feedback = Feedback.of(inputs.blocks, inputs.thumbs)
    return ListRequest(
        vibe_date=place.vibe_date,
        now=as_of,
        profile=tables.taste.profile(user_id, inputs.profile_edition),
        size=inputs.settings["size"],
        min_new_ratio=inputs.settings["min_new_ratio"],
        adventure=inputs.settings["adventure"],
        likes=tuple(tables.library.likes(user_id, as_of=as_of)),
        plays=tuple(tables.library.plays(user_id, until=as_of)),
        past=tuple(tables.playlists.past(user_id, besides=place.edition_id, as_of=as_of)),
        blocked_artists=feedback.blocked_artists,
        blocked_tracks=feedback.blocked_tracks,
        thumbs=feedback.thumbs,
        artist_thumbs=feedback.artist_thumbs,
    )


def pools_from(tables: Tables, place: Slice, inputs: EditionInputs) -> list[Pool]:
    """The candidates the edition was made from."""
    return tables.candidates.pools(place.user_id, inputs.pool_editions)


def worth_keeping(ranked: Sequence[Ranked], pools: Iterable[Pool]) -> list[Ranked]:
    """What was proposed or chosen: the likes behind it, a last resort, are in the library."""
    proposed = {proposal for pool in pools for proposal in pool.proposals}
    return [
        item
        for item in ranked
        if item.position is not None or not proposed.isdisjoint(item.candidate.proposals)
    ]


def replay(
    tables: Tables, place: Slice, inputs: EditionInputs, *, policy: Policy | None = None
) -> Replay:
    """Make an edition again from its stored inputs, by its own policy or by another.

    Nobody is asked anything: what the edition never looked up stays not looked up.
    """
    then = tables.selections.ranked(place.user_id, place.edition_id)
    again = replayed(
        request_from(tables, place, inputs),
        pools_from(tables, place, inputs),
        found_in(then),
        policy or policy_named(inputs.policy),
    )
    return Replay(
        then=then, again=again, digest_then=inputs.digest, digest_again=digest(again.ranked)
    )


def digest(ranked: Sequence[Ranked]) -> str:
    """A fingerprint of everything considered: candidates, terms, ranks, positions, reasons."""
    told = [
        {
            "rank": item.rank,
            "key": item.candidate.key,
            "proposals": len(item.candidate.proposals),
            "score": item.score,
            "terms": dict(item.terms),
            "is_new": item.is_new,
            "source": str(item.source),
            "seed": item.seed,
            "position": item.position,
            "dropped": str(item.dropped) if item.dropped else None,
            "track": item.track.uri if item.track else None,
        }
        for item in ranked
    ]
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _lines(ranked: Iterable[Ranked]) -> dict[int, str]:
    return {
        item.position: f"{item.candidate.artist} – {item.candidate.title}"
        for item in ranked
        if item.position is not None
    }


def _chosen(ranked: Iterable[Ranked]) -> set[str]:
    return {item.candidate.key for item in ranked if item.position is not None}


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
