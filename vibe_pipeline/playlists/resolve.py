"""Candidates to tracks on Spotify, as late and as cheaply as possible.

First what is known already, then ListenBrainz labs, which costs nothing of Spotify's budget, then
Spotify's search within a limit. Every answer is remembered for everyone, also "not there"; one page
of hits often answers for several candidates.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vibe_pipeline.clients.deadline import Deadline, LateCalls
from vibe_pipeline.clients.errors import AuthorizationExpired, BrokenAnswer, ServiceError
from vibe_pipeline.clients.listenbrainz import FoundRecording
from vibe_pipeline.clients.spotify_records import FoundTracks
from vibe_pipeline.lookup_cache import CautiousMemory, Lookups
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.listener_knowledge import track_key
from vibe_pipeline.ranking.merge import valid_isrc
from vibe_pipeline.ranking.recording_match import agrees, same_recording
from vibe_pipeline.records import Candidate, Ranked, Track
from vibe_pipeline.sources.answers import (
    LABS_RECORDINGS,
    LABS_SPOTIFY_IDS,
    SPOTIFY_ARTIST_PAGES,
    SPOTIFY_EXPLICIT,
    SPOTIFY_ISRCS,
    SPOTIFY_TRACKS,
)
from vibe_pipeline.sources.artist_pages import (
    Absences,
    TrackSearch,
    keep_page,
    page_query,
    remember_found,
)

log = logging.getLogger(__name__)

LABS_BATCH = 50
WRONG_ID_DAYS = 180
"""So long a recording is not asked labs about whose Spotify id it had wrong."""
ROUND = 4
"""So many searches are made before the list is looked at again."""
AT_ONCE = 6
"""So many searches are asked for at the same time."""
FAR_DOWN = 30
"""About the rank at which what waits for a page counts half as much as at the top."""
_WAITING, _FOUND = 1.0, 0.2
"""What a new track adds to the promise of its artist's page."""

Found = dict[str, Track | None]


class SpotifyIdLookup(Protocol):
    """The part of ListenBrainz labs that knows Spotify ids."""

    async def spotify_ids(self, mbids: Sequence[str]) -> Mapping[str, tuple[str, ...]]: ...
    async def find_recording(self, artist: str, title: str) -> FoundRecording | None: ...


