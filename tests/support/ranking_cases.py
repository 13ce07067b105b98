"""Arbitrary listeners, pools and settings, and what every list must keep whatever they are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from vibe_pipeline.ranking.identity import artist_key, recording_key, song_key, version_of
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.listener_knowledge import ListenerKnowledge, track_key
from vibe_pipeline.ranking.policy import DEFAULT
from vibe_pipeline.ranking.selection import Choice
from vibe_pipeline.records import (
    EditionId,
    LikedTrack,
    PastRecommendation,
    Play,
    Pool,
    PoolState,
    Proposal,
    Ranked,
    SeedArtist,
    SeedProfile,
    SeedVote,
    Source,
    Track,
)

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
SUFFIXES = (
    "",
    "",
    "",
    "",
    " - Live",
    " (B Remix)",
    " (Remastered 2011)",
    " (feat. Guest)",
    " (feat. Artist 3)",
    " (with Artist 4 & Artist 5)",
    " (Acoustic)",
)
GUESTS = {
    " (feat. Artist 3)": ("Artist 3",),
    " (with Artist 4 & Artist 5)": ("Artist 4", "Artist 5"),
}

artists = st.integers(0, 14).map(lambda number: f"Artist {number}")
titles = st.builds(
    lambda number, suffix: f"Song {number}{suffix}",
    st.integers(0, 12),
    st.sampled_from(SUFFIXES),
)


def isrc_of(artist: str, title: str) -> str:
    """The same ISRC for the same recording under another spelling."""
    name = recording_key(artist, title).encode()
    return f"XX{int(hashlib.sha256(name).hexdigest(), 16) % 10**10:010d}"


seed_votes = st.builds(
    SeedVote,
    seed=artists,
    match=st.floats(0.001, 1),
    place=st.integers(0, 99),
    spread=st.floats(0.5, 30),
    asked_back=st.booleans(),
)


@st.composite
def proposals(draw: st.DrawFn, source: Source) -> Proposal:
    """One proposal of this source, sometimes with ids, sometimes with odd figures."""
    artist, title = draw(artists), draw(titles)
    return Proposal(
        source=source,
        artist=artist,
        title=title,
        seed=draw(artists),
        match=draw(st.floats(0, 1)),
        rank=draw(st.integers(1, 50)),
        isrc=isrc_of(artist, title) if draw(st.booleans()) else None,
        listeners=draw(st.none() | st.integers(0, 5_000_000)),
        tags=tuple(draw(st.lists(st.sampled_from(["rock", "Pop", "jazz", "live"]), max_size=3))),
        votes=tuple(draw(st.lists(seed_votes, max_size=4))) if draw(st.booleans()) else (),
    )


@st.composite
def pools(draw: st.DrawFn) -> list[Pool]:
    """What any of the sources may have said."""
    sources = draw(st.lists(st.sampled_from(list(Source)), unique=True, max_size=4))
    return [
        Pool(
            source=source,
            state=PoolState.OFFERED,
            proposals=tuple(draw(st.lists(proposals(source), max_size=60))),
        )
        for source in sources
    ]


def track(artist: str, title: str) -> Track:
    """The one track on Spotify of this recording; Spotify lists guests among the artists."""
    name = recording_key(artist, title)
    guests = (
        guest for written, names in GUESTS.items() if title.endswith(written) for guest in names
    )
    return Track(
        spotify_id=f"id {name}",
        uri=f"spotify:track:{name}",
        title=title,
        artists=tuple(dict.fromkeys((artist, *guests))),
        isrc=isrc_of(artist, title),
    )


days_ago = st.integers(0, 90)
likes = st.builds(
    lambda artist, title, days: LikedTrack(
        track=track(artist, title), added_at=NOW - timedelta(days=days)
    ),
    artists,
    titles,
    days_ago,
)
plays = st.builds(
    lambda artist, title, days: Play(
        track=track(artist, title), played_at=NOW - timedelta(days=days)
    ),
    artists,
    titles,
    days_ago,
)
past = st.builds(
    lambda artist, title, days: PastRecommendation(
        key=recording_key(artist, title),
        artist_key=artist_key(artist),
        vibe_date=NOW.date() - timedelta(days=days + 1),
        edition_id=EditionId("e"),
    ),
    artists,
    titles,
    days_ago,
)


@st.composite
def request(draw: st.DrawFn) -> ListRequest:
    """Any listener with any settings."""
    seeds = draw(st.lists(artists, unique=True, max_size=6))
    return ListRequest(
        vibe_date=NOW.date(),
        now=NOW,
        profile=SeedProfile(
            artists=tuple(
                SeedArtist(name=name, key=artist_key(name), weight=1 / (1 + place))
                for place, name in enumerate(seeds)
            ),
            tracks=(),
        ),
        size=draw(st.integers(1, 40)),
        min_new_ratio=draw(st.floats(0, 1)),
        adventure=draw(st.integers(0, 100)),
        likes=tuple(draw(st.lists(likes, max_size=30))),
        plays=tuple(draw(st.lists(plays, max_size=10))),
        past=tuple(draw(st.lists(past, max_size=20))),
        blocked_artists=frozenset(draw(st.sets(artists.map(artist_key), max_size=2))),
        blocked_tracks=frozenset(
            draw(st.sets(st.builds(recording_key, artists, titles), max_size=4))
        ),
        thumbs=draw(
            st.dictionaries(
                st.builds(recording_key, artists, titles), st.sampled_from([-1, 1]), max_size=4
            )
        ),
    )


def everything_found(ranked: Sequence[Ranked]) -> dict[str, Track | None]:
    """A Spotify that has all."""
    return {e.candidate.key: track(e.candidate.artist, e.candidate.title) for e in ranked}


def crowded(names: Sequence[Collection[str]]) -> list[str]:
    """What is wrong with whose tracks follow each other: one set of artists a track."""
    wrong = []
    if max(Counter(n for heard in names for n in heard).values(), default=0) > DEFAULT.artist_cap:
        wrong.append("an artist too often")
    if any(
        not set(one).isdisjoint(other)
        for distance in range(1, DEFAULT.artist_spacing)
        for one, other in zip(names, names[distance:], strict=False)
    ):
        wrong.append("an artist too near")
    return wrong


def broken_promises(choice: Choice, request: ListRequest, *, rest_shortened: bool) -> list[str]:
    """In words, what the list does not keep; nothing for a good one."""
    known, chosen = ListenerKnowledge.of(request, DEFAULT), choice.chosen
    tracks = [entry.track for entry in chosen if entry.track is not None]
    keys = [track_key(one) for one in tracks]
    leads = [frozenset({artist_key(one.artist)}) for one in tracks]
    heard = [{artist_key(name) for name in one.artists} for one in tracks]
    broken = []
    if len(tracks) != len(chosen):
        broken.append("a line without a track")
    if len(set(map(song_key, keys))) < len(keys) or len({t.isrc for t in tracks}) < len(tracks):
        broken.append("a recording twice")
    broken += crowded(leads)
    if any(known.rests((key,)) for key in keys) and not rest_shortened:
        broken.append("a resting recording")
    if request.blocked_artists.intersection(
        frozenset().union(*heard)
    ) or request.blocked_tracks.intersection(keys):
        broken.append("something blocked")
    if any(
        version_of(one.artist, one.title) & DEFAULT.unwanted_versions and not known.likes_track(one)
        for one in tracks
    ):
        broken.append("a version nobody asked for")
    if len(chosen) > request.size or [e.position for e in chosen] != list(
        range(1, len(chosen) + 1)
    ):
        broken.append("wrong positions")
    if any(
        entry.is_new
        == (
            known.likes_track(track)
            or known.was_recommended((track_key(track),))
            or any(one.source is Source.LOVED_ONCE for one in entry.candidate.proposals)
        )
        for entry, track in zip(chosen, tracks, strict=False)
    ):
        broken.append("new and familiar confused")
    return broken
