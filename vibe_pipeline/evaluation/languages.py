"""Who sings in another language than English, as far as tags tell: words for languages and places.

A proxy: people name what is unusual to them. What language a title is in, or what script, is not
looked at; normalising text is ``ranking.text_normalization``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from vibe_pipeline.evaluation.dataset import Bools

MOSTLY = 0.25
"""So much of what an artist is called must be such words."""
_WORDS = re.compile(
    r"\b(french|fran[cç]ais\w*|chanson|bra[sz]il\w*|mpb|samba|portugu\w*|spanish|espa[nñ]ol\w*|latin"
    r"|mexic\w*|argentin\w*|german|deutsch\w*|polish|polsk\w*|russian|русск\w*|j-?pop|j-?rock|japanese"
    r"|k-?pop|korean|turkish|t[uü]rk[cç]e|greek|italian\w*|finnish|suomi\w*|swedish|czech|hungarian"
    r"|serbian|croatian|balkan|hebrew|arabic|chinese|mandarin|bulgarian|romanian|ukrainian"
    r"|visual kei|anime)\b",
    re.IGNORECASE,
)


def in_other_languages(tags: Sequence[Mapping[int, float]], names: Sequence[str]) -> Bools:
    """By artist, whether such words weigh much in its tags; ``names`` by number of the tag."""
    telling = [_WORDS.search(name) is not None for name in names]
    shares = [
        sum(weight for tag, weight in bag.items() if telling[tag]) / (sum(bag.values()) or 1.0)
        for bag in tags
    ]
    return np.array(shares) > MOSTLY
