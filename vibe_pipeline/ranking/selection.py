"""From ranked candidates to the list: new share, caps, rest, versions, blocks, order.

``select`` is pure. ``Selector`` asks it again and again while candidates are looked up on Spotify
(``hopeful``: whatever may still be found is taken to be there), until it stands.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from vibe_pipeline.ranking.calibration import Seeds, Tags, calibrated, named_seeds
from vibe_pipeline.ranking.draft import Draft, heard_on, leads_of
from vibe_pipeline.ranking.identity import version_in_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.listener_knowledge import ListenerKnowledge, candidate_keys, track_key
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.ranking.score import seed_weights
from vibe_pipeline.ranking.sequencing import SequenceItem, crowded_artists, sequenced, with_guests
from vibe_pipeline.ranking.versions import Version
from vibe_pipeline.records import Candidate, DropReason, Ranked, Source, Track

_HEARD = {DropReason.RECENTLY_PLAYED, DropReason.NOT_DUE}


class Note(StrEnum):
    """What a person should know about how their list came about."""

    FEWER_NEW = "fewer_new_than_wished"
    SHORTER = "shorter_than_wished"
    ONLY_FAMILIAR = "only_familiar"
    ONE_SOURCE = "one_source_exceeds_half"
    REST_SHORTENED = "rest_shortened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen: every candidate with its position or why it was dropped, and the notes."""

    ranked: tuple[Ranked, ...]
    wished: int
    wished_new: int
    notes: tuple[Note, ...]

    @property
    def chosen(self) -> list[Ranked]:
        """The list in its order."""
        return sorted(self.by_rank, key=lambda entry: entry.position or 0)

    @property
    def by_rank(self) -> list[Ranked]:
        """The list, best first."""
        return [entry for entry in self.ranked if entry.position is not None]


def select(
    ranked: Sequence[Ranked],
    request: ListRequest,
    policy: Policy = DEFAULT,
    *,
    found: Mapping[str, Track | None],
    hopeful: bool = False,
) -> Choice:
    """The list, and for every candidate why it is or is not on it.

    ``ranked``: all candidates as ``rank`` gives them. ``found`` holds by candidate key the track
    on Spotify, or ``None`` where there is none; a key that is absent was not looked up. With
    ``hopeful`` such a candidate may be chosen, otherwise it is dropped as ``not_looked_up``. A
    list shorter than wished for is no error: ``Choice.notes`` say what was missing.
    """
    return Selector(ranked, request, policy).choice(found, hopeful=hopeful)


