"""Caps, quotas and MMR against trying every list, or the plain formula."""

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.arrangement.diversity import Caps, Diversity, Mmr, Quotas, diversify
from bandi.model.errors import InvalidInputError
from bandi.policies.protocol import Ranked


def pool(n: int) -> Ranked:
    """Scores that are powers of two, so that a sum of scores says which titles are in it."""
    return Ranked(np.arange(n, dtype=np.int32), 2.0 ** -np.arange(n, dtype=np.float32))


def caps(*codes: list[int], share: float = 0.4) -> Caps:
    return Caps(np.array(codes, np.int32), np.full(len(codes), share))


def limit(share: float, k: int) -> int:
    return max(1, int(share * k + 1e-9))


def excess(codes: list[int], places: Any, most: int) -> int:
    counts: dict[int, int] = {}
    for place in places:
        if codes[place]:
            counts[codes[place]] = counts.get(codes[place], 0) + 1
    return sum(max(0, count - most) for count in counts.values())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(1, 6), st.sampled_from([0.2, 0.34, 0.5, 1.0]))
def test_one_cap_is_met_by_the_best_list_or_missed_by_the_least(codes: list[int], k: int, share: float) -> None:
    n, length = len(codes), min(k, len(codes))
    chosen = diversify(pool(n), k, Diversity(caps(codes, share=share))).tolist()
    most = limit(share, length)
    assert len(chosen) == length
    assert chosen == sorted(set(chosen))
    every = list(combinations(range(n), length))
    least = min(excess(codes, places, most) for places in every)
    assert excess(codes, chosen, most) == least
    if least == 0:  # scores are powers of two: the best list is the first in the order of tuples
        assert tuple(chosen) == min(places for places in every if excess(codes, places, most) == 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30), st.integers(1, 8))
def test_several_caps_take_the_next_title_that_all_allow(codes: list[tuple[int, int]], k: int) -> None:
    genres, authors = [g for g, _ in codes], [a for _, a in codes]
    length = min(k, len(codes))
    diversity = Diversity(Caps(np.array([genres, authors], np.int32), np.array([0.5, 0.25])))
    chosen = diversify(pool(len(codes)), k, diversity).tolist()
    expected: list[int] = []
    slack = 0
    while len(expected) < length:
        for place in range(len(codes)):
            if place in expected or len(expected) == length:
                continue
            with_it = [*expected, place]
            allowed = all(
                not row[place] or sum(row[p] == row[place] for p in with_it) <= limit(share, length) + slack
                for row, share in ((genres, 0.5), (authors, 0.25))
            )
            if allowed:
                expected.append(place)
        slack += 1
    assert chosen == sorted(expected)


def could_meet_both(codes: np.ndarray, limits: list[int], length: int) -> bool:
    """Whether some list of that length meets two caps: a flow of titles from genres to authors (Ford and Fulkerson 1956)."""
    titles = range(codes.shape[1])
    used = np.zeros(codes.shape[1], bool)

    def augment() -> bool:
        reached: dict[tuple[int, int], int] = {}  # (field, code): the title it was reached by
        genres = [g for g in np.unique(codes[0]) if (codes[0][used] == g).sum() < limits[0]]
        queue: list[tuple[int, int]] = [(0, int(g)) for g in genres]
        begun = set(queue)
        while queue:
            field, code = queue.pop(0)
            for title in titles:
                other = (1 - field, int(codes[1 - field][title]))
                if codes[field][title] == code and used[title] == (field == 1) and other not in begun:
                    begun.add(other)
                    reached[other] = title
                    if field == 0 and (codes[1][used] == other[1]).sum() < limits[1]:
                        while other in reached:
                            title = reached[other]
                            used[title] = not used[title]
                            other = (1 - other[0], int(codes[1 - other[0]][title]))
                        return True
                    queue.append(other)
        return False

    return all(augment() for _ in range(length))


