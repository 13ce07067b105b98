"""``vibe eval --days``: how well the seed profile foretells what a person plays the next day.

On every day with plays the profile is made as production makes it, by ``taste.seed_profile`` at six
in the morning out of the plays before, and its strongest ten artists are held against the plays of
the 24 hours that follow. The figure is the share of those plays that is by one of the ten.

Listening with times is needed: ``plays.csv``. Who is near to whom is ``report``'s.
"""

from __future__ import annotations

import csv
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vibe_pipeline.evaluation.dataset import DatasetMissing
from vibe_pipeline.ranking.activation import Decay, power_law
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import Play, Track
from vibe_pipeline.taste.play_decay import EXPONENTS, half_life
from vibe_pipeline.taste.seed_profile import seed_profile

PLAYS_FILE = "plays.csv"
COLUMNS = ("user_id", "played_at", "artist_name", "track_name")
PERSONAL = "personal"
OF_OTHERS = "best for the others"
FORETELLING = 10
"""So many of the strongest artists speak for a day."""
MADE_AT = timedelta(hours=6)
DAYS_BEFORE = 14
"""Nothing is held against a profile before so many days of listening are known."""
DECAYS: Mapping[str, Decay | None] = {
    PERSONAL: None,
    **{f"power {exponent:g}": power_law(exponent) for exponent in EXPONENTS},
    **{f"half-life {days:g} d": half_life(days) for days in (2, 3, 5, 10, 20)},
}
"""The ways in which plays may fade: as production has it for the person, or alike for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForetoldDay:
    """Of one person's plays on one day, how many each way of fading foretold."""

    day: datetime
    plays: int
    foretold: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysReport:
    """All days of everybody, by person, and the ways of fading that were tried."""

    people: Mapping[str, Sequence[ForetoldDay]]
    decays: Sequence[str]

    def share(self, person: str, decay: str) -> float:
        """The share of the person's plays that was foretold."""
        days = self.people[person]
        return sum(day.foretold[decay] for day in days) / sum(day.plays for day in days)

    def figures(self) -> dict[str, float]:
        """The mean share over people, by way of fading.

        With several people there is also the way that is best for all others, so that nobody
        has a say in what is tried on them.
        """
        figures = {
            decay: _mean(self.share(person, decay) for person in self.people)
            for decay in self.decays
        }
        if len(self.people) > 1:
            figures[OF_OTHERS] = _mean(
                self.share(person, self._best_for_others(person)) for person in self.people
            )
        return figures

    def as_json(self) -> str:
        """One line: the figures, and on how much they rest."""
        record = {
            "days": sum(map(len, self.people.values())),
            "people": len(self.people),
            "foretold": {name: round(share, 6) for name, share in self.figures().items()},
        }
        return json.dumps(record)

    def _best_for_others(self, person: str) -> str:
        others = [one for one in self.people if one != person]
        alike = [decay for decay in self.decays if decay != PERSONAL]
        return max(alike, key=lambda decay: _mean(self.share(one, decay) for one in others))


def evaluate_days(folder: Path, decays: Mapping[str, Decay | None] = DECAYS) -> DaysReport:
    """The figures for everybody in a folder with ``plays.csv``.

    Raises:
        DatasetMissing: there is no such file, or not what it should hold; the text says which.
    """
    return foretold_days(plays_by_person(folder / PLAYS_FILE), decays)


def foretold_days(
    plays: Mapping[str, Sequence[Play]], decays: Mapping[str, Decay | None] = DECAYS
) -> DaysReport:
    """The figures for these people; who has too few days of listening is left out."""
    people = {person: list(_days_of(theirs, decays)) for person, theirs in sorted(plays.items())}
    return DaysReport(
        people={person: days for person, days in people.items() if days}, decays=tuple(decays)
    )


def table(report: DaysReport) -> str:
    """The figures as people read them, best first."""
    count = sum(map(len, report.people.values()))
    what = f"plays of a day by the {FORETELLING} strongest artists of that morning's profile"
    ordered = sorted(report.figures().items(), key=lambda figure: (-figure[1], figure[0]))
    lines = [f"{what}; {count} days of {len(report.people)} people", ""]
    return "\n".join([*lines, *(f"{name:<20} {share:.4f}" for name, share in ordered)])


def plays_by_person(path: Path) -> dict[str, list[Play]]:
    """Timed plays as the file tells them, by person, oldest first; without a zone, UTC is meant.

    Raises:
        DatasetMissing: there is no such file, or a column or a moment is no such thing.
    """
    if not path.is_file():
        raise DatasetMissing(f"{path.parent} holds no {path.name}")
    people: dict[str, list[Play]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if absent:
            raise DatasetMissing(f"{path.name} has no column {', '.join(absent)}")
        for row in reader:
            person, played_at, artist, title = (row[name] or "" for name in COLUMNS)
            try:
                moment = datetime.fromisoformat(played_at)
            except ValueError:
                raise DatasetMissing(
                    f"{path.name}, line {reader.line_num}: {played_at!r} is no moment"
                ) from None
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            people.setdefault(person, []).append(_play(artist, title, aware))
    return {
        person: sorted(plays, key=lambda play: (play.played_at, play.track.spotify_id))
        for person, plays in people.items()
    }


def _days_of(plays: Sequence[Play], decays: Mapping[str, Decay | None]) -> Iterator[ForetoldDay]:
    """Every day with plays after the first two weeks; ``plays`` come oldest first."""
    if not plays:
        return
    midnight = plays[0].played_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    morning = midnight + MADE_AT + timedelta(days=DAYS_BEFORE)
    while morning <= plays[-1].played_at:
        known = bisect_left(plays, morning, key=_moment)
        until = bisect_left(plays, morning + timedelta(days=1), key=_moment)
        if 0 < known < until:
            yield _day(plays[:known], plays[known:until], morning, decays)
        morning += timedelta(days=1)


def _day(
    before: Sequence[Play],
    played: Sequence[Play],
    morning: datetime,
    decays: Mapping[str, Decay | None],
) -> ForetoldDay:
    artists = [artist_key(play.track.artist) for play in played]
    foretold = {}
    for name, decay in decays.items():
        profile = seed_profile(likes=(), plays=before, decay=decay, now=morning)
        strongest = {seed.key for seed in profile.artists[:FORETELLING]}
        foretold[name] = sum(artist in strongest for artist in artists)
    return ForetoldDay(day=morning, plays=len(played), foretold=foretold)


def _play(artist: str, title: str, played_at: datetime) -> Play:
    name = f"{artist}\t{title}"
    track = Track(spotify_id=name, uri=f"spotify:track:{name}", title=title, artists=(artist,))
    return Play(track=track, played_at=played_at)


def _moment(play: Play) -> datetime:
    return play.played_at


def _mean(shares: Iterable[float]) -> float:
    every = list(shares)
    return sum(every) / len(every) if every else 0.0
