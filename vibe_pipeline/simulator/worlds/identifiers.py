"""Ids of the right look that also say whose they are.

A world may hold a hundred thousand tracks and makes an artist's only when somebody asks. So each
id carries its artist's number, scrambled: to find a track, read the number, make that artist's
records, and look whether the id is among them.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

_BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = tuple(one + other for one in _BASE62 for other in _BASE62)
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOW = (1 << 32) - 1
_REGISTRANTS = 36**3
_COUNTRIES = ("QZ", "QM", "QT", "GB", "SE", "NL", "UA", "DE")
_SCRAMBLE = 17_569
_MIX = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835


def _digest(*parts: object) -> int:
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")


def _mask(top: int) -> int:
    """What an owner's number is hidden behind: any change of the rest changes it."""
    return (top * _MIX >> 48) & _LOW


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Mints ids for one world, and reads the artist's number out of any id."""

    seed: int

    def number(self, *parts: object) -> int:
        """A large number that depends on the seed and the parts only."""
        return _digest(self.seed, *parts)

    def share(self, *parts: object) -> float:
        """A number from 0 up to 1 that depends on the seed and the parts only."""
        return (_digest(self.seed, *parts) >> 64) / float(1 << 64)

    def spotify(self, kind: str, owner: int, *parts: object) -> str:
        """Twenty-two letters and digits, as Spotify's ids are."""
        top = self.number(kind, owner, *parts) >> 32
        value = (top << 32) | ((owner & _LOW) ^ _mask(top))
        pairs: list[str] = []
        for _ in range(11):
            value, rest = divmod(value, 3844)
            pairs.append(_PAIRS[rest])
        return "".join(reversed(pairs))

    def mbid(self, kind: str, owner: int, *parts: object) -> str:
        """A version 4 UUID, as MusicBrainz' ids are."""
        digest = self.number("mbid", kind, owner, *parts)
        top = (digest >> 32) & ~(0xF << 44) | (4 << 44)
        top = top & ~(0b11 << 30) | (0b10 << 30)
        return str(uuid.UUID(int=(top << 32) | ((owner & _LOW) ^ _mask(top))))

    def isrc(self, owner: int, year: int, number: int) -> str:
        """Country, registrant (the artist), year and a running number."""
        country, registrant = divmod(owner, _REGISTRANTS)
        scrambled = registrant * _SCRAMBLE % _REGISTRANTS
        letters = ""
        for _ in range(3):
            scrambled, rest = divmod(scrambled, 36)
            letters = _BASE36[rest] + letters
        designation = number * 37 + self.number("isrc", owner) % 30
        return f"{_COUNTRIES[country % len(_COUNTRIES)]}{letters}{year % 100:02d}{designation:05d}"


def owner_of_spotify_id(text: str) -> int | None:
    """The artist's number in a Spotify id, if it can be one; whether it is, the artist knows."""
    if len(text) != 22 or not text.isascii() or not text.isalnum():
        return None
    value = 0
    for letter in text:
        value = value * 62 + _BASE62.index(letter)
    return (value & _LOW) ^ _mask(value >> 32)


def owner_of_mbid(text: str) -> int | None:
    """The artist's number in an MBID, if it can be one."""
    try:
        value = uuid.UUID(text).int
    except ValueError:
        return None
    return (value & _LOW) ^ _mask(value >> 32)


def owner_of_isrc(text: str) -> int | None:
    """The artist's number in an ISRC, if it can be one."""
    code = text.upper().replace("-", "")
    if len(code) != 12 or code[:2] not in _COUNTRIES or any(c not in _BASE36 for c in code[2:5]):
        return None
    scrambled = int(code[2:5], 36)
    registrant = scrambled * pow(_SCRAMBLE, -1, _REGISTRANTS) % _REGISTRANTS
    return _COUNTRIES.index(code[:2]) * _REGISTRANTS + registrant
