"""Tokens and the links that carry them: only what this site signed, for what it signed it."""

from __future__ import annotations

import random
import string
import time
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test.utils import override_script_prefix
from django.urls import resolve
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from tests import documents
from windflow import engine
from windflow.exceptions import BadLink, ExpiredLink, RevokedLink
from windflow.links import Purpose, Reference, absolute, link, read, sign
from windflow.models import Approval

URL_SAFE = string.ascii_letters + string.digits + "-_."
DAY = 24 * 3600
purposes = st.sampled_from(Purpose)
seats = st.integers(1, 2**63 - 1)
generations = st.integers(0, 999_999_999)
pairs = st.permutations(list(Purpose)).map(lambda order: order[:2])


def at(seconds_ago: float, seat: int = 1, purpose: Purpose = Purpose.PAGE) -> str:
    """A token as it was signed some time ago."""
    with mock.patch("time.time", return_value=time.time() - seconds_ago):
        return sign(seat, 0, purpose)


def refused(token: str, purpose: Purpose = Purpose.PAGE) -> bool:
    """Whether ``token`` is refused; anything but BadLink is an error of ours."""
    try:
        read(token, purpose)
    except BadLink:
        return True
    return False


# Tokens


@given(seats, generations, purposes)
def test_a_token_says_what_was_signed(seat: int, generation: int, purpose: Purpose) -> None:
    assert read(sign(seat, generation, purpose), purpose) == Reference(seat, generation)


@given(seats, generations, purposes)
def test_a_token_is_url_safe_and_short(seat: int, generation: int, purpose: Purpose) -> None:
    token = sign(seat, generation, purpose)
    assert set(token) <= set(URL_SAFE)
    assert len(token) < 100


@given(seats, generations, pairs)
def test_a_token_of_one_purpose_is_noise_to_the_others(
    seat: int, generation: int, pair: list[Purpose]
) -> None:
    made_for, read_as = pair
    assert refused(sign(seat, generation, made_for), read_as)


@given(seats, purposes, st.data())
def test_any_changed_character_is_refused(seat: int, purpose: Purpose, data: st.DataObject) -> None:
    token = sign(seat, 0, purpose)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))
    assert refused(token[:place] + other + token[place + 1 :], purpose)


