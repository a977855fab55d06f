"""Masks against asking each title; one mask for all of whom the same is known, and for as long as it holds."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.eligibility.expression import parse
from bandi.eligibility.filters import MAX_MASKS, Eligibility, UnknownRegion
from bandi.model.catalog import Item

times = st.none() | st.integers(1, 6).map(float)
titles = st.builds(
    Item,
    id=st.sampled_from("abcdefgh"),
    genre=st.sampled_from(["", "drama", "horror"]),
    regions=st.lists(st.sampled_from(["KR", "JP", ""]), max_size=2).map(tuple),
    age_rating=st.none() | st.sampled_from([0, 12, 15, 19]),
    active=st.sampled_from([True, True, False]),
    launched_at=times,
    available_until=times,
)
steps = st.lists(
    st.one_of(
        st.lists(titles, min_size=1, max_size=4),
        st.sampled_from("abcdefghi"),
        st.tuples(
            st.integers(0, 7_000),
            st.none() | st.integers(0, 25),
            st.sampled_from([None, "", "KR", "JP", "XX"]),
        ),
    ),
    max_size=30,
)


def may_see(item: Item | None, now_ms: int, age: int, region: str | None, everywhere: bool) -> bool:
    if item is None or not item.active or item.genre != "drama":
        return False
    if item.launched_at is not None and now_ms < item.launched_at * 1_000:
        return False
    if item.available_until is not None and now_ms >= item.available_until * 1_000:
        return False
    if (item.age_rating or 0) > age:
        return False
    if not item.regions or (not region and everywhere):
        return True
    return bool(region) and region in item.regions


@given(steps=steps, assumed_age=st.sampled_from([0, 12]), unknown_region=st.sampled_from(UnknownRegion))
@settings(max_examples=150, deadline=None)
def test_a_mask_is_what_asking_each_title_gives(
    shop_of: Any, steps: list[Any], assumed_age: int, unknown_region: UnknownRegion
) -> None:
    shop = shop_of()
    eligibility = Eligibility(parse('genre == "drama"'), assumed_age, unknown_region)
    for step in steps:
        if isinstance(step, list):
            shop.put(*step)
        elif isinstance(step, str):
            shop.delete(step)
        else:
            now_ms, age, region = step
            mask = eligibility.mask(shop.items, now_ms, age, region)
            everywhere = unknown_region is UnknownRegion.EVERYTHING
            assert mask.tolist() == [
                may_see(shop.items.get(i), now_ms, assumed_age if age is None else age, region, everywhere)
                for i in range(len(shop.ids.texts("item")))
            ]
            assert eligibility.mask(shop.items, now_ms, age, region) is mask
            assert not mask.flags.writeable


def test_by_default_the_unknown_see_what_is_for_all(shop_of: Any) -> None:
    shop = shop_of(Item(id="a"), Item(id="b", age_rating=0), Item(id="c", age_rating=12), Item(id="d", regions=("KR",)))
    assert shop.kept(Eligibility().mask(shop.items, 0)) == "ab"
    assert shop.kept(Eligibility().mask(shop.items, 0, 11)) == "ab"
    assert shop.kept(Eligibility().mask(shop.items, 0, 12)) == "abc"
    assert shop.kept(Eligibility().mask(shop.items, 0, 12, "KR")) == "abcd"
    assert shop.kept(Eligibility().mask(shop.items, 0, None, "JP")) == "ab"
    assert shop.kept(Eligibility(None, 15, UnknownRegion.EVERYTHING).mask(shop.items, 0)) == "abcd"


def test_a_licence_ends_on_the_millisecond_and_a_launch_begins_on_it(shop_of: Any) -> None:
    shop = shop_of(Item(id="a", available_until=2.0), Item(id="b", launched_at=1.0, available_until=3.0), Item(id="c"))
    eligibility = Eligibility()
    for now_ms, kept in [
        (999, "ac"),
        (1_000, "abc"),
        (1_999, "abc"),
        (2_000, "bc"),
        (2_999, "bc"),
        (3_000, "c"),
        (0, "ac"),
    ]:
        assert shop.kept(eligibility.mask(shop.items, now_ms)) == kept
    assert eligibility.mask(shop.items, 1_000) is eligibility.mask(shop.items, 1_999)


def test_readers_of_whom_the_same_holds_share_a_mask(shop_of: Any) -> None:
    shop = shop_of(Item(id="a", age_rating=12), Item(id="b", age_rating=19, regions=("KR",)))
    eligibility = Eligibility()
    one = eligibility.mask(shop.items, 0, 12, "JP")
    assert eligibility.mask(shop.items, 5, 18, "US") is one
    assert eligibility.mask(shop.items, 5, 19, "US") is not one
    shop.put(Item(id="c"))
    assert one.tolist() == [True, False]
    assert eligibility.mask(shop.items, 0, 12, "JP").tolist() == [True, False, True]


def test_only_so_many_masks_are_kept(shop_of: Any) -> None:
    shop = shop_of(*(Item(id=f"t{i}", regions=(f"r{i}",)) for i in range(MAX_MASKS + 10)))
    eligibility = Eligibility()
    for _ in range(2):
        for i in range(MAX_MASKS + 10):
            assert np.flatnonzero(eligibility.mask(shop.items, 0, None, f"r{i}")).tolist() == [i]
    assert eligibility._masks is not None
    assert len(eligibility._masks.by_reader) == MAX_MASKS


def test_another_catalogue_is_not_taken_for_the_one_before(shop_of: Any) -> None:
    eligibility = Eligibility()
    one, other = shop_of(Item(id="a")), shop_of(Item(id="a", active=False))
    assert eligibility.mask(one.items, 0).tolist() == [True]
    assert eligibility.mask(other.items, 0).tolist() == [False]


@pytest.mark.parametrize("text", [None, 'genre != "drama" and "x" in tags or fields.n >= 0'])
def test_asking_while_the_catalogue_changes_never_fails_and_leaves_nothing_old(shop_of: Any, text: str | None) -> None:
    shop = shop_of()
    eligibility = Eligibility(None if text is None else parse(text))
    stop = threading.Event()
    failures: list[Exception] = []

    def ask() -> None:
        try:
            while not stop.is_set():
                eligibility.mask(shop.items, 0, 10, "KR")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(300):
        shop.put(*(Item(id=f"t{j}", age_rating=(i + j) % 20, regions=("KR",), fields={"n": i}) for j in range(i % 50)))
        if i % 3 == 0:
            shop.delete(f"t{i % 50}")
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    fresh = Eligibility(None if text is None else parse(text))
    assert np.array_equal(eligibility.mask(shop.items, 0, 10, "KR"), fresh.mask(shop.items, 0, 10, "KR"))
