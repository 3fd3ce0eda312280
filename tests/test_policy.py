"""From votes to outcome."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from windflow.policy import Outcome, Policy, Vote, evaluate

people = st.sampled_from(["bob", "carol", "dora", "erin"])
approvals = st.lists(st.builds(Vote, people, st.just(True)))
votes = st.lists(st.builds(Vote, people, st.booleans()))
policies = st.builds(Policy, st.integers(1, 5))


def approve(*names: str) -> list[Vote]:
    return [Vote(name, True) for name in names]


def test_nobody_has_answered_yet() -> None:
    assert evaluate(Policy(), []) is Outcome.WAITING


def test_one_of_two_is_not_enough() -> None:
    assert evaluate(Policy(2), approve("bob")) is Outcome.WAITING


def test_two_of_two_are_enough() -> None:
    assert evaluate(Policy(2), approve("bob", "carol")) is Outcome.APPROVED


def test_one_person_twice_is_one_person() -> None:
    assert evaluate(Policy(2), approve("bob", "bob", "bob")) is Outcome.WAITING


def test_one_rejection_is_stronger_than_enough_approvals() -> None:
    assert evaluate(Policy(1), [*approve("bob", "carol"), Vote("dora", False)]) is Outcome.REJECTED


@given(policies, votes, st.randoms(use_true_random=False))
def test_the_order_of_votes_never_matters(
    policy: Policy, cast: list[Vote], chance: random.Random
) -> None:
    shuffled = list(cast)
    chance.shuffle(shuffled)
    assert evaluate(policy, shuffled) is evaluate(policy, cast)


@given(policies, votes, st.data())
def test_a_repeated_vote_changes_nothing(
    policy: Policy, cast: list[Vote], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(cast))) if cast else []
    assert evaluate(policy, cast + again) is evaluate(policy, cast)


@given(policies, votes)
def test_any_rejection_rejects(policy: Policy, cast: list[Vote]) -> None:
    rejected = any(not vote.approved for vote in cast)
    assert (evaluate(policy, cast) is Outcome.REJECTED) == rejected


@given(policies, approvals)
def test_it_is_approved_exactly_when_enough_different_people_approved(
    policy: Policy, cast: list[Vote]
) -> None:
    enough = len({vote.person for vote in cast}) >= policy.required
    assert (evaluate(policy, cast) is Outcome.APPROVED) == enough


@given(policies, approvals, approvals)
def test_more_approvals_never_take_an_approval_back(
    policy: Policy, cast: list[Vote], more: list[Vote]
) -> None:
    if evaluate(policy, cast) is Outcome.APPROVED:
        assert evaluate(policy, cast + more) is Outcome.APPROVED


@given(policies, votes, votes)
def test_no_later_vote_undoes_a_rejection(
    policy: Policy, cast: list[Vote], more: list[Vote]
) -> None:
    if evaluate(policy, cast) is Outcome.REJECTED:
        assert evaluate(policy, cast + more) is Outcome.REJECTED


@given(st.integers(1, 4), st.integers(1, 4), approvals)
def test_asking_for_fewer_people_never_makes_it_harder(
    one: int, other: int, cast: list[Vote]
) -> None:
    fewer, more = sorted([one, other])
    if evaluate(Policy(more), cast) is Outcome.APPROVED:
        assert evaluate(Policy(fewer), cast) is Outcome.APPROVED
