"""Each targeter, and their union."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

import bandi
from bandi.catalog.interning import Interner
from bandi.catalog.items import Items
from bandi.features.factors import search
from bandi.features.factors.als import AlsConfig, Factors
from bandi.learning.popularity import Popularity
from bandi.model.catalog import Item
from bandi.model.records import EVENT
from bandi.model.targeter_config import (
    ContinueTargeter,
    EditorTargeter,
    FactorsTargeter,
    FreshTargeter,
    PopularTargeter,
    SimilarTargeter,
)
from bandi.targeters.merging import target
from bandi.targeters.protocol import Asked, Learned, Likeness, View
from bandi.targeters.registry import make_targeter

DAY = 86_400_000
NOW = 1_000 * DAY
NONE = np.zeros(0, np.int32)


def catalogue(items: list[Item]) -> Items:
    interner, found = Interner(), Items()
    interner.add("item", [item.id for item in items])
    found.put(msgspec.msgpack.encode(items), interner)
    return found


def view(items: list[Item] | None = None, read: list[int] | None = None, vectors: np.ndarray | None = None) -> View:
    popularity = Popularity()
    rows = np.zeros(len(read or []), EVENT)
    rows["item"], rows["kind"], rows["occurred_ms"] = read or [], 3, NOW
    popularity.fold(rows)
    factors = None
    if vectors is not None:
        factors = Factors(
            np.zeros((0, vectors.shape[1]), np.float32),
            vectors.astype(np.float32),
            AlsConfig(regularisation=0.1),
            float(len(vectors)),
        )
    learned = None if factors is None else Learned(factors, likeness={"factors": Likeness(factors.directions)})
    known = catalogue(items or [Item(id=f"t{i}") for i in range(6)])
    return View(known, popularity, learned, known.shown(NOW))


def asked(
    recent: list[int] | None = None, about: int = -1, now_ms: int = NOW, without: list[int] | None = None
) -> Asked:
    read = np.array(recent or [], np.int32)
    return Asked(read, about, now_ms, np.array(without or [], np.int32), read, np.zeros(0, np.float32))


TWO_TASTES = np.array([[1, 0], [0.9, 0.1], [0.8, 0], [0, 1], [0.1, 0.9], [0, 0]])


def test_popular_names_the_most_read_that_may_be_shown() -> None:
    items = [Item(id=f"t{i}", active=i != 2) for i in range(6)]
    seen = view(items, read=[1, 2, 2, 2, 4, 4])
    assert make_targeter(PopularTargeter(n=5)).find(asked(), seen).tolist() == [4, 1]
    assert make_targeter(PopularTargeter(n=1)).find(asked(), seen).tolist() == [4]


def test_fresh_names_launches_within_the_window_latest_first() -> None:
    def launched(days_ago: float) -> float:
        return (NOW - days_ago * DAY) / 1000

    items = [
        Item(id="old", launched_at=launched(40)),
        Item(id="a", launched_at=launched(3)),
        Item(id="b", launched_at=launched(1)),
        Item(id="soon", launched_at=launched(-1)),
        Item(id="undated"),
    ]
    fresh = make_targeter(FreshTargeter(n=5, window="14d"))
    assert fresh.find(asked(), view(items)).tolist() == [2, 1]
    later = NOW + 2 * DAY
    seen = replace(view(items), allowed=view(items).items.shown(later))
    assert fresh.find(asked(now_ms=later), seen).tolist() == [3, 2, 1]
    assert make_targeter(FreshTargeter(n=1)).find(asked(), view(items)).tolist() == [2]


def test_editor_names_what_was_ranked() -> None:
    items = [Item(id=f"t{i}", editor_rank=rank) for i, rank in enumerate([None, 3, 1, None, 2])]
    assert make_targeter(EditorTargeter(n=2)).find(asked(), view(items)).tolist() == [2, 4]


def test_continue_names_what_was_read_newest_first() -> None:
    assert make_targeter(ContinueTargeter(n=2)).find(asked([3, 1, 0]), view()).tolist() == [3, 1]


def test_factors_follow_the_latest_reads() -> None:
    find = make_targeter(FactorsTargeter(n=3)).find
    seen = view(vectors=TWO_TASTES)
    assert set(find(asked([0]), seen).tolist()) == {0, 1, 2}
    assert set(find(asked([3]), seen).tolist()[:2]) == {3, 4}
    assert find(asked([3, 0]), seen)[0] == 3  # the last read weighs most
    assert find(asked([]), seen).tolist() == []
    assert find(asked([0]), view()).tolist() == []  # nothing trained


def test_similar_resembles_the_title_beside_or_the_last_one_read() -> None:
    find = make_targeter(SimilarTargeter(n=2)).find
    seen = view(vectors=TWO_TASTES)
    assert find(asked(about=0), seen).tolist() == [2, 1]
    assert find(asked([3]), seen).tolist()[0] == 4
    assert find(asked(), seen).tolist() == []
    assert find(asked(about=5), seen).tolist() == []  # never read: it has no factors
    assert find(asked(about=77), seen).tolist() == []  # newer than the training


def test_titles_newer_than_the_training_are_not_named_by_it() -> None:
    seen = view([Item(id=f"t{i}") for i in range(9)], vectors=TWO_TASTES)
    assert set(make_targeter(FactorsTargeter(n=50)).find(asked([0, 8]), seen).tolist()) <= set(range(6))


def test_the_union_keeps_every_source_and_leaves_out_what_it_must() -> None:
    targeters = (make_targeter(PopularTargeter(n=3)), make_targeter(ContinueTargeter(n=3)))
    seen = view(read=[1, 1, 2, 4])
    found = target(targeters, asked([2, 0]), seen)
    assert found.items.tolist() == [0, 1, 2, 4]
    assert found.sources.tolist() == [2, 1, 3, 1]
    found = target(targeters, asked([2, 0], without=[0, 1, 2]), seen)  # continue_reading goes on all the same
    assert found.items.tolist() == [0, 2, 4]
    assert found.sources.tolist() == [2, 2, 1]
    assert target((), asked(), seen).items.tolist() == []


def test_what_is_left_out_does_not_count_against_the_quota() -> None:
    def launched(days_ago: float) -> float:
        return (NOW - days_ago * DAY) / 1000

    items = [Item(id=f"t{i}", launched_at=launched(i), editor_rank=i + 1) for i in range(6)]
    seen = view(items, read=[0, 0, 0, 1, 1, 2], vectors=TWO_TASTES)
    for config in (PopularTargeter(n=2), FreshTargeter(n=2), EditorTargeter(n=2)):
        assert make_targeter(config).find(asked(without=[0]), seen).tolist() == [1, 2]
    assert make_targeter(FactorsTargeter(n=2)).find(asked([0], without=[0]), seen).tolist() == [1, 2]
    assert make_targeter(SimilarTargeter(n=2)).find(asked(about=0, without=[2]), seen).tolist()[0] == 1


CONFIG = """
[placements.home]
targeters = [{ use = "popular", n = 4 }, { use = "continue_reading", n = 2 }]
exclude = ["read"]
policy = { use = "thompson" }
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "bandi.toml").write_text(CONFIG)
    with bandi.open(tmp_path) as engine:
        engine.put_items([bandi.Item(id=f"t{i}") for i in range(40)])
        engine.record(*[bandi.Read(user=f"u{i}", item=f"t{item}") for i in range(3) for item in range(10, 20)])
        engine.record(bandi.Read(user="ann", item="t10"), bandi.Read(user="ann", item="t30"))
        yield engine


