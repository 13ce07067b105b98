"""What a list sounds like, in the few words a title may use: styles and moods out of artists' tags.

Tags are free text that anybody may write, so only known ones are ever repeated (allowlist); the
words people read are the catalogues' (``style``, ``mood``). How a title is put together is
``playlists.title``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from vibe_pipeline.ranking.tag_profile import tag_bags
from vibe_pipeline.records import Ranked

STYLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "alternative": ("alternative", "alternative rock", "alt rock", "alt-rock"),
        "ambient": ("ambient", "drone", "dark ambient", "ambient pop"),
        "blues": ("blues", "delta blues", "blues rock", "electric blues"),
        "bossa_nova": ("bossa nova", "bossanova", "samba", "mpb"),
        "chanson": ("chanson", "french pop", "chanson francaise", "chanson française"),
        "classical": ("classical", "contemporary classical", "baroque", "opera", "neoclassical"),
        "country": ("country", "americana", "alt-country", "bluegrass", "alt country"),
        "disco": ("disco", "nu disco", "nu-disco", "italo disco"),
        "dream_pop": ("dream pop", "dreampop", "dream-pop", "ethereal"),
        "drum_and_bass": ("drum and bass", "drum n bass", "dnb", "drum & bass", "jungle"),
        "dub": ("dub", "dub techno"),
        "electronic": ("electronic", "electronica", "idm", "electro", "glitch"),
        "folk": ("folk", "indie folk", "folk rock", "freak folk", "neofolk"),
        "funk": ("funk", "p-funk", "funky"),
        "garage_rock": ("garage rock", "garage", "surf", "surf rock", "rockabilly"),
        "grunge": ("grunge",),
        "hip_hop": (
            "hip-hop",
            "hip hop",
            "hiphop",
            "rap",
            "underground hip-hop",
            "underground hip hop",
            "trap",
        ),
        "house": ("house", "deep house", "tech house", "progressive house"),
        "indie_pop": ("indie pop", "indiepop", "twee", "indie-pop"),
        "indie_rock": ("indie rock", "indie", "indie-rock"),
        "jazz": ("jazz", "bebop", "cool jazz", "free jazz", "swing", "jazz fusion", "nu jazz"),
        "latin": ("latin", "salsa", "cumbia", "bachata", "tango", "flamenco"),
        "lo_fi": ("lo-fi", "lofi", "lo fi"),
        "metal": (
            "metal",
            "heavy metal",
            "doom metal",
            "black metal",
            "death metal",
            "thrash metal",
            "progressive metal",
            "power metal",
            "metalcore",
            "stoner rock",
        ),
        "new_wave": ("new wave", "coldwave", "minimal wave"),
        "piano": ("piano",),
        "pop": ("pop", "pop rock", "electropop", "europop", "k-pop", "j-pop", "britpop"),
        "post_punk": ("post-punk", "post punk", "postpunk", "darkwave", "gothic rock"),
        "post_rock": ("post-rock", "post rock", "math rock", "slowcore"),
        "progressive_rock": ("progressive rock", "prog rock", "progressive", "krautrock"),
        "psychedelic_rock": ("psychedelic rock", "psychedelic", "psych rock", "neo-psychedelia"),
        "punk": ("punk", "punk rock", "hardcore punk", "pop punk", "pop-punk"),
        "reggae": ("reggae", "ska", "rocksteady", "dancehall", "roots reggae"),
        "rembetiko": ("rembetiko", "rebetiko", "rembetika"),
        "rnb": ("rnb", "r&b", "r and b", "contemporary r&b", "rhythm and blues"),
        "rock": ("rock", "classic rock", "hard rock", "rock and roll", "rock n roll"),
        "shoegaze": ("shoegaze", "shoegazer", "nu gaze", "nugaze", "blackgaze"),
        "singer_songwriter": ("singer-songwriter", "singer songwriter"),
        "soul": ("soul", "neo-soul", "neo soul", "northern soul", "motown", "gospel"),
        "synthpop": ("synthpop", "synth pop", "synth-pop", "synthwave", "electroclash"),
        "techno": ("techno", "minimal techno", "detroit techno"),
        "trance": ("trance", "psytrance", "goa"),
        "trip_hop": ("trip-hop", "trip hop", "triphop", "downtempo"),
        "world": ("world", "world music", "afrobeat", "ethnic"),
    }
)
"""Our name of a style, and what people who tag music call it."""

MOODS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "bright": (
            "happy",
            "sunny",
            "summer",
            "feel good",
            "fun",
            "cheerful",
            "catchy",
            "uplifting",
        ),
        "calm": (
            "calm",
            "chill",
            "chillout",
            "chill out",
            "mellow",
            "relax",
            "relaxing",
            "soft",
            "peaceful",
            "quiet",
            "easy listening",
            "lounge",
        ),
        "dark": ("dark", "gothic", "doom", "haunting", "noir", "industrial", "darkwave"),
        "deep": ("deep", "deep house", "minimal", "hypnotic", "dub techno", "meditative"),
        "dreamy": ("dreamy", "ethereal", "atmospheric", "floating", "dream pop", "shoegaze"),
        "dusty": ("oldies", "vintage", "retro", "50s", "60s", "70s", "motown", "northern soul"),
        "hazy": ("hazy", "psychedelic", "trippy", "lo-fi", "lofi"),
        "lively": ("energetic", "upbeat", "dance", "party", "workout", "fast", "driving"),
        "raw": ("raw", "noise", "noise rock", "garage", "garage rock", "heavy", "gritty"),
        "tender": ("tender", "acoustic", "beautiful", "intimate", "ballad", "gentle"),
        "warm": ("warm", "cozy", "soulful", "smooth", "romantic", "love songs", "groovy"),
        "wistful": ("melancholy", "melancholic", "sad", "bittersweet", "nostalgic", "autumn"),
    }
)
"""Our name of a mood, and the tags that speak of it."""

NAMED = 3
"""So many styles and moods are kept of a list, the strongest first."""
_SPREAD = 0.5
"""What a style must have of the strongest to be kept beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """What a list sounds like: names of ``STYLES`` and ``MOODS``, the strongest first."""

    styles: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()


