"""What a list sounds like, in the few words a title may use: styles and moods out of artists' tags.

Tags are free text that anybody may write, so only known ones are ever repeated (allowlist); the
words people read are the catalogues' (``style``, ``mood``). How a title is put together is
``playlists.title``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from vibe_pipeline.ranking.evidence import blended
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.steering import Steer, squashed
from vibe_pipeline.ranking.tag_profile import TagBag, tag_bags, tag_shares
from vibe_pipeline.records import Ranked

Voice = tuple[float, TagBag]
"""How loud, and what it says."""

STYLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "alternative": ("alternative", "alternative rock", "alt rock", "alt-rock"),
        "ambient": ("ambient", "drone", "dark ambient", "ambient pop", "new age"),
        "blues": ("blues", "delta blues", "blues rock", "electric blues"),
        "bossa_nova": ("bossa nova", "bossanova", "samba", "mpb"),
        "chanson": ("chanson", "french pop", "chanson francaise", "chanson française"),
        "classical": ("classical", "contemporary classical", "baroque", "opera", "neoclassical"),
        "country": ("country", "americana", "alt-country", "bluegrass", "alt country"),
        "disco": ("disco", "nu disco", "nu-disco", "italo disco"),
        "dream_pop": ("dream pop", "dreampop", "dream-pop", "ethereal"),
        "drum_and_bass": ("drum and bass", "drum n bass", "dnb", "drum & bass", "jungle"),
        "dub": ("dub", "dub techno"),
        "electronic": (
            "electronic",
            "electronica",
            "idm",
            "electro",
            "glitch",
            "industrial",
            "ebm",
            "dubstep",
            "indietronica",
            "futurepop",
        ),
        "folk": ("folk", "indie folk", "folk rock", "freak folk", "neofolk"),
        "funk": ("funk", "p-funk", "funky"),
        "garage_rock": ("garage rock", "garage", "surf", "surf rock", "rockabilly"),
        "grunge": ("grunge", "post-grunge"),
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
            "deathcore",
            "grindcore",
            "stoner rock",
        ),
        "new_wave": ("new wave", "coldwave", "minimal wave"),
        "piano": ("piano",),
        "pop": (
            "pop",
            "pop rock",
            "electropop",
            "europop",
            "powerpop",
            "k-pop",
            "j-pop",
            "britpop",
        ),
        "post_punk": ("post-punk", "post punk", "postpunk", "darkwave", "gothic rock"),
        "post_rock": ("post-rock", "post rock", "math rock", "slowcore"),
        "progressive_rock": ("progressive rock", "prog rock", "progressive", "krautrock"),
        "psychedelic_rock": ("psychedelic rock", "psychedelic", "psych rock", "neo-psychedelia"),
        "punk": (
            "punk",
            "punk rock",
            "hardcore punk",
            "hardcore",
            "post-hardcore",
            "emo",
            "screamo",
            "pop punk",
            "pop-punk",
        ),
        "reggae": ("reggae", "ska", "rocksteady", "dancehall", "roots reggae"),
        "rembetiko": ("rembetiko", "rebetiko", "rembetika"),
        "rnb": ("rnb", "r&b", "r and b", "contemporary r&b", "rhythm and blues"),
        "rock": ("rock", "classic rock", "hard rock", "rock and roll", "rock n roll", "visual kei"),
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
_SPREAD = 0.3
"""What a style must have of the strongest to be kept beside it."""
_BETWEEN = " – "
"""Between a seed's artist and its track."""
_MOST_WORDS = 4
_FAMILIES = frozenset(
    [
        "ambient",
        "blues",
        "country",
        "disco",
        "dub",
        "folk",
        "funk",
        "house",
        "jazz",
        "metal",
        "pop",
        "punk",
        "rap",
        "reggae",
        "rock",
        "soul",
        "techno",
        "trance",
    ]
)
"""Words that say what a kind of music is, whatever stands before them."""
_OWN, _SEED, _BESIDE = 1.0, 0.5, 0.25
"""What a track's voice counts: by its artist's own tags, its seed's, others' of that seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """What a list sounds like: names of ``STYLES`` and ``MOODS``, the strongest first."""

    styles: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()


def flavour_of(ranked: Iterable[Ranked], wishes: Iterable[Steer] = ()) -> Flavour:
    """What the chosen among these sound like; tags of an artist count for all their tracks.

    Where nobody knows those, the seed's speak for the track, and where not even those are known,
    what is known of others that the same seed brought: a first list is made before many were
    asked about. What is chosen more than it was proposed comes before what is proposed to this
    person every day. Nothing is called by what its person wishes less of. Ties go to the smaller
    name, so the same list always sounds the same.
    """
    less = frozenset(tag for wish in wishes if wish.weight < 0 for tag in wish.tags)
    considered = list(ranked)
    bags = tag_bags(entry.candidate for entry in considered)
    by_seed = _by_seed(considered, bags)
    chosen = [_voice(entry, bags, by_seed) for entry in considered if entry.position is not None]
    usual = [(_OWN, bag) for bag in bags.values()]
    return Flavour(
        styles=_strongest(chosen, usual, _without(less, style_of, STYLES)),
        moods=_strongest(chosen, usual, _without(less, mood_of, MOODS)),
    )


def _without(
    less: frozenset[str],
    name_of: Callable[[str], str | None],
    spellings: Mapping[str, Sequence[str]],
) -> Callable[[str], str | None]:
    """The same namer, silent of what is wished less of, by this tag or by its name's first."""

    def namer(tag: str) -> str | None:
        name = name_of(tag)
        if name is None or squashed(tag) in less or squashed(spellings[name][0]) in less:
            return None
        return name

    return namer if less else name_of