@given(seats, purposes, st.data())
def test_any_flipped_bit_is_refused(seat: int, purpose: Purpose, data: st.DataObject) -> None:
    token = bytearray(sign(seat, 0, purpose), "ascii")
    token[data.draw(st.integers(0, len(token) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    assert refused(token.decode("ascii"), purpose)


@given(seats, purposes, st.data())
def test_any_inserted_character_is_refused(
    seat: int, purpose: Purpose, data: st.DataObject
) -> None:
    token = sign(seat, 0, purpose)
    place = data.draw(st.integers(0, len(token)))
    assert refused(token[:place] + data.draw(st.characters()) + token[place:], purpose)


@given(seats, purposes, st.data())
def test_any_shortened_token_is_refused(seat: int, purpose: Purpose, data: st.DataObject) -> None:
    token = sign(seat, 0, purpose)
    end = data.draw(st.integers(0, len(token) - 1))
    assert refused(token[:end], purpose)
    assert refused(token[len(token) - end :], purpose)


@given(st.lists(seats, min_size=2, max_size=2, unique=True), purposes)
def test_the_signature_of_another_seat_does_not_fit(both: list[int], purpose: Purpose) -> None:
    mine, theirs = (sign(seat, 0, purpose) for seat in both)
    assert refused(f"{theirs.split('.', 1)[0]}.{mine.split('.', 1)[1]}", purpose)


@given(st.text() | st.text(st.characters(codec="ascii")) | st.text(URL_SAFE, max_size=300))
@example("")
@example("1-0")
@example("\ud800" * 30)
@example("1-0\0" + "a" * 60)
@example("١-٠.1vXyzq.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ")
@example("x" * 10_000_000)
def test_no_text_at_all_is_taken_for_a_token(text: str) -> None:
    assert all(refused(text, purpose) for purpose in Purpose)


def test_twenty_thousand_mutations_are_refused_and_none_breaks_anything() -> None:
    chance = random.Random(20_000)  # noqa: S311 - a fixed seed, so that a failure comes again
    strange = [*URL_SAFE, "\0", "\n", "\ud800", "\udfff", "٣", "५", "é", "/", "%", "=", "😀"]
    for _ in range(20_000):
        purpose = chance.choice(list(Purpose))
        token = sign(chance.randrange(1, 2**63), chance.randrange(10**6), purpose)
        mutated = list(token)
        for _ in range(chance.choice([1, 1, 1, 2, 5, 40])):
            mutated[chance.randrange(len(mutated))] = chance.choice(strange)
        if chance.random() < 0.1:
            mutated *= chance.choice([2, 10, 500])
        text = "".join(mutated)
        assert refused(text, purpose) or text == token


def test_a_value_that_is_no_reference_is_refused_even_with_a_good_signature() -> None:
    signer = signing.TimestampSigner(sep=".", salt="windflow.links.v1.page")
    assert read(signer.sign("7-0"), Purpose.PAGE) == Reference(7, 0)
    for value in ("0-0", "-1-0", "07-0", "7", "7-", "7-00", "7-0-0", "7_0", "9" * 20 + "-0"):
        assert refused(signer.sign(value))


# Age


def test_a_token_is_good_until_its_age_and_no_longer(settings: Settings) -> None:
    settings.WINDFLOW = {**settings.WINDFLOW, "LINK_MAX_AGE": 30 * DAY}
    assert read(at(30 * DAY - 60), Purpose.PAGE) == Reference(1, 0)
    with pytest.raises(ExpiredLink, match=r"has expired\. Ask the sender"):
        read(at(30 * DAY + 60), Purpose.PAGE)


def test_sixty_days_are_the_default(settings: Settings) -> None:
    settings.WINDFLOW = {"BASE_URL": "https://flows.example.com"}
    assert read(at(59 * DAY), Purpose.PAGE) == Reference(1, 0)
    with pytest.raises(ExpiredLink):
        read(at(61 * DAY), Purpose.PAGE)


def test_an_old_token_that_was_tampered_with_is_bad_not_expired() -> None:
    token = at(61 * DAY)
    with pytest.raises(BadLink) as caught:
        read("2" + token[1:], Purpose.PAGE)
    assert not isinstance(caught.value, ExpiredLink)


# Keys


def test_links_outlive_a_new_key_while_the_old_one_is_a_fallback(
    settings: Settings,
) -> None:
    settings.SECRET_KEY = "the old key"
    token = sign(1, 0, Purpose.PAGE)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new key", ["the old key"]
    assert read(token, Purpose.PAGE) == Reference(1, 0)
    settings.SECRET_KEY_FALLBACKS = []
    assert refused(token)


def test_new_links_are_signed_with_the_new_key(settings: Settings) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new key", ["the old key"]
    token = sign(1, 0, Purpose.PAGE)
    settings.SECRET_KEY_FALLBACKS = []
    assert read(token, Purpose.PAGE) == Reference(1, 0)


def test_another_sites_token_is_refused(settings: Settings) -> None:
    settings.SECRET_KEY = "the key of another site"
    token = sign(1, 0, Purpose.PAGE)
    settings.SECRET_KEY = "ours"
    assert refused(token)


# URLs


@pytest.mark.parametrize(
    ("purpose", "name"),
    [(Purpose.PAGE, "approval"), (Purpose.RESUME, "resume"), (Purpose.CANCEL, "cancel")],
)
def test_each_purpose_has_its_address(purpose: Purpose, name: str) -> None:
    url = link(7, 2, purpose)
    assert url.startswith("https://flows.example.com/")
    match = resolve(url.removeprefix("https://flows.example.com"))
    assert match.view_name == f"windflow:{name}"
    assert read(match.kwargs["token"], purpose) == Reference(7, 2)


@pytest.mark.parametrize("base", ["https://example.com/tools", "https://example.com/tools/"])
def test_the_sub_path_of_base_url_is_kept(settings: Settings, base: str) -> None:
    settings.WINDFLOW = {"BASE_URL": base}
    assert absolute("/flows/a/x/") == "https://example.com/tools/flows/a/x/"
    assert link(1, 0, Purpose.PAGE).startswith("https://example.com/tools/")


@pytest.mark.parametrize("prefix", ["/", "/tools/"])
def test_the_servers_script_name_appears_once(settings: Settings, prefix: str) -> None:
    settings.WINDFLOW = {"BASE_URL": "https://example.com/tools"}
    with override_script_prefix(prefix):
        url = link(1, 0, Purpose.PAGE)
    assert url.count("/tools/") == 1


def test_a_page_that_begins_like_the_script_name_is_kept(settings: Settings) -> None:
    settings.WINDFLOW = {"BASE_URL": "https://example.com/tools"}
    with override_script_prefix("/tools/"):
        assert absolute("/tools/toolshed/") == "https://example.com/tools/toolshed/"


# Seats


@pytest.fixture
def seat(bob: User) -> Approval:
    """Bob's, in a run that waits for him."""
    return documents.seat(documents.run(documents.gate("bob@example.com")), "bob")


def test_a_token_finds_its_seat(seat: Approval) -> None:
    for purpose in Purpose:
        assert engine.find(sign(seat.pk, seat.generation, purpose), purpose) == seat


def test_a_seat_that_is_not_there_is_a_bad_link(db: None) -> None:
    with pytest.raises(BadLink):
        engine.find(sign(2**63 - 1, 0, Purpose.PAGE), Purpose.PAGE)


def test_a_revoked_link_says_so(seat: Approval) -> None:
    token = sign(seat.pk, seat.generation, Purpose.PAGE)
    engine.revoke(seat)
    with pytest.raises(RevokedLink, match="was withdrawn"):
        engine.find(token, Purpose.PAGE)
    assert engine.find(sign(seat.pk, seat.generation + 1, Purpose.PAGE), Purpose.PAGE) == seat


def test_a_generation_that_was_never_given_out_is_a_bad_link(seat: Approval) -> None:
    with pytest.raises(BadLink) as caught:
        engine.find(sign(seat.pk, seat.generation + 1, Purpose.PAGE), Purpose.PAGE)
    assert not isinstance(caught.value, RevokedLink)


def test_an_expired_link_says_so_before_anything_of_the_seat(
    seat: Approval, settings: Settings
) -> None:
    token = at(DAY + 60, seat.pk)
    engine.revoke(seat)
    settings.WINDFLOW = {**settings.WINDFLOW, "LINK_MAX_AGE": DAY}
    with pytest.raises(ExpiredLink):
        engine.find(token, Purpose.PAGE)


def test_the_links_of_a_seat_are_three_and_lead_to_it(seat: Approval) -> None:
    links = engine.links(seat)
    urls = {
        Purpose.PAGE: links.approval_page,
        Purpose.RESUME: links.resume,
        Purpose.CANCEL: links.cancel,
    }
    for purpose, url in urls.items():
        token = resolve(url.removeprefix("https://flows.example.com")).kwargs["token"]
        assert engine.find(token, purpose) == seat


def test_printing_links_shows_no_token(seat: Approval) -> None:
    links = engine.links(seat)
    shown = repr(links) + str(links)
    assert "bob@example.com" in shown
    assert "https://" not in shown
    assert links.approval_page.rstrip("/").rpartition("/")[2] not in shown


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(seats, generations)
def test_whatever_reference_comes_is_a_seat_or_a_bad_link(number: int, generation: int) -> None:
    with pytest.raises(BadLink):
        engine.find(sign(number, generation, Purpose.PAGE), Purpose.PAGE)