def flavour_of(ranked: Iterable[Ranked]) -> Flavour:
    """What the chosen among these sound like; tags of an artist count for all their tracks.

    Ties go to the smaller name, so the same list always sounds the same.
    """
    considered = list(ranked)
    chosen = [entry.candidate.artist_key for entry in considered if entry.position is not None]
    bags = tag_bags(entry.candidate for entry in considered)
    own = [bags[artist] for artist in chosen if artist in bags]
    return Flavour(styles=_strongest(own, _STYLE_OF), moods=_strongest(own, _MOOD_OF))


def style_of(tag: str) -> str | None:
    """Our name of the style a tag speaks of."""
    return _STYLE_OF.get(tag.casefold().strip())


def mood_of(tag: str) -> str | None:
    """Our name of the mood a tag speaks of."""
    return _MOOD_OF.get(tag.casefold().strip())


def _by_tag(names: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    return MappingProxyType({tag: name for name, tags in names.items() for tag in tags})


_STYLE_OF: Final = _by_tag(STYLES)
_MOOD_OF: Final = _by_tag(MOODS)


def _strongest(bags: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> tuple[str, ...]:
    """Each track has one voice, shared among the names that its artist's tags speak of."""
    heard: defaultdict[str, list[float]] = defaultdict(list)
    for bag in bags:
        known = [(names[tag], weight) for tag, weight in bag.items() if tag in names]
        whole = math.fsum(weight for _, weight in known)
        for name, weight in known:
            heard[name].append(weight / whole)
    strength = {name: math.fsum(parts) for name, parts in heard.items()}
    order = sorted(strength, key=lambda name: (-strength[name], name))
    least = _SPREAD * strength[order[0]] if order else 0.0
    return tuple(name for name in order if strength[name] >= least)[:NAMED]
