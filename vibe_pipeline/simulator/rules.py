"""Which rules the simulated services keep; a test or the operator of a demo may change them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

Regime = Literal["A", "B", "C"]


class RuleUnknown(ValueError):
    """A rule that does not exist, or a value that it cannot have."""


def read_regime(value: object) -> Regime:
    """A, B or C; anything else is refused."""
    for regime in get_args(Regime):
        if value == regime:
            return regime  # type: ignore[no-any-return]
    raise RuleUnknown("the regime is A, B or C")


@dataclass(slots=True, kw_only=True)
class Rules:
    """Limits and moods; the defaults are those of a new Spotify development app.

    ``likes_per_person``: how many songs whoever is seen for the first time has saved, where the
    world can give them that many; 0 leaves it to the world. ``likes_overcounted``: so many more are
    counted than any page shows. ``labs_wrong_share``: of how many
    recordings ListenBrainz labs names a Spotify id that is another's, or nobody's.
    """

    regime: Regime = "C"
    allowlist_limit: int = 5
    owner_has_premium: bool = True
    spotify_per_window: int = 180
    spotify_window_seconds: float = 30.0
    spotify_covers_per_window: int = 10
    spotify_covers_window_seconds: int = 60
    spotify_quota: int = 1000
    spotify_quota_retry_after: int = 48_925
    access_token_seconds: int = 3600
    refresh_token_days: int = 183
    code_seconds: int = 600
    pkce_rotates: bool = False
    lastfm_per_second: float = 5.0
    lastfm_burst: int = 25
    musicbrainz_per_second: float = 1.0
    musicbrainz_burst: int = 5
    labs_per_window: int = 30
    labs_window_seconds: float = 5.0
    limits_enforced: bool = True
    likes_per_person: int = 0
    likes_overcounted: int = 0
    labs_wrong_share: float = 0.0

    def change(self, changes: dict[str, Any]) -> None:
        """Set some of them at once; none is changed when one is wrong."""
        known = {rule.name: type(getattr(self, rule.name)) for rule in fields(self)}
        checked: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in known:
                raise RuleUnknown(f"there is no rule {name}; there are {', '.join(sorted(known))}")
            if name == "regime":
                checked[name] = read_regime(value)
            elif known[name] is bool and isinstance(value, bool):
                checked[name] = value
            elif known[name] in {int, float} and isinstance(value, int | float):
                checked[name] = known[name](value)
            else:
                raise RuleUnknown(f"{name} cannot be {value!r}")
        for name, value in checked.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """All rules by name."""
        return {rule.name: getattr(self, rule.name) for rule in fields(self)}
