"""Spotify's Web API for one person: what they hear and like, what there is, their playlists.

One method for each thing wanted, records out. Tokens, limits and refusals are met below, in
``spotify_web``; deciding what to ask for is not done here.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from urllib.parse import quote

from vibe_pipeline.clients.answer_shapes import (
    Shape,
    anything,
    booleans,
    found_page,
    made_as_asked,
    naming,
    naming_another,
    page_of_likes,
    page_of_lines,
    page_of_playlists,
    page_of_plays,
    page_of_top_items,
    records,
)
from vibe_pipeline.clients.concurrent_calls import side_by_side
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    NotThere,
    ServiceError,
    ServiceUnavailable,
)
from vibe_pipeline.clients.json_fields import Fields, fields, integer, objects, text
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.spotify_records import (
    FoundArtist,
    LikedPage,
    Playlist,
    PlaylistLine,
    RecentPlays,
    SpotifyProfile,
    playable_tracks,
    top_from_api,
    track_from_api,
)
from vibe_pipeline.clients.spotify_web import (
    ARTIST_TOP_TRACKS,
    RECOMMENDATIONS,
    SECOND_LOOK_SECONDS,
    SERVICE,
    SpotifyWeb,
)
from vibe_pipeline.clients.transport import Again, Call
from vibe_pipeline.records import TopItem, Track

log = logging.getLogger(__name__)

PAGE = 50
SEARCH_PAGE = 10
ITEMS_PER_WRITE = 100
URIS_PER_LIBRARY_CALL = 40
SEEDS_PER_REQUEST = 5
_LONGEST_QUERY = 250
LOOKED_THROUGH = 300
"""So many of a person's playlists at most, where one is looked for."""
_PLAYLIST = "spotify:playlist:"