class Resolver:
    """Looks candidates up for one making of a list.

    ``soft_limit`` searches are spent on having the best; up to ``hard_limit`` only lest the list
    be short. Labs takes a second for each question once its burst is used: ``name_limit`` bounds
    those by name, ``batch_limit`` those that name fifty recordings at once, and ``labs_seconds``
    all of them together, from the first one on; what is under way then is put in ``late``.

    Answers are by candidate key: a track, or ``None`` where Spotify is known to have none; a key
    that is absent was not found out. A search lets ``AuthorizationExpired`` through, for then no
    list can be written either; any other trouble of a service counts as not found out. An id that
    is ``unplayable`` is no answer, whoever named or remembered it. ``heard`` holds by their ids the
    tracks that the person played or saved: they confirm what labs names, or show that it is wrong.
    With ``doubting`` an id that labs alone names is no answer either, and is searched for as well.
    With ``marks`` every answer says whether the track is marked explicit, where anybody has told.
    """

    def __init__(
        self,
        *,
        lookups: Lookups,
        spotify: TrackSearch | None = None,
        labs: SpotifyIdLookup | None = None,
        unplayable: Collection[str] = frozenset(),
        heard: Mapping[str, Track] | None = None,
        soft_limit: int = 3,
        hard_limit: int = 12,
        name_limit: int = 8,
        batch_limit: int = 12,
        labs_seconds: float | None = None,
        late: LateCalls | None = None,
        doubting: bool = False,
        marks: bool = False,
    ) -> None:
        self.soft_limit = soft_limit
        self.hard_limit = hard_limit
        self.searches = 0
        self._lookups = lookups
        self._spotify = spotify
        self._labs = labs
        self._unplayable = unplayable
        self._heard = heard or {}
        self._names_left = name_limit
        self._batches_left = batch_limit
        self._labs_seconds = labs_seconds
        self._labs_deadline = None if labs_seconds is not None else Deadline()
        self._late: LateCalls = set() if late is None else late
        self._doubting = doubting
        self._marks = marks
        self._waiting: dict[str, Candidate] = {}
        self._strange: set[str] = set()
        self._searched_pages: set[str] = set()
        self._absences = Absences()
        self._recordings = CautiousMemory(LABS_RECORDINGS, lookups)
        self._spotify_ids = CautiousMemory(LABS_SPOTIFY_IDS, lookups)
        self._without_isrc: set[str] = set()

    async def for_free(self, candidates: Sequence[Candidate]) -> Found:
        """What costs nothing: ids that came with the candidate, remembered answers, labs."""
        resolved: Found = {c.key: track for c in candidates if (track := given(c)) is not None}
        left = [candidate for candidate in candidates if candidate.key not in resolved]
        self._lookups.read_ahead(
            {
                SPOTIFY_TRACKS.name: [name for c in left for name in (c.key, *c.aliases)],
                LABS_RECORDINGS.name: [c.key for c in left if not c.mbid],
                LABS_SPOTIFY_IDS.name: [c.mbid for c in left if c.mbid],
            },
            following={LABS_RECORDINGS.name: LABS_SPOTIFY_IDS.name},
        )
        resolved |= self._remembered(left)
        self._waiting |= {c.key: c for c in left if c.key not in resolved}
        names = LABS_RECORDINGS.known(self._lookups, [c.key for c in left if not c.mbid])
        mbids = {key: c.mbid or names.get(key) for key, c in self._waiting.items()}
        resolved |= await self._mapped({key: mbid for key, mbid in mbids.items() if mbid})
        self._no_longer_waiting(resolved)
        return self.marked(resolved)

    def marked(self, found: Mapping[str, Track | None]) -> Found:
        """The same tracks, each with its explicit mark where the person's own music, what was
        looked over before, or what is remembered of the recording tells it.
        """
        untold = {k: t for k, t in found.items() if t is not None and t.explicit is None}
        if not self._marks or not untold:
            return dict(found)
        ids = {track.spotify_id for track in untold.values()}
        told = SPOTIFY_EXPLICIT.known(self._lookups, sorted(ids))
        seen = (*self._pages_of(untold), *(self._heard[one] for one in ids & self._heard.keys()))
        told |= {one.spotify_id: one.explicit for one in seen if one.explicit is not None}
        marked = {
            key: replace(track, explicit=told.get(track.spotify_id))
            for key, track in untold.items()
        }
        return {**found, **marked}

    def _pages_of(self, keys: Collection[str]) -> list[Track]:
        """What is remembered of these recordings, and on their artists' pages."""
        artists = sorted({key.partition("|")[0] for key in keys})
        pages = SPOTIFY_ARTIST_PAGES.known(self._lookups, artists)
        tracks = SPOTIFY_TRACKS.known(self._lookups, sorted(keys))
        return [
            *(track for page in pages.values() for track in page or ()),
            *(track for track in tracks.values() if track is not None),
        ]

    def beyond_reach(self, candidates: Sequence[Candidate], *, urgent: bool) -> frozenset[str]:
        """The keys of those that nothing is left to look up with, for this list.

        They must not stand in the way of others: of an unknown name, labs can still be asked.
        """
        if self._spotify is not None and self.searches < self._limit(urgent=urgent):
            return self._answered_strangely(candidates)
        if self._labs is None or self._names_left <= 0:
            return frozenset(candidate.key for candidate in candidates)
        asked = LABS_RECORDINGS.known(self._lookups, [c.key for c in candidates if not c.mbid])
        return frozenset(c.key for c in candidates if c.mbid or c.key in asked)

    def _answered_strangely(self, candidates: Sequence[Candidate]) -> frozenset[str]:
        if not self._strange:
            return frozenset()
        pages = SPOTIFY_ARTIST_PAGES.known(self._lookups, [c.artist_key for c in candidates])
        searches = [self._search_of(candidate, pages) for candidate in candidates]
        return frozenset(one.candidate.key for one in searches if one.query in self._strange)

    @property
    def holds_back(self) -> bool:
        """Whether some searches are kept for a list that would be short without them."""
        return self.soft_limit < self.hard_limit

    def leaves(self, calls: int) -> bool:
        """Leave so many calls to somebody else, and search that much less; false if none are."""
        if self.hard_limit - self.searches < calls:
            return False
        self.hard_limit -= calls
        self.soft_limit = min(self.soft_limit, self.hard_limit)
        return True

    def _limit(self, *, urgent: bool) -> int:
        return self.hard_limit if urgent else self.soft_limit

    async def by_search(self, candidates: Sequence[Candidate], *, urgent: bool) -> Found:
        """One more round of lookups for these, best first; empty when the limit is reached."""
        self._waiting |= {candidate.key: candidate for candidate in candidates}
        resolved = await self._named(candidates)
        left = [candidate for candidate in candidates if candidate.key not in resolved]
        await self._search_for(self._in_turn(left), resolved, self._limit(urgent=urgent))
        self._no_longer_waiting(resolved)
        return self.marked(resolved)

    async def _search_for(
        self, candidates: Sequence[Candidate], resolved: Found, limit: int
    ) -> None:
        """Search for some of these, a few side by side, until a good many are found.

        Answers are taken in by the candidates' order, so that whichever comes first makes no
        difference.
        """
        left = list(candidates[: ROUND * 4])
        while left and self._spotify is not None and len(resolved) < ROUND * 2:
            some = self._searches(left)[: max(0, min(AT_ONCE, limit - self.searches))]
            if not some:
                return
            answers = await asyncio.gather(
                *(self._hits(search.query) for search in some), return_exceptions=True
            )
            for search, hits in zip(some, answers, strict=True):
                if isinstance(hits, AuthorizationExpired):
                    raise hits
                if isinstance(hits, ServiceError):
                    self._go_on_without(search.query, hits)
                elif isinstance(hits, BaseException):
                    raise hits
                else:
                    resolved |= self._taken_in(search, hits)
            searched = {search.candidate.key for search in some}
            left = [c for c in left if c.key not in resolved and c.key not in searched]

    def _searches(self, candidates: Sequence[Candidate]) -> list[_Search]:
        """What can be searched for at the same time, in order; who waits for a page is left out.

        The artist's page comes first, for it answers for others too; what is not on it is
        searched for by itself the next time.
        """
        pages = SPOTIFY_ARTIST_PAGES.known(self._lookups, [c.artist_key for c in candidates])
        asked: set[str] = set()
        searches: list[_Search] = []
        for candidate in candidates:
            search = self._search_of(candidate, pages)
            if search.query in self._strange or (search.page and candidate.artist_key in asked):
                continue
            if search.page:
                asked.add(candidate.artist_key)
            searches.append(search)
        return searches

    def _search_of(self, candidate: Candidate, pages: Collection[str]) -> _Search:
        """The next one to make for it, where these artists' pages are known."""
        isrc = valid_isrc(candidate.isrc)
        if isrc and candidate.key not in self._without_isrc:
            return _Search(candidate=candidate, query=f"isrc:{isrc}")
        if candidate.artist_key in pages or candidate.artist_key in self._searched_pages:
            return _Search(candidate=candidate, query=_query(candidate))
        return _Search(candidate=candidate, query=page_query(candidate.artist), page=True)

    def _in_turn(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those first whose search promises most: for this list, then for later ones.

        A page answers for all that wait for it; where it was read already, a search answers for
        one track.
        """
        pages = SPOTIFY_ARTIST_PAGES.known(self._lookups, [c.artist_key for c in candidates])
        here = Counter(candidate.artist_key for candidate in candidates)
        waiting = Counter(candidate.artist_key for candidate in self._waiting.values())

        def promise(candidate: Candidate) -> tuple[int, int]:
            artist = candidate.artist_key
            read = artist in pages or artist in self._searched_pages
            return (1, 0) if read else (here[artist], waiting[artist])

        return sorted(candidates, key=promise, reverse=True)

    async def harvest(self, ranked: Sequence[Ranked], *, calls: int) -> None:
        """Spend calls that are left on artists' pages, for the lists of the following days.

        Those artists first that have most waiting to be looked up, high in the ranking. What is
        found changes nothing about the list at hand.
        """
        artists = self._without_page(ranked)[: max(0, calls)]
        for start in range(0, len(artists), AT_ONCE):
            some = artists[start : start + AT_ONCE] if self._spotify is not None else []
            answers = await asyncio.gather(
                *(self._hits(page_query(name)) for name in some), return_exceptions=True
            )
            for name, answer in zip(some, answers, strict=True):
                if isinstance(answer, ServiceError):
                    self._go_on_without(page_query(name), answer)
                elif isinstance(answer, BaseException):
                    raise answer
                else:
                    self._keep_page(name, answer, self._absences.days(answer))

    def _without_page(self, ranked: Sequence[Ranked]) -> list[str]:
        """Names of artists nobody has searched for, or without marks where those matter.

        The most promising first.
        """
        promise: defaultdict[str, float] = defaultdict(float)
        names: dict[str, str] = {}
        for entry in ranked:
            if entry.is_new:
                candidate = entry.candidate
                names.setdefault(candidate.artist_key, candidate.artist)
                weight = _WAITING if entry.track is None else _FOUND
                promise[candidate.artist_key] += weight * FAR_DOWN / (FAR_DOWN + entry.rank)
        known = SPOTIFY_ARTIST_PAGES.known(self._lookups, list(names))
        unknown = [
            key
            for key in names.keys() - self._searched_pages
            if key not in known or self._lacks_marks(known[key])
        ]
        ordered = sorted(unknown, key=lambda key: (-promise[key], key))
        return [names[key] for key in ordered if page_query(names[key]) not in self._strange]

    def _lacks_marks(self, page: Sequence[Track] | None) -> bool:
        return self._marks and any(track.explicit is None for track in page or ())

    def _go_on_without(self, query: str, error: ServiceError) -> None:
        """Leave out the first search that is answered strangely, and after another them all."""
        if isinstance(error, BrokenAnswer) and not self._strange:
            log.warning("left out a search: %s", error)
            self._strange.add(query)
        else:
            self._without_spotify(error)

    def _without_spotify(self, error: ServiceError) -> None:
        if self._spotify is not None:
            log.warning("no more lookups for this list: %s", error)
        self._spotify = None

    def _no_longer_waiting(self, resolved: Found) -> None:
        for key in resolved:
            self._waiting.pop(key, None)

    def _remembered(self, candidates: Sequence[Candidate]) -> Found:
        names = [name for c in candidates for name in (c.key, *c.aliases)]
        tracks = SPOTIFY_TRACKS.known(self._lookups, names)
        isrcs = [isrc for c in candidates if (isrc := valid_isrc(c.isrc))]
        by_isrc = SPOTIFY_ISRCS.known(self._lookups, isrcs) if isrcs else {}
        resolved: Found = {}
        for candidate in candidates:
            answers = [by_isrc.get(isrc)] if (isrc := valid_isrc(candidate.isrc)) else []
            answers += [tracks.get(name) for name in (candidate.key, *candidate.aliases)]
            usable = [one for one in answers if one and self._is_usable(one)]
            known = next((one for one in usable if _is(candidate, one)), None)
            if known is not None:
                resolved[candidate.key] = known
            elif candidate.key in tracks and tracks[candidate.key] is None:
                resolved[candidate.key] = None
        return resolved

    def _is_usable(self, track: Track) -> bool:
        """What nobody marked is looked up again, ahead of time, where marks matter."""
        unmarked = self._marks and self._doubting and track.explicit is None
        return not unmarked and track.spotify_id not in self._unplayable

    async def _named(self, candidates: Sequence[Candidate]) -> Found:
        """Ids by way of labs' search by name, for a few."""
        nameless = [c for c in candidates if not c.mbid]
        known = LABS_RECORDINGS.known(self._lookups, [candidate.key for candidate in nameless])
        asking = [c for c in nameless if c.key not in known][: self._names_left]
        self._names_left -= len(asking)
        answers = await asyncio.gather(*(self._name(candidate) for candidate in asking))
        fresh = {key: mbid for answer in answers for key, mbid in answer.items()}
        mbids = {c.key: mbid for c in nameless if (mbid := fresh.get(c.key, known.get(c.key)))}
        return await self._mapped(mbids)

    async def _name(self, candidate: Candidate) -> dict[str, str | None]:
        if self._labs is None:
            return {}
        try:
            return await self._labs_time().answer(self._found_name(self._labs, candidate))
        except TimeoutError:
            self._labs = None
            return {}
        except ServiceError as error:
            self._without_labs(error)
            return {}

    async def _found_name(
        self, labs: SpotifyIdLookup, candidate: Candidate
    ) -> dict[str, str | None]:
        """What labs calls the candidate's recording, remembered also when it comes late."""
        recording = await labs.find_recording(candidate.artist, candidate.title)
        same = recording is not None and same_recording(
            candidate.artist, candidate.title, (recording.artist,), recording.title
        )
        mbid = recording.mbid if recording is not None and same else None
        self._recordings.keep({candidate.key: mbid})
        return {candidate.key: mbid}

    async def _mapped(self, mbids: Mapping[str, str]) -> Found:
        """Tracks of recordings that labs knows a Spotify id of."""
        wanted = sorted(set(mbids.values()))
        ids = LABS_SPOTIFY_IDS.known(self._lookups, wanted)
        unknown = [mbid for mbid in wanted if mbid not in ids]
        for start in range(0, len(unknown), LABS_BATCH):
            if self._labs is None or self._batches_left <= 0:
                break
            self._batches_left -= 1
            batch = unknown[start : start + LABS_BATCH]
            try:
                fresh = await self._labs_time().answer(self._found_ids(self._labs, batch))
            except TimeoutError:
                self._labs = None
                break
            except ServiceError as error:
                self._without_labs(error)
                break
            ids |= fresh
        named = {
            key: (mbid, spotify_id)
            for key, mbid in mbids.items()
            if (spotify_id := ids.get(mbid))
            and spotify_id not in self._unplayable
            and key in self._waiting
        }
        return self._believed(named)

    def _believed(self, named: Mapping[str, tuple[str, str]]) -> Found:
        """The tracks that labs names; an id known to be another's is forgotten for long."""
        found: Found = {}
        for key, (mbid, spotify_id) in named.items():
            candidate, heard = self._waiting[key], self._heard.get(spotify_id)
            if heard is None:
                if not self._doubting:
                    found[key] = _named_track(candidate, spotify_id)
            elif _is(candidate, heard):
                found[key] = heard
            else:
                forget_labs_ids(self._lookups, [mbid])
        return found

    async def _found_ids(
        self, labs: SpotifyIdLookup, mbids: Sequence[str]
    ) -> dict[str, str | None]:
        """The Spotify ids of these recordings, remembered also when they come late."""
        answers = await labs.spotify_ids(mbids)
        fresh = {mbid: next(iter(answers.get(mbid, ())), None) for mbid in mbids}
        self._spotify_ids.keep(fresh, unsaid=[mbid for mbid in mbids if mbid not in answers])
        return fresh

    def _labs_time(self) -> Deadline:
        """What is left of the time for labs; it begins with the first question."""
        if self._labs_deadline is None:
            ends_at = asyncio.get_running_loop().time() + (self._labs_seconds or 0.0)
            self._labs_deadline = Deadline(ends_at=ends_at, late=self._late)
        return self._labs_deadline

    def _without_labs(self, error: ServiceError) -> None:
        log.warning("going on without ListenBrainz labs: %s", error)
        self._labs = None

    def _taken_in(self, search: _Search, hits: Sequence[Track]) -> Found:
        """What the hits of one search say about everybody waiting."""
        candidate, days = search.candidate, self._absences.days(hits)
        if search.page:
            self._keep_page(candidate.artist, hits, days)
        answers: dict[str, Track] = {}
        for hit in hits:
            answers.setdefault(track_key(hit), hit)
        resolved: Found = {key: answers[key] for key in self._waiting if key in answers}
        same = next((hit for hit in hits if _is(candidate, hit)), None)
        if same is not None:
            answers[candidate.key] = same
            resolved[candidate.key] = same
        SPOTIFY_TRACKS.remember(self._lookups, {**answers})
        isrc = valid_isrc(candidate.isrc)
        if isrc and candidate.key not in self._without_isrc:
            remember_found(SPOTIFY_ISRCS, self._lookups, {isrc: same}, days_missing=days)
            if same is None:
                self._without_isrc.add(candidate.key)
        elif same is None and not search.page:
            resolved[candidate.key] = None
            absent = {candidate.key: None}
            remember_found(SPOTIFY_TRACKS, self._lookups, absent, days_missing=days)
        return resolved

    def _keep_page(self, artist: str, hits: Sequence[Track], days_missing: int | None) -> None:
        self._searched_pages.add(artist_key(artist))
        keep_page(self._lookups, artist, hits, days_missing=days_missing)

    async def _hits(self, query: str) -> FoundTracks:
        if self._spotify is None:
            return FoundTracks()
        self.searches += 1
        hits = await self._spotify.search_tracks(query, limit=10)
        playable = [hit for hit in hits if hit.spotify_id not in self._unplayable]
        withheld = isinstance(hits, FoundTracks) and hits.withheld
        return FoundTracks(playable, withheld=withheld or len(playable) < len(hits))


def forget_labs_ids(lookups: Lookups, mbids: Sequence[str]) -> None:
    """What labs names for these recordings was wrong: for a good while nobody asks it again."""
    LABS_SPOTIFY_IDS.remember(lookups, dict.fromkeys(mbids), days_missing=WRONG_ID_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One search to make for a candidate; ``page``: for their artist, whatever the title."""

    candidate: Candidate
    query: str
    page: bool = False


def confirmed(candidate: Candidate, track: Track, *, marked: bool = False) -> bool:
    """Whether Spotify named this id: what labs names comes with nothing but the id.

    ``marked``: it must have told as well that the track is not marked explicit.
    """
    named = bool(track.artist_ids) or track.spotify_id == candidate.spotify_id
    return named and (not marked or track.explicit is False)


def given(candidate: Candidate) -> Track | None:
    """The track of a candidate that came with its Spotify id."""
    return _named_track(candidate, candidate.spotify_id) if candidate.spotify_id else None


def _named_track(candidate: Candidate, spotify_id: str) -> Track:
    return Track(
        spotify_id=spotify_id,
        uri=f"spotify:track:{spotify_id}",
        title=candidate.title,
        artists=(candidate.artist,),
        isrc=candidate.isrc,
        duration_ms=candidate.duration_ms,
    )


def _query(candidate: Candidate) -> str:
    return f'artist:"{_quoted(candidate.artist)}" track:"{_quoted(candidate.title)}"'


def _quoted(name: str) -> str:
    return " ".join(name.replace('"', " ").split())


def _is(candidate: Candidate, hit: Track) -> bool:
    """Whether a track, found now or remembered, is the candidate; an ISRC alone does not say so."""
    if track_key(hit) in (candidate.key, *candidate.aliases):
        return True
    if same_recording(candidate.artist, candidate.title, hit.artists, hit.title):
        return True
    same_code = hit.isrc and valid_isrc(hit.isrc) == valid_isrc(candidate.isrc)
    return bool(same_code) and agrees(candidate.artist, candidate.title, hit.artist, hit.title)