class Selector:
    """One list being selected, with what is known of each candidate judged only once."""

    def __init__(
        self, ranked: Sequence[Ranked], request: ListRequest, policy: Policy = DEFAULT
    ) -> None:
        self._ranked = ranked
        self._request = request
        self._policy = policy
        self._known = ListenerKnowledge.of(request, policy)
        self._judged: dict[str, _Judged] = {}
        self._tags = Tags.of((entry.candidate for entry in ranked), request.profile, policy)
        self._seeds = Seeds.of(request.profile, seed_weights(request.profile, policy))
        self._parts: dict[str, dict[str, float]] = {}
        self._orders: dict[tuple[bool, bool], _Order] = {}

    def eligible(self, found: Mapping[str, Track | None]) -> list[Candidate]:
        """The candidates nothing speaks against so far, best first."""
        judged = (self._judge(entry, found) for entry in self._ranked)
        return [entry.candidate for entry, reason in judged if reason is None]

    def new(self, found: Mapping[str, Track | None]) -> list[Ranked]:
        """Those that would be called new, best first, whatever else speaks against them."""
        judged = (self._judge(entry, found)[0] for entry in self._ranked)
        return [entry for entry in judged if entry.is_new]

    def chosen(
        self,
        found: Mapping[str, Track | None],
        *,
        hopeful: bool = False,
        beyond: Collection[str] = frozenset(),
    ) -> list[Ranked]:
        """What would be on the list, best first; nothing is hoped of those ``beyond`` reach."""
        drafted = self._drafted(found, hopeful=hopeful, beyond=beyond)
        return sorted(drafted.draft.chosen, key=lambda entry: entry.rank)

    def choice(self, found: Mapping[str, Track | None], *, hopeful: bool = False) -> Choice:
        """The list, and for every candidate why it is or is not on it."""
        drafted = self._drafted(found, hopeful=hopeful)
        positions = {stop.key: position for position, stop in enumerate(drafted.order, start=1)}
        themes = {stop.key: stop.theme for stop in drafted.order if stop.theme}
        reasons = drafted.draft.refused | drafted.judged.dropped
        finished = tuple(
            _listed(entry, positions[key], themes.get(key, entry.seed))
            if (key := entry.candidate.key) in positions
            else _dropped(entry, reasons.get(key, _passed_over(entry)))
            for entry in drafted.judged.entries
        )
        notes = _notes(finished, self._request, self._policy)
        if drafted.shortened:
            notes += (Note.REST_SHORTENED,)
        return Choice(
            ranked=finished,
            wished=self._request.size,
            wished_new=requested_new(self._request),
            notes=notes,
        )

    def _drafted(
        self,
        found: Mapping[str, Track | None],
        *,
        hopeful: bool,
        beyond: Collection[str] = frozenset(),
    ) -> _Drafted:
        """The best list; guests keep their distance as long as that costs no track."""
        entries: list[Ranked] = []
        dropped: dict[str, DropReason] = {}
        for candidate in self._ranked:
            entry, reason = self._judge(candidate, found)
            key = entry.candidate.key
            if reason is None and entry.track is None and (not hopeful or key in beyond):
                reason = DropReason.NOT_LOOKED_UP
            if reason is not None:
                dropped[key] = reason
            entries.append(entry)
        judged = _AllJudged(entries, dropped, hopeful)
        fit = self._fit(judged)
        strict = self._spaced(judged, *fit, guests=True)
        if strict is not None and not strict.once:
            return strict
        loose = self._spaced(judged, *fit, guests=False)
        kept = [one for one in (strict, loose) if one is not None]
        return max(kept, key=lambda one: one.draft.worth(requested_new(self._request)))

    def _fit(self, judged: _AllJudged) -> tuple[list[Ranked], list[Ranked]]:
        """The new and the known that nothing speaks against, as they are asked onto the list."""
        fit = [entry for entry in judged.entries if entry.candidate.key not in judged.dropped]
        hopeful = judged.hopeful
        new = self._calibrated([entry for entry in fit if entry.is_new], hopeful=hopeful)
        listed = new[: requested_new(self._request)]
        known = [entry for entry in fit if not entry.is_new]
        return new, self._calibrated(known, beside=listed, hopeful=hopeful)

    def _spaced(
        self,
        judged: _AllJudged,
        new: Sequence[Ranked],
        known: Sequence[Ranked],
        *,
        guests: bool,
    ) -> _Drafted | None:
        """The best list in which an artist who cannot keep the distance comes only once.

        With ``guests`` they keep it too; ``None`` where that cannot be.
        """
        request, policy = self._request, self._policy
        once: frozenset[str] = frozenset()
        while True:
            draft = Draft(
                size=request.size,
                artist_cap=policy.artist_cap,
                source_cap=policy.source_cap,
                once=once,
            )
            draft.fill(new, known, requested_new(request))
            shortened = _fall_back(draft, judged, self._known)
            stops = self._sequence_items(draft.chosen)
            stops = with_guests(stops) if guests else stops
            order = sequenced(stops, spacing=policy.artist_spacing, evenness=policy.seed_evenness)
            if order is not None:
                return _Drafted(judged, draft, order, shortened, once)
            crowding = crowded_artists(stops)
            if crowding <= once:
                return None
            once |= crowding

    def _calibrated(
        self, entries: Sequence[Ranked], *, beside: Sequence[Ranked] = (), hopeful: bool
    ) -> list[Ranked]:
        """The entries in calibrated order; asked again for the same ones, in the order of before.

        Between two questions, most often only a track was found.
        """
        asked = tuple(e.candidate.key for e in entries), tuple(e.candidate.key for e in beside)
        question = hopeful, bool(beside)
        order = self._orders.get(question)
        if order is None or order.asked != asked:
            answer = calibrated(
                entries,
                self._seeds,
                self._policy,
                size=self._request.size,
                tags=self._tags,
                beside=beside,
                parts=self._parts,
            )
            order = _Order(asked, [entry.candidate.key for entry in answer])
            self._orders[question] = order
        by_key = {entry.candidate.key: entry for entry in entries}
        return [by_key[key] for key in order.keys]

    def _sequence_items(self, chosen: Sequence[Ranked]) -> list[SequenceItem]:
        flow = self._policy.seed_flow
        if flow:
            return [_sequence_item(entry, flow) for entry in chosen]
        named = named_seeds(chosen, self._seeds, self._policy)
        return [
            replace(_sequence_item(entry, flow), theme=seed)
            for entry, seed in zip(chosen, named, strict=True)
        ]

    def _judge(
        self, entry: Ranked, found: Mapping[str, Track | None]
    ) -> tuple[Ranked, DropReason | None]:
        """The candidate as it is met on Spotify, and why it cannot be on the list at all."""
        key = entry.candidate.key
        track, looked_up = found.get(key), key in found
        judged = self._judged.get(key)
        if judged is None or judged.looked_up is not looked_up or judged.entry.track is not track:
            met = _met(entry, found, self._known)
            reason = _excluded(met, found, self._request, self._policy, self._known)
            judged = self._judged[key] = _Judged(met, reason, looked_up)
        return judged.entry, judged.reason