def style_of(tag: str) -> str | None:
    """Our name of the style a tag speaks of; of a kind we have no name for, that of its family.

    "symphonic metal" is metal: what a kind of music is, stands last in its name.
    """
    plain = tag.casefold().strip()
    return _STYLE_OF.get(plain) or _family(plain)


def mood_of(tag: str) -> str | None:
    """Our name of the mood a tag speaks of."""
    return _MOOD_OF.get(tag.casefold().strip())


def _family(tag: str) -> str | None:
    """The style that a name of a few words ends in; a longer one is somebody's sentence."""
    words = tag.replace("-", " ").split()
    if not 1 < len(words) <= _MOST_WORDS:
        return None
    two = _STYLE_OF.get(" ".join(words[-2:])) if len(words) > 2 else None
    return two or (_STYLE_OF.get(words[-1]) if words[-1] in _FAMILIES else None)


def _by_tag(names: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    return MappingProxyType({tag: name for name, tags in names.items() for tag in tags})


_STYLE_OF: Final = _by_tag(STYLES)
_MOOD_OF: Final = _by_tag(MOODS)


def _by_seed(
    considered: Iterable[Ranked], bags: Mapping[str, TagBag]
) -> Mapping[str, Sequence[TagBag]]:
    """The bags of all that each seed brought, each artist's once."""
    brought: defaultdict[str, set[str]] = defaultdict(set)
    for entry in considered:
        if entry.candidate.artist_key in bags:
            brought[_seed_artist(entry)].add(entry.candidate.artist_key)
    return {seed: [bags[artist] for artist in sorted(brought[seed])] for seed in brought}


def _voice(
    entry: Ranked, bags: Mapping[str, TagBag], by_seed: Mapping[str, Sequence[TagBag]]
) -> Voice:
    """What is known of a track's sound, nearest first; an empty bag where nothing is."""
    artist, seed = entry.candidate.artist_key, _seed_artist(entry)
    if artist in bags:
        return _OWN, bags[artist]
    if seed in bags:
        return _SEED, bags[seed]
    return _BESIDE, blended((1.0, bag) for bag in by_seed.get(seed, ()))


def _seed_artist(entry: Ranked) -> str:
    """The key of the artist whom a seed names, with or without a track of theirs."""
    return artist_key(entry.seed.partition(_BETWEEN)[0])


def _strongest(
    voices: Iterable[Voice], usual: Iterable[Voice], name_of: Callable[[str], str | None]
) -> tuple[str, ...]:
    """Those that carry the list, first what it has more of than all that was proposed.

    The strongest comes first all the same: a list is called by what most of it is.
    """
    strength, everywhere = _shares(voices, name_of), _shares(usual, name_of)
    order = sorted(strength, key=lambda name: (-strength[name], name))
    least = _SPREAD * strength[order[0]] if order else 0.0
    others = sorted(
        (name for name in order[1:] if strength[name] >= least),
        key=lambda name: (-(strength[name] ** 2) / everywhere[name], name),
    )
    return (*order[:1], *others)[:NAMED]


def _shares(voices: Iterable[Voice], name_of: Callable[[str], str | None]) -> dict[str, float]:
    """What part of all that is said speaks of each name.

    Each voice is shared among the names that its tags speak of.
    """
    heard: defaultdict[str, list[float]] = defaultdict(list)
    for loudness, bag in voices:
        known = [(name, weight) for tag, weight in bag.items() if (name := name_of(tag))]
        whole = math.fsum(weight for _, weight in known)
        for name, weight in known:
            heard[name].append(loudness * weight / whole)
    return tag_shares({name: math.fsum(parts) for name, parts in heard.items()})
