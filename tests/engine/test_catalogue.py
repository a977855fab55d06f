"""Titles and readers that the catalogue refuses, and licences end to end."""

import time

import pytest

import bandi
from bandi.model.catalog import User


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"launched_at": 1e16}, "launched_at is out of range"),
        ({"available_until": -1e16}, "available_until is out of range"),
        ({"launched_at": 2.0, "available_until": 2.0}, "available_until is not after launched_at"),
        ({"launched_at": 2.0, "available_until": 1.0}, "available_until is not after launched_at"),
    ],
)
def test_a_title_with_impossible_times_is_refused(shop: bandi.Engine, fields: dict, words: str) -> None:
    receipt = shop.items.put(
        [bandi.Item(id="bad", **fields), bandi.Item(id="good", launched_at=1.0, available_until=2.0)]
    )
    assert receipt.accepted == 1
    assert words in str(receipt.refused[0].problem)
    assert shop.items.get("bad") is None


def test_a_title_whose_licence_has_ended_is_no_candidate(shop: bandi.Engine) -> None:
    now = time.time()
    shop.items.put([bandi.Item(id="t0", available_until=now - 1), bandi.Item(id="t1", available_until=now + 1_000)])
    assert {slot.item for slot in shop.recommend(k=100)} == {f"t{i}" for i in range(1, 8)}


def test_a_reader_has_an_age_and_a_region(shop: bandi.Engine) -> None:
    receipt = shop.users.put([User(id="u", age=17, region="KR"), User(id="v", age=-1)])
    assert (receipt.accepted, len(receipt.refused)) == (1, 1)
    assert shop.users.get("u") == User(id="u", age=17, region="KR")
