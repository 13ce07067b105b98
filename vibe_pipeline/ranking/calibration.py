"""The whole person in a list: every seed carries about as much of it as it weighs, and no more.

Calibrated recommendation after Steck (RecSys 2018), as greedy highest averages (D'Hondt): whoever
is carried by seeds that had their share already waits a little, and whoever brings tags of the
taste that the list lacks comes sooner. What one more track changes of the divergence (KL) of a
list's tags from the taste shrinks with the list's length, so what it is worth grows with the square
of that: the first tracks come by their score, and the further the list, the more it makes up for
what it lacks. Common tags count here as much as rare ones, unlike in scores: a list is heard whole.
Scores are not touched, only the order in which candidates are asked onto the list, and which of
the seeds that carry a track is named for it.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vibe_pipeline.ranking.evidence import said_by_seed
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.ranking.tag_profile import tag_bags, tag_shares, taste_in_tags
from vibe_pipeline.records import Candidate, Ranked, SeedProfile

_REACH = 4
"""So many times a list's length are put in order; what comes after stays as it was ranked."""
_LONG = 30
"""A list of so many tracks has room for every kind; in a shorter one tags weigh less."""
_PRIOR = 1.0
"""So many tracks just like the taste count as on the list before the first."""
_LOUD = 0.5
"""A seed may be named as the reason that says at least half of what the loudest says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Whose seed it is, by every name a source may call it, and what each weighs."""

    owner: Mapping[str, str]
    weights: Mapping[str, float]
    quotas: Mapping[str, float]

    @classmethod
    def of(cls, profile: SeedProfile, weights: Mapping[str, float]) -> Seeds:
        """``weights`` by name as ``score.seed_weights`` gives them; quotas add up to 1."""
        owner = {
            name: artist.key for artist in profile.artists for name in (artist.name, artist.key)
        }
        for track in profile.tracks:
            whose = artist_key(track.artist)
            owner |= {f"{track.artist} – {track.title}": whose, track.key: whose}
        total = math.fsum(artist.weight for artist in profile.artists) or 1.0
        quotas = {artist.key: artist.weight / total for artist in profile.artists}
        return cls(owner=owner, weights=weights, quotas=quotas)

    def carrying(self, entry: Ranked, policy: Policy) -> dict[str, float]:
        """By seed as it is told, its part in what carries this candidate; the parts add up to 1."""
        said: dict[str, float] = {}
        for proposal in entry.candidate.proposals:
            if proposal.source is not entry.source:
                continue
            if proposal.votes:
                heard = said_by_seed(proposal.votes, self.weights, policy)
                said |= {seed: max(value, said.get(seed, 0.0)) for seed, value in heard.items()}
            else:
                value = self.weights.get(proposal.seed, 0.3) * proposal.match
                said[proposal.seed] = max(value, said.get(proposal.seed, 0.0))
        whole = math.fsum(said.values())
        return {seed: value / whole for seed, value in said.items()} if whole else {entry.seed: 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The person's taste in tags, and by artist what share of them each tag has."""

    taste: Mapping[str, float]
    shares: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, candidates: Iterable[Candidate], profile: SeedProfile, policy: Policy) -> Tags:
        """The tags of everybody who is proposed."""
        bags = tag_bags(candidates, place_power=policy.tag_place, rarity_power=policy.tag_rarity)
        shares = {artist: tag_shares(bag) for artist, bag in bags.items()}
        return cls(taste=taste_in_tags(bags, profile), shares=shares)


def calibrated(
    entries: Sequence[Ranked],
    seeds: Seeds,
    policy: Policy,
    *,
    size: int,
    tags: Tags | None = None,
    beside: Iterable[Ranked] = (),
    parts: dict[str, dict[str, float]] | None = None,
) -> list[Ranked]:
    """The same entries, best first, in an order in which no seed carries far more than its part.

    Those ``beside`` them are on the list already. An artist beyond the cap takes no part, for it
    will not come onto the list. ``parts``, by candidate's key what each seed carries of it, is
    filled on the way and may be given again for the same seeds and candidates.
    """
    if max(policy.seed_balance, policy.tag_balance, policy.tag_calibration) <= 0:
        return list(entries)
    balance = _Balance(seeds, tags or Tags(taste={}, shares={}), policy, size, parts)
    for listed in beside:
        balance.add(listed)
    waiting = _Waiting(entries, balance)
    taken: list[Ranked] = []
    led: Counter[str] = Counter()
    while len(taken) < _REACH * size and (entry := waiting.best()) is not None:
        taken.append(entry)
        led[entry.candidate.artist_key] += 1
        if led[entry.candidate.artist_key] <= policy.artist_cap:
            balance.add(entry)
    chosen = {entry.candidate.key for entry in taken}
    return taken + [entry for entry in entries if entry.candidate.key not in chosen]


