"""What came of a soak: its totals, and what must be zero."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import datetime

from tests.soak.town import Town, nights_of
from tests.support.vibe_world import playlists_of, uris_of
from vibe_pipeline.accounts.records import Account, Edition, EditionState
from vibe_pipeline.records import Mode
from vibe_pipeline.runs import nightly_occasion


@dataclass(slots=True)
class Totals:
    """Counts of one soak; ``wrong`` says of each trouble whose it is."""

    people: int = 0
    nights: int = 0
    lists: int = 0
    nights_told_without_list: int = 0
    runs: int = 0
    faults: int = 0
    kills: int = 0
    messages: int = 0
    duplicates: int = 0
    lost_rows: int = 0
    silent_nights: int = 0
    empty_playlists: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything that must be zero is."""
        return not self.wrong

    def add(self, other: Totals) -> None:
        """Together with another soak's."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def in_words(self) -> str:
        """For whoever watches."""
        counts = [one.name for one in fields(self) if one.name != "wrong"]
        shown = ", ".join(f"{name.replace('_', ' ')} {getattr(self, name)}" for name in counts)
        return "\n".join([shown, *self.wrong])


def totals(town: Town, since: datetime, until: datetime) -> Totals:
    """Counted from the stores, the simulated Spotify and the outbox."""
    found = Totals(
        people=len(town.people),
        runs=town.runs.total(),
        faults=town.troubles.faults,
        kills=town.troubles.kills,
        messages=sum(town.messages.values()),
    )
    for person in town.people:
        _nights(found, town, person, since, until)
        _playlists(found, town, person)
        _rows(found, town, person)
    return found


def _nights(found: Totals, town: Town, person: Account, since: datetime, until: datetime) -> None:
    editions = town.store.editions.history(person.user_id, limit=10_000)
    by_occasion = Counter(one.occasion for one in editions)
    for night in nights_of(person, since, until):
        occasion = nightly_occasion(night.astimezone(person.zone).date())
        found.nights += 1
        of_night = [one for one in editions if one.occasion == occasion]
        if any(one.state is EditionState.RECORDED for one in of_night):
            found.lists += 1
            if f"night_ready:{of_night[0].edition_id}" not in town.messages:
                found.silent_nights += 1
                found.wrong.append(f"{person.user_id} {occasion}: made and not told")
        elif _told_of_failure(town, person, occasion, of_night):
            found.nights_told_without_list += 1
        else:
            found.silent_nights += 1
            states = [(one.state, one.cause) for one in of_night]
            found.wrong.append(f"{person.user_id} {occasion}: silent, {states}")
    for occasion, count in by_occasion.items():
        if count > 1:
            found.duplicates += count - 1
            found.wrong.append(f"{person.user_id} {occasion}: {count} editions")


def _told_of_failure(town: Town, person: Account, occasion: str, editions: list[Edition]) -> bool:
    keys = [f"failed:{one.edition_id}:" for one in editions]
    keys.append(f"paused:{person.user_id}:{occasion}")
    return any(message.startswith(key) for message in town.messages for key in keys)


def _playlists(found: Totals, town: Town, person: Account) -> None:
    playlists = {one["id"]: one for one in playlists_of(town.world, person)}
    editions = [
        one
        for one in reversed(town.store.editions.history(person.user_id, limit=10_000))
        if one.state is EditionState.RECORDED
    ]
    last_in = {one.playlist_id: one for one in editions}
    for playlist_id, playlist in playlists.items():
        name = f"{person.user_id} {person.mode} {playlist_id}"
        if not playlist["items"]:
            found.empty_playlists += 1
            found.wrong.append(f"{name}: empty")
        elif playlist_id not in last_in:
            found.duplicates += 1
            found.wrong.append(f"{name}: of no recorded list")
        elif uris_of(playlist) != [track.uri for track in last_in[playlist_id].tracks]:
            found.lost_rows += 1
            found.wrong.append(f"{name}: does not hold its list")
    wanted = 1 if person.mode is Mode.LIVING else len(editions)
    if editions and len(playlists) != wanted:
        found.duplicates += abs(len(playlists) - wanted)
        found.wrong.append(f"{person.user_id}: {len(playlists)} playlists instead of {wanted}")


def _rows(found: Totals, town: Town, person: Account) -> None:
    """History exact, every like and play kept."""
    with town.world.warehouse.open() as tables:
        history = Counter(line.edition_id for line in tables.playlists.recommended(person.user_id))
        plays = len(tables.library.plays(person.user_id))
        likes = {like.track.uri for like in tables.library.likes(person.user_id)}
    editions = town.store.editions.history(person.user_id, limit=10_000)
    for one in editions:
        recorded = one.state is EditionState.RECORDED
        if recorded and history[one.edition_id] != len(one.tracks):
            found.lost_rows += 1
            kept = history[one.edition_id]
            found.wrong.append(f"{one.edition_id}: {kept} of {len(one.tracks)} in the history")
    if plays < town.played[person.user_id]:
        found.lost_rows += town.played[person.user_id] - plays
        found.wrong.append(f"{person.user_id}: {plays} of {town.played[person.user_id]} plays")
    if missing := town.liked[person.user_id] - likes:
        found.lost_rows += len(missing)
        found.wrong.append(f"{person.user_id}: likes lost: {sorted(missing)}")
