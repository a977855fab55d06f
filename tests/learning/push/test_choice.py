"""Choosing by uplift against choosing by propensity, among readers whose uplift is known; and what a choice may not do."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation.intervals import t_interval
from bandi.learning.push.choice import choose
from bandi.learning.push.messages import MOMENTS, Moments
from bandi.learning.push.pairs import Pairs
from bandi.learning.push.strata import STRATA, prior_weights
from bandi.learning.push.uplift import Uplift, uplift
from bandi.model.records import Array

COINS = 5.0
SURE, PERSUADABLE, SLEEPING_DOG, LOST = range(4)
PAYS_ANYWAY = np.array([0.5, 0.05, 0.4, 0.01])
PAYS_IF_SENT = np.array([0.5, 0.35, 0.2, 0.01])
MIXES = {
    52: (0.7, 0.1, 0.1, 0.1),  # strata of payers, of hooked readers, of lapsed and of free readers
    28: (0.1, 0.6, 0.1, 0.2),
    64: (0.1, 0.1, 0.7, 0.1),
    16: (0.0, 0.1, 0.0, 0.9),
}


def pairs_of(count: int) -> Pairs:
    users = np.arange(count, dtype=np.int32)
    return Pairs(users, users % 7, np.zeros(count, np.int64), np.zeros(count, np.int8))


def coins_earned(seed: int, scores_of: Callable[[Uplift, int], Array]) -> float:
    """Coins that 30 days of messages truly added, per message: 2,000 readers a day, a budget of 300."""
    random = np.random.default_rng([seed, 1])
    sums, gained, sent_in_all = np.zeros((STRATA, 2, MOMENTS)), 0.0, 0
    for day in range(30):
        kinds = random.choice(list(MIXES), 2_000).astype(np.int16)
        shares = np.cumsum([MIXES[kind] for kind in sorted(MIXES)], axis=1)[np.searchsorted(sorted(MIXES), kinds)]
        who = (random.random((2_000, 1)) > shares[:, :3]).sum(axis=1)
        learned = uplift(Moments(sums), prior_weights(), 1.0)
        drawn = scores_of(learned, 1_000 * seed + day)
        rows = choose(pairs_of(2_000), kinds, np.zeros(2_000, np.int64), learned, drawn, 300, 0.1, 1_000 * seed + day)
        types, sent = who[rows["user"]], rows["held"] == 0
        paid = random.random(len(rows)) < np.where(sent, PAYS_IF_SENT[types], PAYS_ANYWAY[types])
        gained += float(COINS * (PAYS_IF_SENT - PAYS_ANYWAY)[types[sent]].sum())
        sent_in_all += int(sent.sum())
        cells = 2 * rows["stratum"].astype(np.int64) + sent
        for at, values in enumerate((np.ones(len(rows)), COINS * paid, COINS**2 * paid)):
            sums[:, :, at] += np.bincount(cells, values, 2 * STRATA).reshape(STRATA, 2)
    return gained / max(sent_in_all, 1)


def test_uplift_earns_more_than_propensity() -> None:
    """24 seeds; the 95 % interval of the difference in truly added coins a message excludes zero, and uplift itself gains."""
    by_uplift = np.array([coins_earned(seed, lambda learned, draw: learned.drawn(draw)) for seed in range(24)])
    by_propensity = np.array([coins_earned(seed, lambda learned, _: learned.anyway + learned.mean) for seed in range(24)])  # fmt: skip
    difference = t_interval(by_uplift - by_propensity)
    assert difference.low > 0.3
    assert t_interval(by_uplift).low > 0.5
    best = COINS * float(((PAYS_IF_SENT - PAYS_ANYWAY) * MIXES[28]).sum())
    assert by_uplift.mean() > 0.7 * best


def test_without_any_data_those_who_stopped_lately_come_first() -> None:
    learned = uplift(Moments(np.zeros((STRATA, 2, MOMENTS))), prior_weights(), 2.0)
    assert learned.mean == pytest.approx(2.0 * prior_weights())
    assert (learned.deviation > 0).all()


def test_much_data_is_believed_and_little_is_not() -> None:
    """Two strata with a difference of 1 coin and many messages; a third with few, whose difference of 9 is shrunk to them."""
    sums = np.zeros((STRATA, 2, MOMENTS))
    for stratum in (0, 24):
        sums[stratum, 0, :3], sums[stratum, 1, :3] = (10_000, 10_000, 50_000), (10_000, 20_000, 100_000)
    sums[48, 0, :3], sums[48, 1, :3] = (3, 0, 0), (3, 27, 243)
    learned = uplift(Moments(sums), prior_weights(), 1.0)
    assert learned.mean[[0, 24]] == pytest.approx(1.0, abs=0.05)
    assert 1.0 < learned.mean[48] < 4.0
    assert learned.deviation[48] > 5 * learned.deviation[0]
    assert learned.mean[72] == pytest.approx(1.0, abs=0.6)  # nothing known: the mean of the others


@given(
    budget=st.integers(0, 40),
    holdout=st.floats(0.01, 0.5),
    seed=st.integers(0, 2**64 - 1),
    users=st.lists(st.integers(0, 30), max_size=60),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_a_choice_keeps_its_bounds(budget: int, holdout: float, seed: int, users: list[int], data: st.DataObject) -> None:  # fmt: skip
    count = len(users)
    pairs = Pairs(np.array(users, np.int32), np.arange(count, dtype=np.int32), np.zeros(count, np.int64), np.zeros(count, np.int8))  # fmt: skip
    kinds = np.array(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)), np.int16)
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, *[0.0] * (STRATA - 5)])
    learned = Uplift(np.ones(STRATA), values, np.zeros(STRATA))
    rows = choose(pairs, kinds, np.zeros(count, np.int64), learned, values, budget, holdout, seed)
    again = choose(pairs, kinds, np.zeros(count, np.int64), learned, values, budget, holdout, seed)
    assert rows.tobytes() == again.tobytes()
    assert int((rows["held"] == 0).sum()) <= budget
    assert len(set(rows["user"].tolist())) == len(rows)
    assert (values[rows["stratum"]] > 0).all()
    assert (np.diff(values[rows["stratum"]]) <= 0).all()
    wanting = {user for user, kind in zip(users, kinds.tolist(), strict=True) if values[kind] > 0}
    if len(wanting) > len(rows):  # somebody was left out: only because the budget was spent
        assert int((rows["held"] == 0).sum()) == budget