class _Judged(NamedTuple):
    """What is thought of a candidate as long as no other track is found for it."""

    entry: Ranked
    reason: DropReason | None
    looked_up: bool


class _Order(NamedTuple):
    """Candidates in calibrated order, and for which of them, beside which, it was asked."""

    asked: tuple[tuple[str, ...], tuple[str, ...]]
    keys: list[str]


class _AllJudged(NamedTuple):
    """Everybody, why some cannot be on the list, and whether the unfound are hoped for."""

    entries: list[Ranked]
    dropped: dict[str, DropReason]
    hopeful: bool


class _Drafted(NamedTuple):
    """A list before it is told: out of whom, who is on it, in what order.

    ``once`` are the artists that had to be held to one track to keep others apart.
    """

    judged: _AllJudged
    draft: Draft
    order: list[SequenceItem]
    shortened: bool
    once: frozenset[str]


def _listed(entry: Ranked, position: int, seed: str) -> Ranked:
    """The candidate in its place on the list, and the seed named for it."""
    return replace(entry, position=position, dropped=None, seed=seed)


def _dropped(entry: Ranked, reason: DropReason) -> Ranked:
    """The candidate and why it is not on the list; written out, for there are thousands of them."""
    return Ranked(
        candidate=entry.candidate,
        terms=entry.terms,
        score=entry.score,
        rank=entry.rank,
        is_new=entry.is_new,
        source=entry.source,
        seed=entry.seed,
        position=None,
        dropped=reason,
        track=entry.track,
    )


def requested_new(request: ListRequest) -> int:
    """How many of a full list must be new at least."""
    return min(request.size, math.ceil(request.size * request.min_new_ratio - 1e-9))


def _met(entry: Ranked, found: Mapping[str, Track | None], known: ListenerKnowledge) -> Ranked:
    """The candidate with its track, and judged again by what the track really is."""
    track = found.get(entry.candidate.key)
    if track is None:
        return entry
    is_new = (
        entry.is_new
        and not known.likes_track(track)
        and not known.was_recommended((track_key(track),))
    )
    return replace(entry, track=track, is_new=is_new)


