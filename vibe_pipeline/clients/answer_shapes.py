"""What an endpoint promises to answer with (response validation): a look before belief.

A success of another shape is trouble on the service's side, and never "there is nothing": the
transport asks again and then gives up. Turning an answer into records is each client's own.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Iterable, Mapping

from vibe_pipeline.clients.json_fields import Fields, fields, integer, moment, text, track_id

Shape = Callable[[object], bool]
"""Whether an answer, read as JSON, is what its endpoint promises."""

_TRACK_URI_OF_LOCAL = "spotify:local:"
_WORDS_COMPARED = 50
"""So many characters of a name or a description tell whose it is."""


def anything(_: object) -> bool:
    """No promise beyond being JSON."""
    return True


def naming(*names: str) -> Shape:
    """An object that holds text under one of these names."""
    return lambda found: any(text(fields(found).get(name)) is not None for name in names)


def naming_another(name: str, former: Collection[str]) -> Shape:
    """An object that holds text under this name, and none of these."""

    def fits(found: object) -> bool:
        named = text(fields(found).get(name))
        return named is not None and named not in former

    return fits


def made_as_asked(*, name: str, description: str) -> Shape:
    """A playlist that may be the one just asked for: empty, and of its name or its description.

    Both may come back cleaned, escaped or cut; one that tells neither is not doubted.
    """

    def fits(found: object) -> bool:
        playlist = fields(found)
        held = integer(fields(playlist.get("items") or playlist.get("tracks")).get("total"))
        if text(playlist.get("id")) is None or held not in {None, 0}:
            return False
        said = (_words(playlist.get("name")), _words(playlist.get("description")))
        asked = (_words(name), _words(description))
        return not any(said) or any(map(_agree, said, asked))

    return fits


def _words(said: object) -> str:
    """What a reader sees: services give words back escaped, once or twice."""
    return " ".join(html.unescape(html.unescape(text(said) or "")).split()).casefold()


def _agree(said: str, asked: str) -> bool:
    """Whether these are the words that were asked for, maybe cut off further on."""
    return bool(said) and said[:_WORDS_COMPARED] == asked[:_WORDS_COMPARED]


def records(*path: str, sound: Callable[[Fields], object]) -> Shape:
    """A list at the end of this path, empty or for the better part of what becomes a record.

    ``sound`` gives something for an object that becomes one. A list of anything else is trouble,
    and never a list of nothing.
    """

    def fits(found: object) -> bool:
        for name in path:
            found = fields(found).get(name)
        return isinstance(found, list) and mostly(found, lambda one: bool(sound(fields(one))))

    return fits


def found_page(kind: str, *, sound: Callable[[Fields], object]) -> Shape:
    """The first page of a search: it is empty only where the service counts nothing."""
    listed = records(kind, "items", sound=sound)

    def fits(found: object) -> bool:
        page = fields(fields(found).get(kind))
        total = integer(page.get("total"))
        if "total" in page and (total is None or total < 0):
            return False
        return listed(found) and (bool(page.get("items")) or total == 0)

    return fits


def booleans(count: int) -> Shape:
    """So many answers of yes or no."""
    return lambda found: (
        isinstance(found, list)
        and len(found) == count
        and all(isinstance(item, bool) for item in found)
    )


def page_of_likes(*, offset: int, limit: int) -> Shape:
    """A page of saved tracks whose entries are what they should be, and whose count agrees."""

    def fits(found: object) -> bool:
        entries = _counted(found, offset=offset, limit=limit)
        return entries is not None and mostly(entries, saved_entry)

    return fits


def page_of_lines(*, offset: int, limit: int) -> Shape:
    """A page of a playlist whose entries are what they should be, and whose count agrees."""

    def fits(found: object) -> bool:
        entries = _counted(found, offset=offset, limit=limit)
        return entries is not None and mostly(entries, listed_entry)

    return fits


def page_of_playlists(*, offset: int, limit: int) -> Shape:
    """A page of playlists with an id each, for the better part, and whose count agrees.

    ``null`` stands for what Spotify shows no app since November 2024: its own playlists.
    """

    def fits(found: object) -> bool:
        entries = _counted(found, offset=offset, limit=limit)
        if entries is None:
            return False
        return mostly([one for one in entries if one is not None], _with_id)

    return fits


def page_of_plays(found: object) -> bool:
    """Plays, each with its moment."""
    entries = fields(found).get("items")
    return isinstance(entries, list) and mostly(entries, played_entry)


def page_of_top_items(found: object) -> bool:
    """Artists or tracks with a name."""
    entries = fields(found).get("items")
    return isinstance(entries, list) and mostly(entries, _named_entry)


def saved_entry(entry: object) -> bool:
    """Whether this can stand in a library: a track, or what is known to be none of ours."""
    return entry is None or _dated(entry, "added_at")


def listed_entry(entry: object) -> bool:
    """Whether this can stand in a playlist: a track, or what is known to be none of ours."""
    return isinstance(entry, Mapping) and _holds_a_track(entry)


def played_entry(entry: object) -> bool:
    """Whether this can stand among plays."""
    return entry is None or _dated(entry, "played_at")


def mostly(entries: list[object], sound: Callable[[object], bool]) -> bool:
    """Whether more than half is sound; one odd entry does not spoil what stands beside it."""
    odd = sum(not sound(entry) for entry in entries)
    return not odd or 2 * odd < len(entries)


def odd_ones(entries: Iterable[object], sound: Callable[[object], bool]) -> int:
    """How many entries are not what they should be."""
    return sum(not sound(entry) for entry in entries)


def _counted(found: object, *, offset: int, limit: int) -> list[object] | None:
    """The entries of a page whose count agrees with its total.

    One that says itself that it begins elsewhere than it was asked to is another page.
    """
    page = fields(found)
    entries, total = page.get("items"), integer(page.get("total"))
    if not isinstance(entries, list) or total is None or total < 0 or len(entries) > limit:
        return None
    if page.get("offset") is not None and integer(page.get("offset")) != offset:
        return None
    agrees = offset + len(entries) <= total if entries else offset >= total
    return entries if agrees else None


def _dated(entry: object, when: str) -> bool:
    if not isinstance(entry, Mapping) or moment(entry.get(when)) is None:
        return False
    return _holds_a_track(entry)


def _holds_a_track(entry: Mapping[str, object]) -> bool:
    held = [entry[name] for name in ("item", "track") if name in entry]
    inside = next((thing for thing in held if thing is not None), None)
    return bool(held) and (inside is None or _track_like(inside))


def _track_like(thing: object) -> bool:
    """A track, or an episode, a local file, something that vanished."""
    if not isinstance(thing, Mapping):
        return False
    kind = thing.get("type", "track")
    if thing.get("is_local") is True or str(thing.get("uri")).startswith(_TRACK_URI_OF_LOCAL):
        return True
    if isinstance(kind, str) and kind != "track":
        return True
    if "id" in thing and thing["id"] is None:
        return True
    artists = thing.get("artists")
    return (
        track_id(thing.get("id")) is not None
        and isinstance(thing.get("name"), str)
        and isinstance(artists, list)
        and all(isinstance(artist, Mapping) for artist in artists)
    )


def _named_entry(entry: object) -> bool:
    return entry is None or isinstance(fields(entry).get("name"), str)


def _with_id(entry: object) -> bool:
    return text(fields(entry).get("id")) is not None
