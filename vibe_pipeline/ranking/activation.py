"""How present something heard before still is, and when a known track is due to come back.

The base-level activation of ACT-R, ``ln(sum(t ** -d))`` over the ages of all times it was heard
(Anderson and Schooler, "Reflections of the Environment in Memory", 1991), as recommenders of music
use it: Reiter-Haas et al., "Predicting Music Relistening Behavior Using the ACT-R Framework"
(RecSys 2021); PISA (Tran et al., RecSys 2024); REACTA (Tran et al., RecSys 2025). Ages are
softened by a few hours, so that what ends this minute has a bounded share.

What a person leans to, and how fast that moves, is ``taste``'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime

Decay = Callable[[float], float]
"""What something heard so many hours ago still counts, from 1 down."""

SOFTENED_HOURS = 6.0
"""What was heard within so many hours is about equally fresh."""
DUE_EXPONENT = 1.5
"""As listening to music fades (Lex, Kowald and Schedl, TISMIR 2020); memory at large has 0.5."""
DUE_DAYS = 5.0
"""What was heard once is due after so many days, what was heard ten times over after 24."""
LONG_AGO_DAYS = 730.0


def power_law(exponent: float) -> Decay:
    """Fading by a power of the age: fast at first, ever slower."""
    return lambda hours: float((1 + max(hours, 0.0) / SOFTENED_HOURS) ** -exponent)


def activation(heard_at: Iterable[datetime], now: datetime) -> float:
    """The logarithm of what all times of hearing it still count together; 0 for once, just now.

    Never heard is minus infinity.
    """
    fading = power_law(DUE_EXPONENT)
    ages = ((now - moment).total_seconds() / 3600 for moment in heard_at)
    present = math.fsum(map(fading, ages))
    return math.log(present) if present > 0 else -math.inf


def activation_after(days: float) -> float:
    """The activation of what was heard once, so many days ago."""
    return math.log(power_law(DUE_EXPONENT)(24 * days))


def is_due(activation: float, days: float = DUE_DAYS) -> bool:
    """Whether it has faded as far as what was heard once, so many days ago."""
    return activation <= activation_after(days)


def nearness(activation: float) -> float:
    """From 1 for what has just become due down to 0 for what was last heard two years ago."""
    due, gone = activation_after(DUE_DAYS), activation_after(LONG_AGO_DAYS)
    return max(0.0, min(1.0, (activation - gone) / (due - gone)))
