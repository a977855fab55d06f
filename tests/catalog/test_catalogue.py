"""Ids, items and users: the same bytes for the same history, candidates as they should be."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.catalog import items as items_module
from bandi.catalog.interning import Interner
from bandi.catalog.items import Items
from bandi.catalog.packing import pack_blobs, pack_texts, unpack_blobs, unpack_texts
from bandi.catalog.users import Users
from bandi.model.catalog import Item, User


@given(texts=st.lists(st.text(), unique=True), blobs=st.lists(st.binary()))
def test_packing_goes_round(texts: list[str], blobs: list[bytes]) -> None:
    texts = [text for text in texts if text.isprintable() or text.isascii()]
    assert unpack_texts(*pack_texts(texts)) == texts
    assert unpack_blobs(*pack_blobs(blobs)) == blobs


def test_arrays_that_do_not_fit_are_refused() -> None:
    offsets, data = pack_texts(["ab", "c"])
    with pytest.raises(ValueError, match="fit"):
        unpack_texts(offsets, data[:-1])
    with pytest.raises(ValueError, match="fit"):
        unpack_blobs(offsets[::-1], data)


def test_ids_are_numbered_in_the_order_in_which_they_are_named() -> None:
    interner = Interner()
    assert interner.add("user", ["b", "a"]) == 0
    assert interner.add("user", ["가"]) == 2
    assert interner.add("item", ["a"]) == 0
    assert interner.lookup_many("user", ["a", "가", "z"]) == [1, 2, -1]
    texts = interner.texts("user")
    again = Interner()
    kept = again.texts("user")
    again.load(interner.dump())
    assert kept == texts == ["b", "a", "가"]
    assert again.lookup("item", "a") == 0
    for bad in (["a"], ["x", "x"]):
        with pytest.raises(ValueError, match="twice"):
            interner.add("user", bad)


class Shop:
    """Items with their ids, as the fold keeps them."""

    def __init__(self) -> None:
        self.ids, self.items = Interner(), Items()

    def put(self, *items: Item) -> None:
        new = list(dict.fromkeys(item.id for item in items if self.ids.lookup("item", item.id) < 0))
        self.ids.add("item", new)
        self.items.put(msgspec.msgpack.encode(items), self.ids)

    def candidates(self, now_ms: int) -> list[str]:
        return [self.ids.texts("item")[i] for i in self.items.candidates(now_ms)[0]]


def test_candidates_are_active_launched_and_not_deleted() -> None:
    shop = Shop()
    shop.put(
        Item(id="a"),
        Item(id="b", active=False),
        Item(id="c", launched_at=100.0),
        Item(id="d", launched_at=50.0, editor_rank=3),
    )
    assert shop.candidates(0) == ["a"]
    assert shop.candidates(50_000) == ["a", "d"]
    assert shop.candidates(99_999) == ["a", "d"]
    assert shop.candidates(100_000) == ["a", "c", "d"]
    assert shop.candidates(0) == ["a"]  # an earlier moment asked about again
    assert shop.items.candidates(100_000)[1].tolist() == [0, 0, 3]
    handed_out = shop.items.candidates(100_000)[0]
    shop.items.delete(["c", "unknown"], shop.ids)
    assert handed_out.tolist() == [0, 2, 3]
    assert shop.candidates(100_000) == ["a", "d"]
    assert shop.items.get(2) is None
    shop.put(Item(id="c"))
    assert shop.candidates(0) == ["a", "c"]
    assert len(shop.items) == 4


def test_a_licence_ends_as_a_launch_begins() -> None:
    shop = Shop()
    shop.put(
        Item(id="a", launched_at=1.0, available_until=3.0, editor_rank=2),
        Item(id="b", launched_at=2.0, editor_rank=1),
        Item(id="c", available_until=2.0, editor_rank=3),
        Item(id="d", available_until=1.5, active=False),
    )
    for now_ms, shown in [(0, "c"), (1_000, "ac"), (1_999, "ac"), (2_000, "ab"), (2_999, "ab"), (3_000, "b")]:
        assert "".join(shop.candidates(now_ms)) == shown
        assert sorted(shop.items.editors_pick(now_ms, 9).tolist()) == shop.items.candidates(now_ms)[0].tolist()
        assert shop.items.shown(now_ms).sum() == len(shown)
    assert shop.items.candidates(1_000)[0] is shop.items.candidates(1_999)[0]
    assert shop.items.launched_since(500, 2_500, 9).tolist() == [1, 0]
    assert shop.items.launched_since(500, 3_500, 9).tolist() == [1]
    shop.put(Item(id="a"))  # without an end now
    assert shop.candidates(4_000) == ["a", "b"]


@given(
    launches=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40),
    limits=st.lists(st.integers(0, 12), min_size=1, max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_the_latest_launches_are_those_of_sorting(launches: list[tuple[int, bool]], limits: list[int]) -> None:
    shop = Shop()
    shop.put(*(Item(id=f"t{i}", launched_at=float(at), active=active) for i, (at, active) in enumerate(launches)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(items_module, "_LATEST", 2)
        for limit in limits:
            for start in range(-1, 5):
                shown = [(at, i) for i, (at, active) in enumerate(launches) if active and start < at <= 3]
                found = shop.items.launched_since(start * 1_000, 3_000, limit)
                assert found.tolist() == [i for _, i in sorted(shown, reverse=True)[:limit]]


def test_a_dump_of_before_licences_takes_their_ends_from_the_documents() -> None:
    shop, again = Shop(), Shop()
    shop.put(Item(id="a", available_until=2.0), Item(id="b"), Item(id="c", available_until=1.0))
    shop.items.delete(["c"], shop.ids)
    before = shop.items.dump()
    del before["available_until_ms"]
    again.ids.load(shop.ids.dump())
    again.items.load(before)
    assert again.candidates(2_000) == ["b"]
    one, other = shop.items.dump(), again.items.dump()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_second_look_gives_the_same_arrays_until_something_changes() -> None:
    shop = Shop()
    shop.put(Item(id="a"))
    assert shop.items.candidates(1)[0] is shop.items.candidates(2)[0]
    shop.put(Item(id="b"))
    assert len(shop.items.candidates(2)[0]) == 2


def test_pages_go_through_all_live_items() -> None:
    shop = Shop()
    shop.put(*(Item(id=f"t{i}") for i in range(10)))
    shop.items.delete(["t4"], shop.ids)
    assert [item.id for item in shop.items.page(-1, 3)] == ["t0", "t1", "t2"]
    assert [item.id for item in shop.items.page(2, 3)] == ["t3", "t5", "t6"]
    assert [item.id for item in shop.items.page(9, 3)] == []


histories = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.integers(0, 9), st.booleans(), st.integers(0, 5)), max_size=40
)


@given(history=histories, cut=st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_a_snapshot_in_between_changes_no_byte(history: list, cut: int) -> None:
    whole, parts = Shop(), Shop()
    for i, (what, number, active, launch) in enumerate(history):
        for shop in (whole, parts):
            if what == "put":
                shop.put(Item(id=f"t{number}", active=active, launched_at=float(launch), available_until=launch + 2.0))
            else:
                shop.items.delete([f"t{number}"], shop.ids)
        if i == cut:
            again = Shop()
            again.ids.load(parts.ids.dump())
            again.items.load(parts.items.dump())
            parts = again
    one, other = whole.items.dump(), parts.items.dump()
    assert all(np.array_equal(one[name], other[name]) and one[name].dtype == other[name].dtype for name in one)
    assert whole.candidates(3_000) == parts.candidates(3_000)


def test_users_are_kept_and_given_back() -> None:
    ids, users = Interner(), Users()
    ids.add("user", ["u1", "u2", "u3"])
    users.put(msgspec.msgpack.encode([User(id="u3", fields={"since": 2024})]), ids)
    assert (users.get(2), users.get(0), len(users)) == (User(id="u3", fields={"since": 2024}), None, 1)
    again = Users()
    again.load(users.dump())
    assert again.page(-1, 10) == [User(id="u3", fields={"since": 2024})]
    again.delete(["u3", "nobody"], ids)
    assert len(again) == 0


def test_a_list_worked_out_while_the_catalogue_changed_is_not_kept() -> None:
    """A reader that began before a change and ended after it must not leave its old list behind."""

    class Slow(Items):
        def put_meanwhile(self, shop: Shop) -> None:
            self._shop = shop

        @property
        def _editor_rank(self) -> np.ndarray:
            if getattr(self, "_shop", None) is not None:
                shop, self._shop = self._shop, None
                shop.put(Item(id="late"))
            return self._ranks

        @_editor_rank.setter
        def _editor_rank(self, ranks: np.ndarray) -> None:
            self._ranks = ranks

    shop = Shop()
    shop.items = slow = Slow()
    shop.put(Item(id="a"))
    slow.put_meanwhile(shop)
    assert shop.candidates(0) == ["a"]
    assert shop.candidates(0) == ["a", "late"]


def test_contacts_follow_the_documents() -> None:
    interner, users = Interner(), Users()
    interner.add("user", ["a", "b", "c"])
    users.put(msgspec.msgpack.encode([User(id="a", push=False), User(id="c", region="KR")]), interner)
    first = users.contacts()
    assert first.wants.tolist() == [False, True, True]
    assert [first.names[place] for place in first.places.tolist()] == [("", ""), ("", ""), ("", "KR")]
    users.put(msgspec.msgpack.encode([User(id="a"), User(id="b", time_zone="Asia/Seoul")]), interner)
    users.delete(["c"], interner)
    loaded = Users()
    loaded.load(users.dump())
    for found in (users.contacts(), loaded.contacts()):
        assert found.wants.tolist() == [True, True, True]
        assert [found.names[place] for place in found.places.tolist()] == [("", ""), ("Asia/Seoul", ""), ("", "")]


def test_what_is_free_is_a_column() -> None:
    interner, items = Interner(), Items()
    interner.add("item", ["a", "b"])
    items.put(msgspec.msgpack.encode([Item(id="a", free_episodes=3, wait_free="1d"), Item(id="b")]), interner)
    assert items.numbers("free_episodes").tolist()[0] == 3.0 and np.isnan(items.numbers("free_episodes")[1])
    assert items.numbers("wait_free").tolist()[0] == 24.0 and np.isnan(items.numbers("wait_free")[1])
