"""Every released policy is known again by its stored figures; others are refused in words."""

from __future__ import annotations

import pytest

from vibe_pipeline.playlists.edition_inputs import PolicyUnknown, policy_named, policy_of
from vibe_pipeline.ranking.policy import ADDED_FIGURES, DEFAULT, FORMER, POLICIES, Policy

RELEASED = (*POLICIES.values(), *FORMER)


@pytest.mark.parametrize("policy", RELEASED, ids=lambda one: f"{one.name} {one.version}")
def test_a_released_policy_is_known_by_the_figures_it_was_stored_with(policy: Policy) -> None:
    stored = policy_of(policy)
    later = {name for name, before in ADDED_FIGURES.items() if stored[name] == before}

    assert policy_named(stored) == policy
    assert policy_named({k: v for k, v in stored.items() if k not in later}) == policy


def test_no_two_released_policies_share_name_and_version() -> None:
    assert len({(policy.name, policy.version) for policy in RELEASED}) == len(RELEASED)


def test_lists_of_the_third_version_from_before_it_knew_what_is_due_are_refused() -> None:
    (third,) = [one for one in FORMER if (one.name, one.version) == (DEFAULT.name, 3)]
    stored = policy_of(third)
    del stored["due_days"]

    with pytest.raises(PolicyUnknown, match="default version 3"):
        policy_named(stored)
