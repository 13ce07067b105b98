"""Namings in many scripts, with credits, signs and codes: told apart as lists tell them apart."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.records import Pool, PoolState, Proposal, Source

DATA = Path(__file__).parent / "data"
PAIRS = ("identity_pairs_many_scripts.csv", "identity_pairs_unseen.csv")
"""Written before, and after, the ways of telling them apart were mended."""
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")


def labelled(path: Path) -> list[dict[str, str]]:
    """The pairs; what cannot be seen stands in the file as ``\\u200b``."""
    text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), path.read_text(encoding="utf-8"))
    return list(csv.DictReader(text.splitlines()))


def proposal(source: Source, artist: str, title: str, isrc: str) -> Proposal:
    return Proposal(
        source=source, artist=artist, title=title, seed="", match=1.0, rank=1, isrc=isrc or None
    )


def merged(row: dict[str, str]) -> bool:
    """Whether two sources that say this propose one candidate."""
    one = proposal(Source.LISTENBRAINZ, row["artist"], row["title"], row["isrc"])
    other = proposal(
        Source.LASTFM_SIMILAR_ARTISTS, row["other_artist"], row["other_title"], row["other_isrc"]
    )
    pools = [
        Pool(source=named.source, proposals=(named,), state=PoolState.OFFERED)
        for named in (one, other)
    ]
    return [len(one.proposals) for one in merge(pools)] == [2]


def figures(rows: list[dict[str, str]]) -> tuple[float, float]:
    """Precision and recall, printed with every pair that is judged wrongly."""
    judged = [(row, row["same"] == "1", merged(row)) for row in rows]
    counts = Counter((same, one) for _, same, one in judged)
    precision = counts[True, True] / max(1, counts[True, True] + counts[False, True])
    recall = counts[True, True] / (counts[True, True] + counts[True, False])
    print(f"\nidentity: {len(rows)} pairs, precision {precision:.3f}, recall {recall:.3f}")  # noqa: T201
    for row, same, one in judged:
        if same != one:
            print("  " + " | ".join(row.values()))  # noqa: T201
    return precision, recall


@pytest.mark.parametrize("pairs", PAIRS)
def test_pairs_in_many_scripts_are_told_apart(
    pairs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        precision, recall = figures(labelled(DATA / pairs))

    assert precision >= 0.995
    assert recall >= 0.95
