"""Who met what, against a dict of dicts; any order of events, any cuts, any dumps in between."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning import encounters
from bandi.learning.encounters import KEPT, Encounters, Met
from bandi.model.records import EVENT

Oracle = dict[int, dict[int, int]]
events = st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 40), st.integers(0, 6)), max_size=300)


def rows(found: list[tuple[int, int, int]]) -> np.ndarray:
    made = np.zeros(len(found), EVENT)
    for row, (user, item, kind) in zip(made, found, strict=True):
        row["user"], row["item"], row["kind"] = user, item, kind
    return made


def fold(oracle: Oracle, found: list[tuple[int, int, int]], most: int) -> None:
    for user, item, kind in found:
        if user >= 0 and item >= 0 and 2 <= kind <= 5:
            titles = oracle.setdefault(user, {})
            titles[item] = titles.get(item, 0) | 1 << (kind - 2)
            if len(titles) > most:
                del titles[next(iter(titles))]


def same(one: Encounters, other: Encounters) -> bool:
    return {k: v.tobytes() for k, v in one.dump().items()} == {k: v.tobytes() for k, v in other.dump().items()}


@settings(max_examples=150, deadline=None)
@given(
    found=events,
    cuts=st.lists(st.integers(0, 300), max_size=6),
    forgotten=st.lists(st.tuples(st.integers(0, 300), st.integers(-1, 7)), max_size=3),
    most=st.sampled_from([1, 3, 8, KEPT]),
)
def test_they_are_a_dict_of_sets_however_the_log_is_cut(
    found: list[tuple[int, int, int]], cuts: list[int], forgotten: list[tuple[int, int]], most: int
) -> None:
    oracle: Oracle = {}
    whole, cut = Encounters(), Encounters()
    stops = sorted({min(at, len(found)) for at, _ in forgotten} | {len(found)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encounters, "KEPT", most)
        first = 0
        for stop in stops:
            fold(oracle, found[first:stop], most)
            whole.fold(rows(found[first:stop]))
            bounds = sorted({first, stop, *(c for c in cuts if first < c < stop)})
            for a, b in zip(bounds, bounds[1:], strict=False):
                cut.fold(rows(found[a:b]))
                again = Encounters()
                again.load(cut.dump())
                assert same(again, cut)
                cut = again
            for at, user in forgotten:
                if min(at, len(found)) == stop:
                    oracle.pop(user, None)
                    whole.forget(user)
                    cut.forget(user)
            first = stop
    for user in range(-1, 9):
        titles = oracle.get(user, {})
        assert whole.met(user).tolist() == cut.met(user).tolist() == list(titles)
        for kinds in range(16):
            assert whole.met(user, kinds).tolist() == [item for item, bits in titles.items() if bits & kinds]
    assert same(whole, cut)


def test_many_readers_of_many_titles_agree_with_the_oracle() -> None:
    """Extents of all sizes, moved and given back; more titles than are kept; readers taken out in between."""
    random = np.random.default_rng(7)
    whole, oracle = Encounters(), Oracle()
    for part in range(6):
        users = np.minimum(random.zipf(1.6, 20_000), 500)
        items = random.integers(0, 9_000, 20_000)
        found = list(zip(users.tolist(), items.tolist(), random.integers(1, 7, 20_000).tolist(), strict=True))
        whole.fold(rows(found))
        fold(oracle, found, KEPT)
        for user in (2, 5 + part):
            whole.forget(user)
            oracle.pop(user, None)
    assert len(whole.met(1)) == KEPT
    assert all(whole.met(user).tolist() == list(oracle.get(user, {})) for user in range(502))
    again = Encounters()
    again.load(whole.dump())
    assert same(again, whole)
    pairs = sum(map(len, oracle.values()))
    assert again.nbytes < 10 * pairs + 12 * 502 + 64


def test_a_freed_extent_is_used_again() -> None:
    met = Encounters()
    met.fold(rows([(0, item, 3) for item in range(100)]))
    size = met.nbytes
    for _ in range(1_000):
        met.forget(0)
        met.fold(rows([(0, item, 3) for item in range(100)]))
    assert met.nbytes == size
    assert met.met(0).tolist() == list(range(100))


def test_kinds_are_told_apart_and_what_was_handed_out_does_not_change() -> None:
    met = Encounters()
    met.fold(rows([(1, 5, 2), (1, 6, 3), (1, 5, 4), (1, 7, 5), (1, 8, 1), (1, 9, 16)]))
    before = met.met(1)
    assert met.met(1, Met.BOUGHT).tolist() == [5]
    assert met.met(1, Met.CLICKED | Met.DISMISSED).tolist() == [5, 7]
    assert met.met(1, 0).tolist() == []
    met.fold(rows([(1, 10, 2)]))
    assert before.tolist() == [5, 6, 7]
    before[:] = 0
    assert met.met(1).tolist() == [5, 6, 7, 10]


@pytest.mark.parametrize(
    "change",
    [
        {"counts": np.array([2, -1], np.int32)},
        {"counts": np.array([KEPT + 1], np.int32)},
        {"items": np.array([1], np.int32)},
        {"items": np.array([1, 1], np.int32)},
        {"items": np.array([1, -1], np.int32)},
        {"kinds": np.array([0, 1], np.uint8)},
        {"kinds": np.array([16, 1], np.uint8)},
    ],
)
def test_a_dump_that_does_not_fit_is_refused(change: dict[str, np.ndarray]) -> None:
    met = Encounters()
    met.fold(rows([(0, 1, 2), (0, 2, 2)]))
    good = met.dump()
    with pytest.raises(ValueError, match=r"counts|items|kinds"):
        met.load({**good, **change})
    assert met.met(0).tolist() == [1, 2]


def test_asking_while_the_log_is_folded_never_fails() -> None:
    met = Encounters()
    stop = threading.Event()
    failures: list[Exception] = []

    def ask() -> None:
        random = np.random.default_rng(1)
        try:
            while not stop.is_set():
                found = met.met(int(random.integers(0, 60)), int(random.integers(0, 16)))
                assert found.min(initial=0) >= 0
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    random = np.random.default_rng(2)
    for _ in range(60):
        part = np.zeros(2_000, EVENT)
        part["user"], part["item"] = random.integers(0, 50, 2_000), random.integers(0, 5_000, 2_000)
        part["kind"] = random.integers(2, 6, 2_000)
        met.fold(part)
        met.forget(int(random.integers(0, 50)))
    stop.set()
    thread.join()
    assert failures == []
