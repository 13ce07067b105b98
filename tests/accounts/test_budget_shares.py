"""A day's calls, shared out: nobody's night is taken, nobody takes the day of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.accounts_site import BEGINNING
from vibe_pipeline.accounts.budget_shares import (
    A_NIGHT,
    A_PERSON,
    CallUsage,
    Ceiling,
    CountedCalls,
    Share,
    calls_open,
    opens_at,
    owner_of_calls,
    share_for,
)
from vibe_pipeline.records import UserId

DAY = Ceiling.of(900)
ANNA, BOHDAN = UserId("anna"), UserId("bohdan")

Wish = tuple[Share, int, int]
"""What somebody wants: for what, whose number, how many calls."""
wishes = st.lists(
    st.tuples(st.sampled_from(Share), st.integers(0, 30), st.integers(1, 400)), max_size=40
)


def person(number: int) -> UserId:
    return UserId(f"u{number}")


def granted(ceiling: Ceiling, people: int, wanted: Sequence[Wish]) -> list[CountedCalls]:
    """What those who want calls are given, each as much of it as is open to them then."""
    nightly = [person(number) for number in range(people)]
    counted: list[CountedCalls] = []
    for share, number, calls in wanted:
        owner = person(number)
        free = calls_open(ceiling, CallUsage.of(counted), share, owner, nightly)
        counted.append(CountedCalls(share=share, user_id=owner, calls=min(calls, free)))
    return counted


def used(counted: Sequence[CountedCalls], share: Share) -> int:
    return sum(item.calls for item in counted if item.share == share)


@settings(max_examples=200, deadline=None)
@given(wishes, st.integers(50, 3000), st.integers(0, 40))
def test_all_together_never_exceed_the_ceiling_nor_a_share_its_own(
    wanted: list[Wish], calls: int, people: int
) -> None:
    ceiling = Ceiling.of(calls)

    counted = granted(ceiling, people, wanted)

    assert sum(item.calls for item in counted) <= calls
    assert used(counted, Share.FIRST) <= calls / 2
    assert used(counted, Share.AHEAD) <= calls / 4
    assert used(counted, Share.LISTENING) <= calls / 4


@settings(max_examples=200, deadline=None)
@given(wishes, st.integers(1, 50))
def test_whatever_others_did_everybodys_night_is_still_possible(
    wanted: list[Wish], people: int
) -> None:
    by_day = [wish for wish in wanted if wish[0] is not Share.NIGHT]
    nights = [(Share.NIGHT, number, A_NIGHT) for number in range(people)]

    counted = granted(DAY, people, [*by_day, *nights])

    assert [item.calls for item in counted[len(by_day) :]] == [A_NIGHT] * people


@settings(max_examples=200, deadline=None)
@given(wishes, st.integers(0, 50))
def test_who_asks_for_the_first_time_that_day_gets_a_list_whatever_happens_by_itself(
    wanted: list[Wish], people: int
) -> None:
    by_itself = [wish for wish in wanted if wish[0] is not Share.ASKED]

    counted = granted(DAY, people, by_itself)

    asking = calls_open(
        DAY, CallUsage.of(counted), Share.ASKED, person(99), [person(n) for n in range(people)]
    )
    assert asking >= A_PERSON


@settings(max_examples=200, deadline=None)
@given(wishes, st.integers(2, 8))
def test_one_person_who_asks_again_and_again_leaves_a_list_for_each_other(
    wanted: list[Wish], people: int
) -> None:
    again_and_again = [(Share.ASKED, 0, 50)] * 30

    counted = granted(DAY, people, [*again_and_again])

    nightly = [person(number) for number in range(people)]
    others = DAY.calls - A_NIGHT * people - max(A_PERSON, DAY.calls // people)
    left = calls_open(DAY, CallUsage.of(counted), Share.ASKED, person(1), nightly)
    assert left >= min(A_PERSON, others)


def test_a_share_that_is_used_up_opens_when_its_oldest_calls_leave_the_window() -> None:
    window = [
        (BEGINNING, CountedCalls(share=Share.ASKED, user_id=ANNA, calls=10)),
        (
            BEGINNING + timedelta(hours=1),
            CountedCalls(share=Share.AHEAD, user_id=ANNA, calls=DAY.calls // 4),
        ),
    ]

    preparing = opens_at(DAY, window, Share.AHEAD, ANNA, [ANNA])

    assert preparing == BEGINNING + timedelta(hours=1)


def test_a_night_beyond_what_is_kept_for_it_takes_what_is_free() -> None:
    night = CountedCalls(share=Share.NIGHT, user_id=ANNA, calls=A_NIGHT)

    free = calls_open(DAY, CallUsage.of([night]), Share.NIGHT, ANNA, [ANNA, BOHDAN])

    assert free == DAY.calls - A_NIGHT - A_NIGHT - DAY.reserved


def test_more_people_than_the_day_holds_nights_for_share_half_of_it_evenly() -> None:
    assert DAY.a_night(0) == 0
    assert DAY.a_night(5) == A_NIGHT
    assert DAY.a_night(100) == 4
    assert replace(DAY, calls=90).a_night(100) == 0


def test_calls_belong_to_the_share_their_name_and_their_person_say() -> None:
    def share(account: str, *, asked_for: bool = False, first: bool = False) -> Share:
        return share_for(account, asked_for=asked_for, first=first)

    assert share("run-1") is Share.NIGHT
    assert share("run-1", asked_for=True) is Share.ASKED
    assert share("run-1", asked_for=True, first=True) is Share.FIRST
    assert share("ahead:anna") is Share.AHEAD
    assert share("ahead:anna", first=True) is Share.FIRST
    assert share("listening:anna") is Share.LISTENING
    assert share("listening:anna", asked_for=True) is Share.ASKED
    assert share("listening:anna", asked_for=True, first=True) is Share.FIRST


def test_a_name_that_holds_no_edition_says_whose_calls_they_are() -> None:
    assert owner_of_calls("ahead:anna") == ANNA
    assert owner_of_calls("listening:anna") == ANNA
    assert owner_of_calls("run-1") is None