class _Waiting:
    """The entries that are not yet taken, by artist; lazily evaluated (accelerated greedy).

    What an entry is worth by its seeds only falls, and so does what an artist's tags bring; how
    much the tags count grows with the list. So the last known of both, at today's weight, is never
    less than the truth, and only who seems best is looked at anew.
    """

    def __init__(self, entries: Sequence[Ranked], balance: _Balance) -> None:
        self._balance = balance
        self._by_artist: dict[str, list[tuple[float, int, int, Ranked]]] = {}
        for entry in entries:
            queue = self._by_artist.setdefault(entry.candidate.artist_key, [])
            queue.append((-balance.by_seeds(entry), entry.rank, balance.listed, entry))
        for queue in self._by_artist.values():
            heapq.heapify(queue)
        self._brought = {
            artist: (balance.lacking(artist), balance.listed) for artist in self._by_artist
        }
        self._weight = balance.tag_weight
        self._bounds = self._ordered()

    def best(self) -> Ranked | None:
        """Who is worth most now, of equals the one ranked higher; taken away from here."""
        if self._weight != self._balance.tag_weight:
            self._weight = self._balance.tag_weight
            self._bounds = self._ordered()
        bounds, now = self._bounds, self._balance.listed
        while bounds:
            artist = bounds[0][2]
            queue = self._by_artist[artist]
            _, _, seen, entry = queue[0]
            if seen == self._brought[artist][1] == now:
                self._take(artist)
                return entry
            if seen < now:
                worth = -self._balance.by_seeds(entry)
                heapq.heapreplace(queue, (worth, entry.rank, now, entry))
            if self._brought[artist][1] < now:
                self._brought[artist] = self._balance.lacking(artist), now
            heapq.heapreplace(bounds, self._bound(artist))
        return None

    def _ordered(self) -> list[tuple[float, int, str]]:
        """The bounds of everybody at today's weight, as a heap; they stay until it changes."""
        weight, brought = self._weight, self._brought
        bounds = [
            (queue[0][0] - weight * brought[artist][0], queue[0][1], artist)
            for artist, queue in self._by_artist.items()
        ]
        heapq.heapify(bounds)
        return bounds

    def _bound(self, artist: str) -> tuple[float, int, str]:
        """No less than what the artist's best is worth, the sign turned for the heap."""
        worth, rank, _, _ = self._by_artist[artist][0]
        return worth - self._weight * self._brought[artist][0], rank, artist

    def _take(self, artist: str) -> None:
        """The best of the artist whose bound is the first is no longer waiting."""
        queue = self._by_artist[artist]
        heapq.heappop(queue)
        if queue:
            heapq.heapreplace(self._bounds, self._bound(artist))
        else:
            del self._by_artist[artist]
            heapq.heappop(self._bounds)


class _Balance:
    """How much of a list each seed carries so far."""

    def __init__(
        self,
        seeds: Seeds,
        tags: Tags,
        policy: Policy,
        size: int,
        parts: dict[str, dict[str, float]] | None = None,
    ) -> None:
        self._seeds = seeds
        self._tags = tags
        self._covered: defaultdict[str, float] = defaultdict(float)
        self._policy = policy
        self._size = size
        self._carried: defaultdict[str, float] = defaultdict(float)
        self._weighed: dict[str, float] = {}
        self._parts = {} if parts is None else parts
        self.listed = 0
        self._described = 0
        self._weighs_tags = max(policy.tag_balance, policy.tag_calibration) > 0

    @property
    def tag_weight(self) -> float:
        """What the tags that the list lacks are worth by now."""
        size = min(self._size, _LONG)
        listed = min(self.listed, size)
        room = math.pow(size / _LONG, self._policy.tag_short_lists)
        return self._policy.tag_balance + self._policy.tag_calibration * listed**2 * room

    def by_seeds(self, entry: Ranked) -> float:
        """The score, less what its seeds carry already beside their part."""
        weighed = self._weighed
        over = math.fsum(
            [
                part * weighed[whose]
                for whose, part in self._parts_of(entry).items()
                if whose in weighed
            ]
        )
        return entry.score - self._policy.seed_balance * over

    def add(self, entry: Ranked) -> None:
        """This one is on the list."""
        self.listed += 1
        for whose, part in self._parts_of(entry).items():
            self._carried[whose] += part
            self._weighed[whose] = math.log1p(self._carried[whose] / self._quota(whose))
        bag = self._bag(entry.candidate.artist_key)
        if bag is not None:
            self._described += 1
            for tag, share in bag.items():
                self._covered[tag] += share

    def lacking(self, artist: str) -> float:
        """How much nearer to the taste the tags of the list come with this artist.

        One whose tags nobody knows leaves them as near as they are.
        """
        if not self._weighs_tags:
            return 0.0
        bag = self._bag(artist)
        if bag is None:
            return math.log1p(1 / (_PRIOR + self._described)) if self._tags.taste else 0.0
        taste, covered = self._tags.taste, self._covered
        return math.fsum(
            taste[tag] * math.log1p(share / (_PRIOR * taste[tag] + covered[tag]))
            for tag, share in bag.items()
            if tag in taste
        )

    def _bag(self, artist: str) -> Mapping[str, float] | None:
        """The artist's tags; policies before the sixth took one without for the taste itself."""
        known = self._tags.shares.get(artist)
        return known if known or self._policy.tag_calibration else self._tags.taste

    def _quota(self, whose: str) -> float:
        return max(self._seeds.quotas.get(whose, 0.0) * self._size, 0.5)

    def _parts_of(self, entry: Ranked) -> dict[str, float]:
        key = entry.candidate.key
        if key not in self._parts:
            parts: dict[str, float] = {}
            for seed, part in self._seeds.carrying(entry, self._policy).items():
                whose = self._seeds.owner.get(seed, seed)
                parts[whose] = parts.get(whose, 0.0) + part
            self._parts[key] = parts
        return self._parts[key]


def named_seeds(order: Sequence[Ranked], seeds: Seeds, policy: Policy) -> list[str]:
    """For each track of a list the seed to be named: one that carries it, not always the same."""
    told: Counter[str] = Counter()
    named = []
    for entry in order:
        parts = seeds.carrying(entry, policy)
        loudest = max(parts.values())
        seed = min(
            (one for one, part in parts.items() if part >= _LOUD * loudest),
            key=lambda one: (-parts[one] / (1 + told[seeds.owner.get(one, one)]), one),
        )
        told[seeds.owner.get(seed, seed)] += 1
        named.append(seed)
    return named