def _excluded(
    entry: Ranked,
    found: Mapping[str, Track | None],
    request: ListRequest,
    policy: Policy,
    known: ListenerKnowledge,
) -> DropReason | None:
    """Why a candidate cannot be on the list at all."""
    candidate, track = entry.candidate, entry.track
    keys = candidate_keys(candidate) + ((track_key(track),) if track else ())
    if _is_blocked(entry, keys, request):
        return DropReason.BLOCKED
    version = version_in_key(candidate.key)
    if track is not None:
        version |= version_in_key(track_key(track))
    if version is not Version.PLAIN and version & policy.unwanted_versions:
        liked = known.likes(candidate) or (track is not None and known.likes_track(track))
        if not liked:
            return DropReason.WRONG_VERSION
    if candidate.key in found and (unfit := _unfit(track, request)) is not None:
        return unfit
    if known.rests(keys):
        return DropReason.RESTED
    if entry.is_new or not policy.due_days:
        return DropReason.RECENTLY_PLAYED if known.hears(keys) else None
    return None if known.is_due(keys, policy) else DropReason.NOT_DUE


def _unfit(track: Track | None, request: ListRequest) -> DropReason | None:
    """Why what was found on Spotify cannot be on this person's list, whatever the recording is."""
    if track is None or track.spotify_id in request.unplayable:
        return DropReason.NOT_ON_SPOTIFY
    unwanted = request.explicit is not None and (
        track.explicit is True or track.spotify_id in request.explicit
    )
    return DropReason.EXPLICIT if unwanted else None


def _is_blocked(entry: Ranked, keys: Sequence[str], request: ListRequest) -> bool:
    """Whether the track is blocked, or anybody known to be heard on it."""
    if not request.blocked_tracks.isdisjoint(keys):
        return True
    blocked = request.blocked_artists
    return bool(blocked) and not blocked.isdisjoint(heard_on(entry))


def _fall_back(draft: Draft, judged: _AllJudged, known: ListenerKnowledge) -> bool:
    """Fill a short list with liked tracks heard lately; if it is empty, with resting ones too.

    Says whether a rest was cut short.
    """
    entries, dropped, hopeful = judged
    liked = [
        entry
        for entry in entries
        if (known.likes(entry.candidate) or (entry.track and known.likes_track(entry.track)))
        and (hopeful or entry.track)
    ]
    heard = [e for e in liked if dropped.get(e.candidate.key) in _HEARD]
    draft.take(heard, draft.size)
    if draft.chosen:
        return False
    resting = [e for e in liked if dropped.get(e.candidate.key) is DropReason.RESTED]
    resting.sort(key=lambda e: (known.last_recommended(candidate_keys(e.candidate)), e.rank))
    draft.take(resting, draft.size)
    return bool(draft.chosen)


def _passed_over(entry: Ranked) -> DropReason:
    """Why one is not on the list that nothing else speaks against."""
    return DropReason.LOWER_RANKED if entry.is_new else DropReason.FAMILIAR_ENOUGH


def _sequence_item(entry: Ranked, seed_flow: float) -> SequenceItem:
    features = {f"source {entry.source}": 0.25}
    if seed_flow:
        features = {f"seed {entry.seed}": seed_flow, **features}
    features |= {
        f"tag {tag.casefold()}": 0.5 for p in entry.candidate.proposals for tag in p.tags[:5]
    }
    return SequenceItem(
        key=entry.candidate.key,
        artists=leads_of(entry),
        guests=heard_on(entry),
        place=entry.rank,
        familiar=not entry.is_new,
        features=features,
    )


def _notes(entries: Sequence[Ranked], request: ListRequest, policy: Policy) -> tuple[Note, ...]:
    chosen = [entry for entry in entries if entry.position is not None]
    new = sum(entry.is_new for entry in chosen)
    notes = []
    if new < requested_new(request):
        notes.append(Note.FEWER_NEW if new else Note.ONLY_FAMILIAR)
    if len(chosen) < request.size:
        notes.append(Note.SHORTER)
    most = max((sum(e.source is source for e in chosen) for source in Source), default=0)
    if most > len(chosen) * policy.source_cap:
        notes.append(Note.ONE_SOURCE)
    return tuple(notes)
