"""Asking: what is answered, what is refused, and that a past decision can be asked again."""

import re
from pathlib import Path

import pytest

import bandi


def test_a_ranking_names_itself_and_what_it_came_from(shop: bandi.Engine) -> None:
    ranking = shop.recommend(user="u1", k=3)
    assert len(ranking) == 3
    assert len({slot.item for slot in ranking}) == 3
    assert [slot.position for slot in ranking] == [0, 1, 2]
    assert [slot.score for slot in ranking] == sorted((slot.score for slot in ranking), reverse=True)
    assert re.fullmatch("[0-9A-V]{13}", ranking.request_id)
    assert ranking.policy.startswith("thompson@")
    assert ranking.candidates == 8
    assert ranking.position > 0


def test_request_ids_differ_also_after_a_restart(folder: Path) -> None:
    seen = []
    for _ in range(3):
        with bandi.open(folder) as engine:
            engine.items.put([bandi.Item(id="t")])
            seen += [engine.recommend().request_id for _ in range(50)]
    assert len(set(seen)) == 150


def test_k_beyond_the_catalogue_gives_all_of_it(shop: bandi.Engine) -> None:
    assert len(shop.recommend(k=1000)) == 8


def test_an_empty_catalogue_gives_an_empty_list(folder: Path) -> None:
    with bandi.open(folder) as engine:
        ranking = engine.recommend(user="u")
        assert len(ranking) == 0
        assert engine.ask_again(ranking.request_id).items == ()


@pytest.mark.parametrize("k", [0, -1, 10**9, 1.5, "3", True])
def test_a_bad_k_is_named(shop: bandi.Engine, k: object) -> None:
    with pytest.raises(bandi.InvalidInputError, match=r"\$\.k: expected a whole number from 1 to 1000"):
        shop.recommend(k=k)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5])
def test_a_bad_seed_is_named(shop: bandi.Engine, seed: object) -> None:
    with pytest.raises(bandi.InvalidInputError, match=r"\$\.seed"):
        shop.recommend(seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("user", ["", "x" * 257, "\ud800", 7])
def test_a_bad_user_is_named(shop: bandi.Engine, user: object) -> None:
    with pytest.raises(bandi.InvalidInputError, match=r"\$\.user"):
        shop.recommend(user=user)  # type: ignore[arg-type]


def test_an_unknown_placement_names_the_known_ones(shop: bandi.Engine) -> None:
    with pytest.raises(bandi.UnknownNameError, match="one of: home"):
        shop.recommend(placement="hom")


def test_the_same_seed_and_position_give_the_same_list(shop: bandi.Engine) -> None:
    first, second = shop.recommend(seed=7), shop.recommend(seed=7)
    assert [slot.item for slot in first] == [slot.item for slot in second]
    assert [slot.item for slot in first] != [slot.item for slot in shop.recommend(seed=8)]


def test_a_past_decision_asked_again_is_the_same_although_much_has_happened_since(shop: bandi.Engine) -> None:
    rankings = []
    for i in range(30):
        ranking = shop.recommend(user=f"u{i}", k=4)
        rankings.append(ranking)
        shop.record(*(bandi.Impression(user=f"u{i}", item=slot.item, request=ranking.request_id) for slot in ranking))
        shop.record(bandi.Click(user=f"u{i}", item=ranking[0].item, request=ranking.request_id))
        if i == 10:
            shop.snapshot()
        if i == 15:
            shop.items.delete(["t3"])
        if i == 20:
            shop.seal()
            shop.items.put([bandi.Item(id="t9")])
    for ranking in rankings:
        assert shop.ask_again(ranking.request_id) == ranking


def test_propensities_are_shares_of_redrawn_lists(shop: bandi.Engine) -> None:
    ranking = shop.recommend(k=8)
    shares = shop.propensities(ranking.request_id, draws=4_000)
    assert [share.item for share in shares] == [slot.item for slot in ranking]
    for share in shares:  # all arms alike: each item stands in each slot with probability 1/8
        assert share.in_list == 1.0
        assert abs(share.in_slot - 1 / 8) < 5 * (1 / 8 * 7 / 8 / 4_000) ** 0.5


def test_asking_again_for_what_was_never_decided(shop: bandi.Engine) -> None:
    with pytest.raises(bandi.UnknownNameError, match="a decision in the log"):
        shop.ask_again("0000000000001")
    with pytest.raises(bandi.InvalidInputError, match="request id"):
        shop.ask_again("nonsense")


def test_items_not_yet_launched_or_hidden_are_no_candidates(shop: bandi.Engine) -> None:
    shop.items.put([bandi.Item(id="later", launched_at=4e9), bandi.Item(id="hidden", active=False)])
    assert {slot.item for slot in shop.recommend(k=100)} == {f"t{i}" for i in range(8)}


def test_a_closed_engine_says_so(folder: Path) -> None:
    engine = bandi.open(folder)
    engine.close()
    engine.close()
    with pytest.raises(bandi.ClosedError):
        engine.recommend()
    with pytest.raises(bandi.ClosedError):
        engine.record(bandi.Click(user="u", item="t"))
