"""What somebody played again and again years ago, and not since: rediscovery from real history.

Asks nobody: plays were counted by recording when they were read. Likes that rest are
``rediscovered_likes``'.
"""

from __future__ import annotations

import math
from datetime import timedelta

from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.records import Pool, PoolState, Proposal, Source
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of
from vibe_pipeline.warehouse.listening_history import HeardRecording

SOURCE = Source.LOVED_ONCE

LOVED_AFTER = 8
"""So many plays, most of them in one year or two, are more than chance."""
FORGOTTEN_AFTER = timedelta(days=365)
MOST = 150
_PER_ARTIST = 4


async def propose(context: SourceContext) -> Pool:
    """Recordings by how much they were loved; what was played lately anywhere is left out."""
    if not context.once_heard:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_HISTORY)
    lately = {recording_key(play.track.artist, play.track.title) for play in context.plays}
    forgotten = [one for one in context.once_heard if one.key not in lately]
    of_artist: dict[str, int] = {}
    proposals: list[Proposal] = []
    most = max((one.plays for one in forgotten), default=1)
    for heard in forgotten:
        of_artist[heard.artist_key] = of_artist.get(heard.artist_key, 0) + 1
        if of_artist[heard.artist_key] <= _PER_ARTIST:
            proposals.append(_proposal(heard, most, rank=len(proposals) + 1))
    return pool_of(SOURCE, proposals, most=MOST)


def _proposal(heard: HeardRecording, most: int, *, rank: int) -> Proposal:
    """The seed is the year, for the sentence that tells why."""
    return Proposal(
        source=SOURCE,
        artist=heard.artist,
        title=heard.title,
        seed=str(heard.best_year),
        match=math.log1p(heard.plays) / math.log1p(most),
        rank=rank,
        spotify_id=heard.spotify_id,
        mbid=heard.mbid,
    )