def test_two_caps_are_missed_only_in_pools_hardly_larger_than_the_list() -> None:
    """Titles of 8 genres and 60 authors, caps of 20 % and 10 %, k = 10; 300 pools each, of fixed seeds."""
    missed = {}
    for n in (12, 60):
        missed[n] = 0
        for seed in range(300):
            random = np.random.default_rng(seed)
            codes = np.stack([random.integers(1, 9, n), random.integers(1, 61, n)]).astype(np.int32)
            chosen = diversify(pool(n), 10, Diversity(Caps(codes, np.array([0.2, 0.1]))))
            met = all(np.bincount(row[chosen]).max() <= most for row, most in zip(codes, (2, 1), strict=True))
            possible = could_meet_both(codes, [2, 1], 10)
            assert possible or not met
            missed[n] += possible and not met
    assert missed[60] == 0
    assert missed[12] < 60


def charged(bits: list[int], places: Any, least: list[int], most: list[int]) -> bool:
    """Whether each place can be charged to a source of its own bits, within the quotas."""
    options = [[s for s in range(len(least)) if bits[p] >> s & 1] or [-1] for p in places]
    return any(all(least[s] <= charge.count(s) <= most[s] for s in range(len(least))) for charge in product(*options))


shares = st.sampled_from([(0.0, 1.0), (0.3, 1.0), (0.0, 0.5), (0.2, 0.6), (0.5, 0.5)])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=8), st.integers(1, 5), st.lists(shares, min_size=1, max_size=3))
def test_quotas_are_met_by_the_best_list_that_can(bits: list[int], k: int, wanted: list[tuple[float, float]]) -> None:
    least, most = np.array([low for low, _ in wanted]), np.array([high for _, high in wanted])
    if least.sum() > 1:
        return
    n, length = len(bits), min(k, len(bits))
    bits = [b & ((1 << len(wanted)) - 1) for b in bits]
    chosen = diversify(pool(n), k, Diversity(quotas=Quotas(least, most)), np.array(bits, np.uint8)).tolist()
    assert len(chosen) == length
    assert chosen == sorted(set(chosen))
    low = [int(np.ceil(share * length - 1e-9)) for share in least]
    high = [max(1, floor, int(share * length + 1e-9)) for share, floor in zip(most, low, strict=True)]
    fits = [places for places in combinations(range(n), length) if charged(bits, places, low, high)]
    if fits:
        assert tuple(chosen) == min(fits)


def test_an_exploration_quota_takes_the_best_of_the_fresh() -> None:
    fresh = np.zeros(100, np.uint8)
    fresh[[50, 60, 70]] = 1
    quota = Diversity(quotas=Quotas(np.array([0.1]), np.array([1.0])))
    assert diversify(pool(100), 20, quota, fresh).tolist() == [*range(18), 50, 60]
    assert diversify(pool(100), 20, quota).tolist() == list(range(20))  # nobody named anything: scores alone


def test_where_quotas_and_a_cap_meet_the_cap_gives_way_first() -> None:
    fresh = np.zeros(30, np.uint8)
    fresh[20:] = 1
    genre = [1] * 5 + [2] * 15 + [1] * 10  # all fresh titles are of genre 1
    both = Diversity(caps(genre, share=0.5), Quotas(np.array([0.6]), np.array([1.0])))
    chosen = diversify(pool(30), 10, both, fresh)
    assert fresh[chosen].sum() == 6


def test_a_list_of_one_genre_stays_in_order_and_full() -> None:
    assert diversify(pool(40), 10, Diversity(caps([1] * 40))).tolist() == list(range(10))


