"""What an edition is made from besides its candidates: settings, policy, feedback, the moment.

Kept with every edition, so that it can be made again (reproducibility); nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import Enum
from typing import Any, Self

from vibe_pipeline.accounts.records import Account, SteeringWish
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.playlists.pools_at_hand import looked_at_first
from vibe_pipeline.ranking.artist_aliases import OtherNames, by_other_name
from vibe_pipeline.ranking.list_request import ListRequest, unplayable_likes
from vibe_pipeline.ranking.listener_knowledge import with_current_keys
from vibe_pipeline.ranking.policy import ADDED_FIGURES, FORMER, POLICIES, Policy
from vibe_pipeline.records import LikedTrack, PastRecommendation, Play, Pool, SeedProfile, UserId
from vibe_pipeline.sources.answers import MUSICBRAINZ_ALIASES, SPOTIFY_EXPLICIT, UNUSABLE_IDS
from vibe_pipeline.taste.exclusions import exclusions_kept
from vibe_pipeline.taste.feedback import Feedback, feedback_of
from vibe_pipeline.taste.steering import steers_of, wishes_kept
from vibe_pipeline.warehouse.rows import Slice
from vibe_pipeline.warehouse.selection import EditionInputs
from vibe_pipeline.warehouse.warehouse import Tables

_EXPLICIT = "explicit_ids"
"""Kept beside the settings of an edition that was to hold nothing marked explicit: what was known
to be. What was looked up for it is added once it is chosen."""
_UNUSABLE = "unusable_ids"
"""Kept beside the settings of an edition that was chosen anew while it was published."""


class PolicyUnknown(LookupError):
    """A policy is named that this version of the program does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person has told us, as the account store has it: what an edition is not to forget."""

    blocks: Sequence[Mapping[str, Any]]
    thumbs: Sequence[Mapping[str, Any]]
    exclusions: Sequence[Mapping[str, Any]]
    steering: Sequence[SteeringWish] = ()

    @classmethod
    def of(cls, store: AccountStore, user_id: UserId) -> Self:
        """As they stand now."""
        blocks, thumbs = feedback_of(store.blocks.list(user_id), store.thumbs.list(user_id))
        exclusions = exclusions_kept(store.exclusions.list(user_id))
        return cls(
            blocks=blocks,
            thumbs=thumbs,
            exclusions=exclusions,
            steering=store.steering.list(user_id),
        )

    def steering_on(self, day: date) -> dict[str, Any]:
        """What is asked for on this day, as it is kept among an edition's settings."""
        return wishes_kept(wish for wish in self.steering if wish.only_on in {None, day})


def inputs_for(
    tables: Tables,
    account: Account,
    wishes: Wishes,
    edition_slice: Slice,
    *,
    policy: Policy,
    now: datetime,
) -> EditionInputs:
    """What an edition made at this moment is made from, with the newest profile and pools."""
    user_id, own = account.user_id, edition_slice.edition_id
    return EditionInputs(
        as_of=now,
        profile_edition=tables.taste.edition_for(user_id, own, on=edition_slice.vibe_date) or own,
        pool_editions=tables.candidates.editions_for(
            user_id, own, since=looked_at_first(edition_slice.vibe_date)
        ),
        policy=policy_of(policy),
        settings=settings_of(account)
        | wishes.steering_on(edition_slice.vibe_date)
        | _known_explicit(tables, account, now=now),
        blocks=wishes.blocks,
        thumbs=wishes.thumbs,
        exclusions=wishes.exclusions,
    )


def _known_explicit(tables: Tables, account: Account, *, now: datetime) -> dict[str, Any]:
    """Likes known to be marked explicit, for whoever wants none; nothing for everybody else."""
    if not account.leaves_out_explicit:
        return {}
    likes = [one.track for one in tables.library.likes(account.user_id)]
    marks = tables.lookups.answers(SPOTIFY_EXPLICIT.name, as_of=now)[SPOTIFY_EXPLICIT.name]
    told = {
        track.spotify_id for track in likes if track.explicit or marks.get(track.spotify_id) is True
    }
    return {_EXPLICIT: sorted(told)}


def with_present_wishes(
    tables: Tables, account: Account, wishes: Wishes, inputs: EditionInputs, *, now: datetime
) -> EditionInputs:
    """The same inputs, with what the person never wants to hear, as they say it by now.

    What they blocked, and that nothing is to be marked explicit. All else stands as it was.
    """
    explicit = {} if _EXPLICIT in inputs.settings else _known_explicit(tables, account, now=now)
    settings = {**inputs.settings, **explicit}
    return replace(inputs, blocks=wishes.blocks, settings=settings)


