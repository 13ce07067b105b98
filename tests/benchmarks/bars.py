"""What must hold on two cores, by the name of the figure: bars, and what is aimed at.

Ratios decide, because they travel from one machine to another; seconds are those of two cores.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.benchmarks.figures import Bar, Beside

WARM_LIST = "warm list, message to link"
WARM_SPOTIFY = "warm list, Spotify calls"
WARM_OTHERS = "warm list, calls to other services"
FIRST_LIST = "first list of 2,000 likes, asked after 10 s"
FIRST_SPOTIFY = "first list, Spotify calls since connecting"
IDLE_CHECK = "looking for news when there are none, Spotify calls"
ORCHESTRATION = "orchestration alone (pace 100, no latency)"
CROWD_ANSWER = "20 at once, first answer"
CROWD_SILENCE = "20 at once, longest silence of each"
CROWD_LIST = "20 at once, each list"
CROWD_ORDER = "20 at once, served out of order"
NIGHT = "night of 100, whole"
NIGHT_FAILURES = "night of 100, failures"
NIGHT_CPU = "night of 100, CPU of each list"
NIGHT_MEMORY = "night of 100, peak memory (PSS)"
NIGHT_VISITOR = "a list asked for while everybody's night is under way"
GROWTH = "warehouse of 1,000 people, one run's reads and writes"
IDLE_MEMORY = "idle, memory (PSS)"
IDLE_CPU = "idle, CPU"
START = "start to first list possible"
RANKING = "ranking 5,000 candidates"
BOT_ALONE = "bot, answer to one chat"
BOT_BUSY = "bot, answer with 200 chats active"
BOT_MEMORY = "bot, memory with 200 chats (RSS)"

BARS: Mapping[str, tuple[Bar, ...]] = {
    WARM_LIST: (
        Bar(most=0.35, aim=0.2, beside=Beside.PLAIN),
        Bar(most=4.5, aim=2.5),
        Bar(most=6, aim=2.5, statistic="p95"),
    ),
    WARM_SPOTIFY: (Bar(most=4, aim=3, statistic="most"),),
    WARM_OTHERS: (Bar(most=0, aim=0, statistic="most"),),
    FIRST_LIST: (Bar(most=0.8, aim=0.4, beside=Beside.PLAIN), Bar(most=10, aim=5)),
    FIRST_SPOTIFY: (Bar(most=60, aim=30, statistic="most"),),
    IDLE_CHECK: (Bar(most=2, aim=1, statistic="most"),),
    ORCHESTRATION: (Bar(most=0.5, aim=0.3, beside=Beside.STOCK),),
    CROWD_ANSWER: (Bar(most=1, aim=1, statistic="most"),),
    CROWD_SILENCE: (Bar(most=15, aim=15, statistic="most"),),
    CROWD_LIST: (Bar(most=60, aim=30, statistic="most"),),
    CROWD_ORDER: (Bar(most=0, aim=0, statistic="most"),),
    NIGHT: (Bar(most=360, aim=120),),
    NIGHT_FAILURES: (Bar(most=0, aim=0, statistic="most"),),
    NIGHT_CPU: (Bar(most=3.5, aim=3.5),),
    NIGHT_MEMORY: (Bar(most=1536, aim=1024, statistic="most"),),
    GROWTH: (Bar(most=300, aim=100), Bar(most=1.5, aim=1.5, beside=Beside.EMPTY)),
    IDLE_MEMORY: (Bar(most=650, aim=450),),
    IDLE_CPU: (Bar(most=3, aim=1),),
    START: (Bar(most=12, aim=8),),
    RANKING: (Bar(most=150, aim=150),),
}