class Spotify:
    """What one person may ask of Spotify.

    No address Spotify hands out is followed with the person's token: pages are counted by us.
    ``market`` (two capital letters) is named where tracks are offered. It is for accounts whose
    country Spotify does not know: without any country all content counts as unavailable, and a
    known one overrides what is named.
    """

    def __init__(
        self, web: SpotifyWeb, *, market: str | None = None, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._web = web
        self._sleep = sleep
        self._market = {} if market is None else {"market": market}

    async def me(self) -> SpotifyProfile:
        """Who the token belongs to."""
        answer = fields(await self._web.ask(_get("/me", shape=naming("account_id", "id"))))
        profile = SpotifyProfile.from_api(answer)
        if profile is None:
            raise BrokenAnswer(SERVICE, "GET /me names nobody")
        return profile

    async def saved_tracks_page(self, *, offset: int = 0, limit: int = PAGE) -> LikedPage:
        """One page of saved tracks, newest first, and how many there are."""
        shape = page_of_likes(offset=offset, limit=_within(limit, PAGE))
        call = _get("/me/tracks", shape=shape, limit=limit, offset=offset)
        return LikedPage.from_api(fields(await self._web.ask(call)))

    async def recently_played(self) -> RecentPlays:
        """The last fifty plays, newest first; no more can ever be reached."""
        call = _get("/me/player/recently-played", shape=page_of_plays, limit=PAGE)
        return RecentPlays.from_api(fields(await self._web.ask(call)))

    async def top_artists(self, time_range: str = "medium_term") -> list[TopItem]:
        """The artists the person played most, strongest first."""
        return await self._top("artist", time_range)

    async def top_tracks(self, time_range: str = "medium_term") -> list[TopItem]:
        """The tracks the person played most, strongest first."""
        return await self._top("track", time_range)

    async def search_tracks(self, query: str, *, limit: int = SEARCH_PAGE) -> list[Track]:
        """Tracks that fit a query such as ``artist:"X" track:"Y"`` or ``isrc:Z``, best first."""
        call = _get(
            "/search",
            shape=found_page("tracks", sound=track_from_api),
            q=query[:_LONGEST_QUERY],
            type="track",
            limit=_within(limit, SEARCH_PAGE),
            **self._market,
        )
        return playable_tracks(await self._found("tracks", call))

    async def search_artists(self, name: str, *, limit: int = 5) -> list[FoundArtist]:
        """Artists of about this name, best first."""
        call = _get(
            "/search",
            shape=found_page("artists", sound=FoundArtist.from_api),
            q=name[:_LONGEST_QUERY],
            type="artist",
            limit=_within(limit, SEARCH_PAGE),
        )
        found = objects(await self._found("artists", call))
        artists = (FoundArtist.from_api(item) for item in found)
        return [artist for artist in artists if artist is not None]

    async def _found(self, kind: str, call: Call) -> object:
        """The hits of a search; one that finds nothing says so in its page."""
        try:
            answer = fields(await self._web.ask(call))
        except NotThere as error:
            raise ServiceUnavailable(SERVICE, error.sentence) from error
        return fields(answer.get(kind)).get("items")

    async def artist_top_tracks(self, artist_id: str) -> list[Track]:
        """An artist's ten best-known tracks; most apps may not ask."""
        path, endpoint = f"/artists/{_id(artist_id)}/top-tracks", "/artists/{id}/top-tracks"
        shape = records("tracks", sound=track_from_api)
        call = _get(path, endpoint=endpoint, shape=shape, **self._market)
        answer = await self._web.ask_if_open(call, ARTIST_TOP_TRACKS)
        return playable_tracks(answer.get("tracks"))

    async def recommendations(
        self,
        *,
        artist_ids: Sequence[str] = (),
        track_ids: Sequence[str] = (),
        limit: int = 100,
    ) -> list[Track]:
        """Spotify's own recommendations for one to five seeds; most apps may not ask."""
        seeds = len(artist_ids) + len(track_ids)
        if not 1 <= seeds <= SEEDS_PER_REQUEST:
            raise ValueError(f"recommendations take 1 to {SEEDS_PER_REQUEST} seeds, not {seeds}")
        chosen = {"seed_artists": ",".join(artist_ids), "seed_tracks": ",".join(track_ids)}
        seeded = {name: value for name, value in chosen.items() if value}
        shape, most = records("tracks", sound=track_from_api), _within(limit, 100)
        call = _get("/recommendations", shape=shape, limit=most, **seeded, **self._market)
        answer = await self._web.ask_if_open(call, RECOMMENDATIONS)
        return playable_tracks(answer.get("tracks"))

    async def create_playlist(self, name: str, *, description: str, public: bool) -> Playlist:
        """A new playlist of the person's own.

        The one call that cannot be repeated safely: when it fails with ``may_have_happened``,
        look among ``my_playlists`` first. An answer that tells of another playlist is not
        believed: its tracks would be written over.
        """
        body = {"name": name, "description": description, "public": public}
        call = Call(
            method="POST",
            path="/me/playlists",
            endpoint="POST /me/playlists",
            body=body,
            again=Again.AFTER_A_LOOK,
            shape=made_as_asked(name=name, description=description),
        )
        made = Playlist.from_api(fields(await self._web.ask(call)))
        if made is None:
            sentence = "POST /me/playlists did not name the playlist it made"
            raise ServiceUnavailable(SERVICE, sentence, may_have_happened=True)
        return made

    async def replace_items(
        self, playlist_id: str, uris: Sequence[str], *, former: Collection[str] = ()
    ) -> str:
        """Make these the playlist's items, in this order; gives the snapshot.

        Without one in the answer nothing counts as written, nor with a ``former`` one: each write
        yields another.

        Up to a hundred are replaced in one call, all or nothing. Repeating the whole is safe.
        Raises ``WriteRefused`` when one of them does not exist.
        """
        path, endpoint = f"/playlists/{_id(playlist_id)}/items", "/playlists/{id}/items"
        first, *others = list(_slices(uris, ITEMS_PER_WRITE)) or [[]]
        put = Call(
            method="PUT",
            path=path,
            endpoint=f"PUT {endpoint}",
            body={"uris": first},
            shape=naming_another("snapshot_id", former),
            all_or_nothing=True,
        )
        snapshot = _snapshot(await self._web.tell(put))
        for number, more in enumerate(others, start=1):
            post = Call(
                method="POST",
                path=path,
                endpoint=f"POST {endpoint}",
                body={"uris": more, "position": number * ITEMS_PER_WRITE},
                again=Again.NEVER,
                shape=naming("snapshot_id"),
                all_or_nothing=True,
            )
            snapshot = _snapshot(await self._web.tell(post))
        return snapshot

    async def playlist_lines(self, playlist_id: str, *, written: int) -> list[PlaylistLine]:
        """What a playlist of the person's holds, in its order, as Spotify shows it to them.

        Of one that is to hold so many as were ``written``: no further page is asked for once
        there are more.
        """
        path, endpoint = f"/playlists/{_id(playlist_id)}/items", "/playlists/{id}/items"
        lines: list[PlaylistLine] = []
        while True:
            call = _get(
                path,
                endpoint=endpoint,
                shape=page_of_lines(offset=len(lines), limit=PAGE),
                limit=PAGE,
                offset=len(lines),
                **self._market,
            )
            page = fields(await self._web.ask(call))
            entries = page.get("items")
            listed = entries if isinstance(entries, list) else []
            read = [PlaylistLine.from_api(fields(entry)) for entry in listed]
            lines += read
            shown_all = len(lines) >= (integer(page.get("total")) or 0)
            if not read or shown_all or len(lines) > written:
                return lines

    async def change_details(
        self,
        playlist_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        public: bool | None = None,
    ) -> None:
        """Rename or describe a playlist anew; what is ``None`` stays."""
        changes = {"name": name, "description": description, "public": public}
        call = Call(
            method="PUT",
            path=f"/playlists/{_id(playlist_id)}",
            endpoint="PUT /playlists/{id}",
            body={field: value for field, value in changes.items() if value is not None},
            wants_json=False,
        )
        await self._web.tell(call)

    async def upload_cover(self, playlist_id: str, jpeg: bytes) -> None:
        """Give a playlist its picture: at most 190,000 bytes, for they travel as base64 text.

        One attempt. Raises ``PermissionMissing`` where the consent does not extend to pictures.
        """
        call = Call(
            method="PUT",
            path=f"/playlists/{_id(playlist_id)}/images",
            endpoint="PUT /playlists/{id}/images",
            text=base64.b64encode(jpeg).decode(),
            headers={"Content-Type": "image/jpeg"},
            again=Again.NOT_NOW,
            wants_json=False,
        )
        await self._web.tell(call)

    async def my_playlists(self, *, most: int) -> AsyncIterator[Playlist]:
        """The person's playlists, newest first; a page is asked for once its turn comes.

        That there is none is believed only where Spotify counts none: nobody makes a second
        playlist for an odd answer.
        """
        size = min(most, PAGE)
        for offset in range(0, most, size):
            shape = page_of_playlists(offset=offset, limit=size)
            call = _get("/me/playlists", shape=shape, limit=size, offset=offset)
            page = fields(await self._web.ask(call))
            for item in objects(page.get("items")):
                if (playlist := Playlist.from_api(item)) is not None:
                    yield playlist
            if offset + size >= (integer(page.get("total")) or 0):
                return

    async def playlist_exists(self, playlist_id: str) -> bool:
        """Whether there is such a playlist, in whoever's library; only Spotify itself says no."""
        path, endpoint = f"/playlists/{_id(playlist_id)}", "/playlists/{id}"
        try:
            await self._web.ask(_get(path, endpoint=endpoint, shape=naming("id"), fields="id"))
        except NotThere:
            return False
        return True

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        """Which of these the person has saved."""
        slices = _slices(uris, URIS_PER_LIBRARY_CALL)
        answers = await side_by_side(self._saved(some) for some in slices)
        return {uri: saved for answer in answers for uri, saved in answer.items()}

    async def _saved(self, uris: Sequence[str]) -> dict[str, bool]:
        shape = booleans(len(uris))
        call = _get("/me/library/contains", shape=shape, uris=",".join(uris))
        answer = await self._web.ask(call)
        return dict(zip(uris, (saved is True for saved in answer), strict=True))

    async def save_to_library(self, uris: Sequence[str]) -> None:
        """Like tracks, or follow playlists.

        The endpoint promises an empty success, which anybody between can give: playlists are
        looked for afterwards. Raises ``BrokenAnswer`` when they are not there, and ``ServiceError``
        when nothing tells whether they are.
        """
        await self._library("PUT", uris)
        await self._see_playlists(uris, saved=True)

    async def remove_from_library(self, uris: Sequence[str]) -> None:
        """Unlike tracks, or let playlists go; these are looked for as those that were saved.

        One that is said not to be there, and does not show, is gone.
        """
        try:
            await self._library("DELETE", uris)
        except NotThere:
            playlists = _playlists_among(uris)
            if not playlists or not await self._shows(playlists, saved=False):
                raise
            return
        await self._see_playlists(uris, saved=False)

    async def _library(self, method: str, uris: Sequence[str]) -> None:
        for some in _slices(uris, URIS_PER_LIBRARY_CALL):
            call = Call(
                method=method,
                path="/me/library",
                endpoint=f"{method} /me/library",
                query={"uris": ",".join(some)},
                wants_json=False,
            )
            await self._web.tell(call)

    async def _see_playlists(self, uris: Sequence[str], *, saved: bool) -> None:
        """Believe a change of the library that shows.

        Tracks are left out: one that was moved is saved under another id.
        """
        playlists = _playlists_among(uris)
        if not playlists or await self._shows(playlists, saved=saved):
            return
        endpoint = "PUT /me/library" if saved else "DELETE /me/library"
        broken = BrokenAnswer(SERVICE, f"{endpoint} answered with success, and nothing changed")
        broken.endpoint = endpoint
        raise broken

    async def _shows(self, playlists: Sequence[str], *, saved: bool) -> bool:
        """Whether the library shows them so, or else the person's list of playlists."""
        try:
            if await self._stand(playlists, saved=saved):
                return True
            await self._sleep(SECOND_LOOK_SECONDS)
            if await self._stand(playlists, saved=saved):
                return True
        except ServiceError as error:
            log.warning("the library does not tell what is in it: %s", error)
        listed = {f"{_PLAYLIST}{one.id}" async for one in self.my_playlists(most=LOOKED_THROUGH)}
        return all((uri in listed) is saved for uri in playlists)

    async def _stand(self, uris: Sequence[str], *, saved: bool) -> bool:
        there = await self.library_contains(uris)
        return all(there[uri] is saved for uri in uris)

    async def _top(self, kind: str, time_range: str) -> list[TopItem]:
        shape, path = page_of_top_items, f"/me/top/{kind}s"
        call = _get(path, shape=shape, time_range=time_range, limit=PAGE)
        answer = fields(await self._web.ask(call))
        found = (
            top_from_api(item, kind=kind, time_range=time_range, rank=rank)
            for rank, item in enumerate(objects(answer.get("items")), start=1)
        )
        return [item for item in found if item is not None]


def _get(
    path: str, *, endpoint: str | None = None, shape: Shape = anything, **query: str | int
) -> Call:
    endpoint = f"GET {endpoint or path}"
    return Call(method="GET", path=path, endpoint=endpoint, query=query, shape=shape)


def _playlists_among(uris: Sequence[str]) -> list[str]:
    return [uri for uri in uris if uri.startswith(_PLAYLIST)]


def _snapshot(answer: Fields) -> str:
    return text(answer.get("snapshot_id")) or ""


def _id(spotify_id: str) -> str:
    return quote(spotify_id, safe="")


def _within(limit: int, most: int) -> int:
    if not 1 <= limit <= most:
        raise ValueError(f"Spotify gives 1 to {most} at a time, not {limit}")
    return limit


def _slices(uris: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(uris), size):
        yield list(uris[start : start + size])
