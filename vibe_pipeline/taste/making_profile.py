"""A person's seed profile, made from what account store and warehouse hold about them.

Reading of inputs only. The weights themselves are ``seed_profile``'s, which is pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vibe_pipeline.accounts.records import Account, Exclusion
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import Play, SeedProfile, UserId
from vibe_pipeline.taste.exclusions import ExclusionCounts, ExclusionRules, exclusion_rules_of
from vibe_pipeline.taste.feedback import Feedback, feedback_of
from vibe_pipeline.taste.free_choice import is_free_choice
from vibe_pipeline.taste.seed_profile import (
    LONG_AGO,
    MOST_RECORDINGS,
    seed_profile,
    share_of_the_past,
    telling_plays,
    times_played,
)
from vibe_pipeline.warehouse import Tables, Warehouse
from vibe_pipeline.warehouse.listening_history import PastListening


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeProfile:
    """A profile with what its numbers do not tell.

    ``times_played`` counts plays by artist key and by recording key; ``left_out`` counts what each
    exclusion kept out, ``from_our_lists`` the plays that one of our playlists brought.
    """

    profile: SeedProfile
    exclusions: Sequence[Exclusion]
    left_out: ExclusionCounts
    times_played: Mapping[str, int]
    from_our_lists: int


def make_profile(
    warehouse: Warehouse, store: AccountStore, account: Account, *, now: datetime
) -> MadeProfile:
    """What the person leans to at this moment; nothing is written.

    The warehouse is open only while it is read, not while weights are counted.
    """
    user_id = account.user_id
    feedback = Feedback.of(*feedback_of(store.blocks.list(user_id), store.thumbs.list(user_id)))
    exclusions = exclusion_rules_of(store, account)
    with warehouse.open() as tables:
        own_lists = tables.playlists.own_lists(user_id)
        likes, plays = tables.library.likes(user_id), tables.library.plays(user_id)
        top = tables.library.top_items(user_id)
        past: Sequence[PastListening] = ()
        if tables.library.state(user_id).history_read_at is not None:
            telling = telling_plays(plays, exclusions, own_lists)
            past = _long_ago(tables, user_id, telling, now, exclusions)
    profile = seed_profile(
        likes=likes,
        plays=plays,
        top=top,
        thumbs=feedback.thumbs,
        artist_thumbs=feedback.artist_thumbs,
        blocked_artists=feedback.blocked_artists,
        blocked_tracks=feedback.blocked_tracks,
        hygiene=exclusions,
        own_lists=own_lists,
        chosen=store.chosen_artists.list(user_id),
        past=past,
        now=now,
    )
    return MadeProfile(
        profile=profile,
        exclusions=store.exclusions.list(user_id),
        left_out=ExclusionCounts.by(exclusions, plays, likes),
        times_played=times_played(telling_plays(plays, exclusions, own_lists)),
        from_our_lists=sum(not is_free_choice(play, own_lists) for play in plays),
    )


def _long_ago(
    tables: Tables,
    user_id: UserId,
    telling: Sequence[Play],
    now: datetime,
    exclusions: ExclusionRules,
) -> Sequence[PastListening]:
    """What was played years ago, where so little was played lately that it is asked."""
    if not share_of_the_past(telling, now):
        return ()
    return tables.history.long_ago(
        user_id,
        before=now - LONG_AGO,
        most=MOST_RECORDINGS,
        exact=bool(exclusions.hours or exclusions.dates),
    )