def test_a_list_names_its_sources_and_never_what_was_read_but_to_go_on(shop: bandi.Engine) -> None:
    ranking = shop.recommend("ann", k=4)
    sources = {slot.item: slot.sources for slot in shop.recommend("ann", k=4)} | {
        slot.item: slot.sources for slot in ranking
    }
    expected = {
        "t11": ("popular",),
        "t12": ("popular",),
        "t13": ("popular",),
        "t14": ("popular",),
        "t10": ("continue_reading",),
        "t30": ("continue_reading",),
    }
    assert sources.items() <= expected.items()
    assert ranking.candidates == 6


def test_a_read_counts_at_the_next_request(shop: bandi.Engine) -> None:
    before = shop.recommend("bob", k=1)
    shop.record(bandi.Read(user="bob", item="t39"))
    after = shop.recommend("bob", k=5)
    assert before.candidates == 4
    assert after.candidates == 5
    assert ("continue_reading",) in [slot.sources for slot in after]


def test_too_few_for_the_list_and_the_whole_catalogue_is_ranked(shop: bandi.Engine) -> None:
    ranking = shop.recommend("ann", k=20)
    assert len(ranking) == 20
    assert not {"t10", "t30"} & {slot.item for slot in ranking}
    assert shop.recommend(None, k=40).candidates == 40


def test_a_decision_with_targeters_is_asked_again(shop: bandi.Engine) -> None:
    rankings = [shop.recommend(user, k=k) for user in ("ann", "new", None) for k in (3, 25)]
    shop.record(*[bandi.Read(user="ann", item=f"t{i}") for i in range(30)])
    for ranking in rankings:
        assert shop.ask_again(ranking.request_id) == ranking
    shares = shop.propensities(rankings[0].request_id, 200)
    assert len(shares) == 3
    assert all(share.in_list > 0 for share in shares)


def test_an_item_that_nobody_knows_is_named(shop: bandi.Engine) -> None:
    with pytest.raises(bandi.UnknownNameError, match=r"\$\.item"):
        shop.recommend("ann", item="nothing")


def test_a_reader_who_was_taken_out_has_no_history(shop: bandi.Engine) -> None:
    shop.put_users([bandi.User(id="ann")])
    shop.delete_users(["ann"])
    assert shop.recommend("ann", k=4).candidates == 4


def test_a_search_index_finds_nearly_what_looking_at_all_finds() -> None:
    """Recall of the top 50 of 4,000 titles over 40 readers is at least 0.95 on the whole; what is left out stays out."""
    random = np.random.default_rng(1)
    tastes = random.normal(size=(20, 16))
    vectors = (tastes[random.integers(0, 20, 4_000)] + 0.5 * random.normal(size=(4_000, 16))).astype(np.float32)
    vectors *= random.lognormal(0, 0.5, 4_000)[:, None].astype(np.float32)
    vectors[:40] *= 20.0  # a few titles that everybody reads: they must not spoil the search among the others
    items = [Item(id=f"t{i}", active=i % 3 > 0) for i in range(4_000)]
    exact = view(items, vectors=vectors)
    assert exact.learned is not None
    factors = exact.learned.factors
    directions = Likeness(factors.directions, search.build(factors.directions))
    learned = Learned(factors, search.build(factors.items), {"factors": directions})
    indexed = replace(exact, learned=learned)
    for config in (FactorsTargeter(n=50), SimilarTargeter(n=50)):
        found = []
        for _ in range(40):
            request = asked(random.integers(0, 4_000, 5).tolist(), without=random.integers(0, 4_000, 30).tolist())
            one, other = (make_targeter(config).find(request, seen) for seen in (exact, indexed))
            assert not np.isin(other, request.without).any()
            assert (other % 3 > 0).all()
            assert len(other) == len(set(other.tolist())) == 50
            found.append(np.isin(one, other).mean())
        assert np.mean(found) >= 0.95, config