def request_from(tables: Tables, edition_slice: Slice, inputs: EditionInputs) -> ListRequest:
    """Everything but the candidates, as it stood at the edition's moment."""
    return Known.read(tables, edition_slice, inputs).request()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the warehouse knew at an edition's moment; made into a request with the file closed."""

    edition_slice: Slice
    inputs: EditionInputs
    profile: SeedProfile
    past: Sequence[PastRecommendation]
    likes: Sequence[LikedTrack]
    plays: Sequence[Play]
    unusable: Collection[str]
    aliases: Mapping[str, Any]

    @classmethod
    def read(cls, tables: Tables, edition_slice: Slice, inputs: EditionInputs) -> Self:
        """All of it in this opening."""
        user_id, as_of = edition_slice.user_id, inputs.as_of
        names = (UNUSABLE_IDS.name, MUSICBRAINZ_ALIASES.name)
        unusable, aliases = tables.lookups.answers(*names, as_of=as_of).values()
        return cls(
            edition_slice=edition_slice,
            inputs=inputs,
            profile=tables.taste.profile(
                user_id, inputs.profile_edition, on=edition_slice.vibe_date
            ),
            past=tables.playlists.past(user_id, besides=edition_slice.edition_id, as_of=as_of),
            likes=tables.library.likes(user_id, as_of=as_of),
            plays=tables.library.plays(user_id, until=as_of),
            unusable=unusable.keys(),
            aliases=aliases,
        )

    def request(self) -> ListRequest:
        """Everything but the candidates."""
        inputs, likes = self.inputs, tuple(self.likes)
        feedback = Feedback.of(inputs.blocks, inputs.thumbs)
        other_names, blocked = _other_names(self.aliases), feedback.blocked_artists
        return ListRequest(
            vibe_date=self.edition_slice.vibe_date,
            now=inputs.as_of,
            profile=self.profile,
            size=inputs.settings["size"],
            min_new_ratio=inputs.settings["min_new_ratio"],
            adventure=inputs.settings["adventure"],
            likes=likes,
            plays=tuple(self.plays),
            past=with_current_keys(self.past),
            blocked_artists=blocked | {name for name, own in other_names.items() if own in blocked},
            blocked_tracks=feedback.blocked_tracks,
            thumbs=feedback.thumbs,
            artist_thumbs=feedback.artist_thumbs,
            unplayable=unplayable_likes(likes)
            | frozenset(self.unusable)
            | frozenset(inputs.settings.get(_UNUSABLE, ())),
            other_names=other_names,
            steering=steers_of(inputs.settings),
            explicit=frozenset(inputs.settings[_EXPLICIT])
            if _EXPLICIT in inputs.settings
            else None,
        )


def _other_names(stored: Mapping[str, Any]) -> OtherNames:
    """What MusicBrainz told of artists' names by then; nothing of it is ever asked again."""
    return by_other_name({key: MUSICBRAINZ_ALIASES.decode(names) for key, names in stored.items()})


def without(
    inputs: EditionInputs, spotify_ids: Iterable[str], *, explicit: Collection[str] = frozenset()
) -> EditionInputs:
    """The same inputs, and that these ids turned out unusable once the list was chosen.

    Those ``explicit`` turned out to be marked so, which the person wants none of.
    """
    unusable = {*inputs.settings.get(_UNUSABLE, ()), *spotify_ids} - set(explicit)
    told = replace(inputs, settings={**inputs.settings, _UNUSABLE: sorted(unusable)})
    return with_explicit(told, explicit)


def with_explicit(inputs: EditionInputs, spotify_ids: Iterable[str]) -> EditionInputs:
    """The same inputs, and what else was known to be marked explicit; for whoever wants none."""
    known = inputs.settings.get(_EXPLICIT)
    if known is None or not (more := set(spotify_ids) - set(known)):
        return inputs
    return replace(inputs, settings={**inputs.settings, _EXPLICIT: sorted({*known, *more})})


def pools_from(tables: Tables, edition_slice: Slice, inputs: EditionInputs) -> Sequence[Pool]:
    """The candidates the edition was made from."""
    return tables.candidates.pools(
        edition_slice.user_id,
        inputs.pool_editions,
        since=looked_at_first(edition_slice.vibe_date),
    )


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


def policy_named(stored: Mapping[str, Any]) -> Policy:
    """The policy an edition was made with; a changed figure under the old version is refused."""
    told = {**ADDED_FIGURES, **stored}
    for policy in (*POLICIES.values(), *FORMER):
        if policy_of(policy) == told:
            return policy
    raise PolicyUnknown(
        f"the edition was made with {stored['name']} version {stored['version']}, which this"
        " version of the program does not have"
    )


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