def plain_mmr(scores: np.ndarray, vectors: np.ndarray, k: int, trade_off: float) -> list[float]:
    """The formula: of each choice by `diversify`, how far it is below the best that could be had."""
    spread = scores.max() - scores.min()
    relevance = (scores - scores.min()) / spread if spread else np.zeros(len(scores))
    similar = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    chosen = diversify(
        Ranked(np.arange(len(scores), dtype=np.int32), scores), k, Diversity(mmr=Mmr(vectors, trade_off))
    ).tolist()
    assert len(set(chosen)) == min(k, len(scores))
    short = []
    for slot, place in enumerate(chosen):
        near = similar[:, chosen[:slot]].max(axis=1) if slot else np.zeros(len(scores))
        values = trade_off * relevance - (1 - trade_off) * near
        rest = [p for p in range(len(scores)) if p not in chosen[:slot]]
        short.append(float(values[rest].max() - values[place]))
    return short


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1_500), st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.integers(0, 2**32 - 1))
def test_mmr_takes_the_greatest_value_of_its_formula(n: int, k: int, trade_off: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = -np.sort(-random.random(n).astype(np.float32))
    assert max(plain_mmr(scores, vectors, k, trade_off)) < 1e-5


def test_mmr_shows_one_of_two_twins_and_none_of_what_has_no_vector_is_lost() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1], [np.nan, 1], [np.inf, 0]], np.float32)
    scores = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.0], np.float32)  # the last title is newer than the vectors
    six = Ranked(np.arange(6, dtype=np.int32), scores)
    half = Diversity(mmr=Mmr(vectors, 0.5))
    assert diversify(six, 3, half).tolist() == [0, 2, 3]
    assert sorted(diversify(six, 6, half).tolist()) == list(range(6))
    assert diversify(six, 6, half).tolist()[-1] in (1, 5)


def test_mmr_keeps_caps_and_quotas() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(200, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    genre, fresh = random.integers(1, 6, 200), (random.random(200) < 0.1).astype(np.uint8)
    asked = Diversity(caps(genre.tolist(), share=0.25), Quotas(np.array([0.2]), np.array([1.0])), Mmr(vectors, 0.8))
    chosen = diversify(pool(200), 20, asked, fresh)
    assert np.bincount(genre[chosen]).max() <= 5
    assert fresh[chosen].sum() >= 4


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_whatever_is_asked_the_list_is_full_and_the_same_each_time(n: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    diversity = Diversity(
        Caps(random.integers(0, 4, (2, n // 2)).astype(np.int32), random.uniform(0.05, 1, 2)),
        Quotas(random.dirichlet(np.ones(4))[:3] * random.random(), np.ones(3)),
        Mmr(random.normal(size=(n // 3, 4)).astype(np.float32) / 4, random.random()),
    )
    scores = random.random(n).astype(np.float32)  # not sorted: not every policy ranks by score
    given_pool = Ranked(random.permutation(n).astype(np.int32), scores)
    bits = random.integers(0, 8, n).astype(np.uint8)
    chosen = diversify(given_pool, k, diversity, bits)
    assert len(set(chosen.tolist())) == len(chosen) == min(n, k)
    assert set(chosen.tolist()) <= set(range(n))
    assert chosen.tolist() == diversify(given_pool, k, diversity, bits).tolist()
    assert diversify(given_pool, k, Diversity()).tolist() == list(range(min(n, k)))


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"caps": Caps(np.zeros((2, 3), np.int32), np.array([0.5]))}, "caps.codes"),
        ({"caps": Caps(np.zeros((1, 3), np.int32), np.array([0.0]))}, "caps.shares"),
        ({"caps": Caps(np.zeros((1, 3), np.int32), np.array([np.nan]))}, "caps.shares"),
        ({"caps": Caps(np.zeros((9, 3), np.int32), np.full(9, 0.5))}, "caps.codes"),
        ({"quotas": Quotas(np.array([0.6, 0.6]), np.ones(2))}, "quotas"),
        ({"quotas": Quotas(np.array([0.6]), np.array([0.5]))}, "quotas"),
        ({"quotas": Quotas(np.zeros(9), np.ones(9))}, "quotas"),
        ({"mmr": Mmr(np.zeros((3, 2), np.float32), 1.5)}, "mmr"),
        ({"mmr": Mmr(np.zeros(3, np.float32), 0.5)}, "mmr"),
    ],
)
def test_what_cannot_be_asked_is_refused(wrong: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Diversity(**wrong)
    assert refused.value.problems[0].where == where
