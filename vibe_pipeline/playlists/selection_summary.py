"""A finished selection as people are told it: the tracks with their reasons, and the honest counts.

What is chosen is decided in ``build`` and ``ranking.selection``; here a choice only gets its
summary and its sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from vibe_pipeline.accounts.records import STALE_NOTE, PoolSummary, Summary
from vibe_pipeline.locales import say
from vibe_pipeline.locales.source_keys import reason_key
from vibe_pipeline.playlists.resolve import confirmed
from vibe_pipeline.ranking.flavour import flavour_of
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.listener_knowledge import track_key
from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.ranking.selection import Choice, Note
from vibe_pipeline.ranking.steering import Steer
from vibe_pipeline.records import ChosenTrack, Pool, Ranked, SeedProfile, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A finished choice: all candidates considered, the list, and the honest counts."""

    ranked: tuple[Ranked, ...]
    tracks: tuple[ChosenTrack, ...]
    summary: Summary
    policy: str


def summarized(
    choice: Choice,
    pools: Sequence[Pool],
    policy: Policy,
    profile: SeedProfile,
    *,
    wishes: Iterable[Steer] = (),
    doubtful: bool = False,
    marked: bool = False,
) -> Selection:
    """A choice as people are told it; ``doubtful``: what they know may have greyed out since.

    ``marked``: a track that nobody said to be without an explicit mark is not confirmed.
    """
    tracks = tuple(
        _chosen_track(entry, doubtful=doubtful, marked=marked) for entry in choice.chosen
    )
    chosen = Counter(track.source for track in tracks)
    new = sum(track.is_new for track in tracks)
    flavour = flavour_of(choice.ranked, wishes)
    return Selection(
        ranked=choice.ranked,
        tracks=tracks,
        policy=f"{policy.name} {policy.version}",
        summary=Summary(
            new=new,
            familiar=len(tracks) - new,
            wished=choice.wished if Note.SHORTER in choice.notes else None,
            wished_new=choice.wished_new,
            sources={str(source): chosen[source] for source in Source if chosen[source]},
            pools=tuple(
                PoolSummary(
                    source=pool.source,
                    state=pool.state,
                    reason=pool.reason,
                    offered=len(pool.proposals),
                    chosen=chosen[pool.source],
                )
                for pool in sorted(pools, key=lambda pool: pool.source)
            ),
            notes=tuple(str(note) for note in choice.notes),
            styles=flavour.styles,
            moods=flavour.moods,
            loved_in=_loved_in(tracks, profile),
        ),
    )


def with_stale_parts(selection: Selection, parts: Iterable[str]) -> Selection:
    """The same, saying of which parts of the library only what was known before is in it."""
    notes = tuple(f"{STALE_NOTE}{part}" for part in parts)
    summary = replace(selection.summary, notes=(*selection.summary.notes, *notes))
    return replace(selection, summary=summary)


def stale_parts_told(summary: Summary) -> list[str]:
    """Of which parts of the library a list says that only what was known before is in it."""
    stale = (note for note in summary.notes if note.startswith(STALE_NOTE))
    return [note.removeprefix(STALE_NOTE) for note in stale]


def made_from_before(summary: Summary) -> bool:
    """Whether Spotify did not tell what is new when the list was made."""
    return bool(stale_parts_told(summary))


def reason(language: str, source: Source, seed: str) -> str:
    """Why a track is on the list, in one sentence."""
    return say(language, reason_key(source, seeded=bool(seed)), seed=seed)


def _loved_in(tracks: Iterable[ChosenTrack], profile: SeedProfile) -> dict[str, int]:
    """The years of those seeds that are named for a track and lean on what is long past."""
    years = {artist.name: artist.loved_in for artist in profile.artists} | {
        f"{track.artist} – {track.title}": track.loved_in for track in profile.tracks
    }
    named = sorted({track.seed for track in tracks})
    return {seed: year for seed in named if (year := years.get(seed)) is not None}


def _chosen_track(entry: Ranked, *, doubtful: bool, marked: bool) -> ChosenTrack:
    track = entry.track
    if track is None or entry.position is None:
        raise ValueError(f"{entry.candidate.key} was chosen without a track")
    return ChosenTrack(
        position=entry.position,
        artist=track.artist,
        title=track.title,
        spotify_id=track.spotify_id,
        uri=f"spotify:track:{track.spotify_id}",
        isrc=track.isrc,
        is_new=entry.is_new,
        source=entry.source,
        seed=entry.seed,
        reason=reason("en", entry.source, entry.seed),
        key=track_key(track),
        artist_key=artist_key(track.artist),
        confirmed=confirmed(entry.candidate, track, marked=marked)
        and (entry.is_new or not doubtful),
    )
