"""A flowing order: alike tracks side by side, an artist's tracks well apart.

The order is the same for the same tracks. Where not all can keep their distance there is none, and
``crowded_artists`` says whose tracks are in each other's way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from vibe_pipeline.ranking.evidence import added

THEME_APART = 4
"""Within so many tracks the same theme is heard as a repetition."""
COMFORT = 1
"""Where it costs nothing, an artist's tracks stand this much further apart than they must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceItem:
    """One track on the way: whose it is, who else is heard on it, and what it is like.

    The smaller ``place``, the better the track. Tracks of one ``theme`` are kept apart where that
    costs nothing else.
    """

    key: str
    artists: frozenset[str]
    place: int
    guests: frozenset[str] = frozenset()
    familiar: bool = False
    features: Mapping[str, float] | None = None
    theme: str = ""


def sequenced(
    stops: Sequence[SequenceItem], *, spacing: int, evenness: float = 0.0
) -> list[SequenceItem] | None:
    """All stops in a pleasant order, those of one artist at least ``spacing`` apart.

    With more ``evenness`` a theme is spread more over the whole order rather than heard at its
    beginning. ``None`` where no such order was found.
    """
    best_first = sorted(stops, key=lambda stop: (stop.place, stop.key))
    for distance in (spacing + COMFORT, spacing):
        order = _walk(best_first, distance, evenness)
        if order is None:
            order = _rounds(best_first, distance)
        if order is not None:
            return order
    return None


def with_guests(stops: Sequence[SequenceItem]) -> list[SequenceItem]:
    """The same stops, as if everybody heard on a track led it."""
    return [replace(stop, artists=stop.artists | stop.guests) for stop in stops]


def crowded_artists(stops: Sequence[SequenceItem]) -> frozenset[str]:
    """The artists that the worst repeating track shares with better ones; at least one.

    Raises:
        ValueError: no artist comes twice.
    """
    seen: set[str] = set()
    shared: frozenset[str] = frozenset()
    for stop in sorted(stops, key=lambda stop: (stop.place, stop.key)):
        shared = stop.artists & seen or shared
        seen |= stop.artists
    if not shared:
        raise ValueError("No artist comes twice; any order keeps its distance")
    return shared


def well_spaced(order: Sequence[SequenceItem], spacing: int) -> bool:
    """Whether no artist comes twice within ``spacing`` positions."""
    last: dict[str, int] = {}
    for position, stop in enumerate(order):
        for artist in stop.artists:
            if position - last.get(artist, -spacing) < spacing:
                return False
            last[artist] = position
    return True


def _walk(
    stops: Sequence[SequenceItem], distance: int, evenness: float
) -> list[SequenceItem] | None:
    """From the best track on, always to the likest that may come; ``None`` in a dead end."""
    left = list(stops)
    order: list[SequenceItem] = []
    every = _familiar_every(stops)
    themes = Counter(stop.theme for stop in stops)
    heard: Counter[str] = Counter()
    last: dict[str, int] = {}
    while left:
        position = len(order)
        free = [
            stop
            for stop in left
            if all(position - last.get(artist, -distance) >= distance for artist in stop.artists)
        ]
        urgent = _urgent(left, free, position, distance, last)
        if urgent:
            free = urgent
        if not free:
            return None
        wants_familiar = every > 0 and position % every == every - 1
        before = order[-1] if order else None
        part = (position + 1) / len(stops)
        ahead = {theme: max(0.0, heard[theme] - part * themes[theme]) for theme in heard if theme}
        following = min(
            free,
            key=lambda stop: (
                stop.familiar is not wants_familiar,
                _step(before, stop, len(stops))
                + _repetition(order, stop)
                + evenness * ahead.get(stop.theme, 0.0),
                stop.place,
                stop.key,
            ),
        )
        left.remove(following)
        order.append(following)
        heard[following.theme] += 1
        for artist in following.artists:
            last[artist] = position
    return order


def _urgent(
    left: Sequence[SequenceItem],
    free: Sequence[SequenceItem],
    position: int,
    distance: int,
    last: Mapping[str, int],
) -> list[SequenceItem]:
    """Those whose artist has just enough room left for all that is still to come."""
    counts: dict[str, int] = {}
    for stop in left:
        for artist in stop.artists:
            counts[artist] = counts.get(artist, 0) + 1
    repeated = sum(count - 1 for count in counts.values() if count > 1)
    end = position + len(left)
    return [
        stop
        for stop in free
        if any(
            counts[artist] > 1
            and position + (counts[artist] - 1) * distance + max(repeated - 1, 0) >= end - 1
            for artist in stop.artists
        )
    ]


def _step(before: SequenceItem | None, stop: SequenceItem, count: int) -> float:
    """How far it is from one track to the next: unlike tracks and weak ones are far."""
    strength = stop.place / max(count, 1)
    return (0.0 if before is None else 1.0 - item_similarity(before, stop)) + 0.2 * strength


def _repetition(order: Sequence[SequenceItem], stop: SequenceItem) -> float:
    """From 0 to 1: how lately the theme was there; 1 is right before."""
    lately = [one.theme for one in reversed(order[-THEME_APART:])]
    if not stop.theme or stop.theme not in lately:
        return 0.0
    return 1 - lately.index(stop.theme) / THEME_APART


def item_similarity(one: SequenceItem, other: SequenceItem) -> float:
    """From 0 to 1: how much two tracks share of what they are like."""
    if not one.features or not other.features:
        return 0.0
    shared = added(
        min(weight, other.features.get(name, 0.0)) for name, weight in one.features.items()
    )
    whole = max(added(one.features.values()), added(other.features.values()))
    return shared / whole if whole else 0.0


def _familiar_every(stops: Sequence[SequenceItem]) -> int:
    """Every how many positions a familiar track comes, so that they are spread evenly."""
    familiar = sum(stop.familiar for stop in stops)
    return max(1, round(len(stops) / familiar)) if familiar else 0


def _rounds(stops: Sequence[SequenceItem], distance: int) -> list[SequenceItem] | None:
    """First tracks of those with several, then single ones, then the second tracks, and so on."""
    rounds: list[list[SequenceItem]] = []
    for stop in stops:
        for one_round in rounds:
            if not any(stop.artists & other.artists for other in one_round):
                one_round.append(stop)
                break
        else:
            rounds.append([stop])
    if len(rounds) < 2:
        order = [stop for one_round in rounds for stop in one_round]
        return order if well_spaced(order, distance) else None
    repeated = _names(rounds[1:])
    first = sorted(rounds[0], key=lambda stop: not stop.artists & repeated)
    order = list(first)
    for one_round in rounds[1:]:
        placed = {artist: at for at, stop in enumerate(order) for artist in stop.artists}
        order += sorted(
            one_round,
            key=lambda stop: (max(placed.get(name, -1) for name in stop.artists), stop.place),
        )
    return order if well_spaced(order, distance) else None


def _names(rounds: Collection[Sequence[SequenceItem]]) -> set[str]:
    return {artist for one_round in rounds for stop in one_round for artist in stop.artists}
