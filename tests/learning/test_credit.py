"""Credit against plain Python over whole histories: refunds, windows, weights, any cut and order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning._credit_kernels import position_weights
from bandi.learning.credit import By, CreditRule, PurchaseReading, TouchReading, credit
from bandi.model.records import EVENT, Array

DAY = 86_400_000
CLICK, PURCHASE, REFUND = 2, 4, 6


def history(seed: int, n: int = 400) -> Array:
    """Clicks (some with a request of placement 1 or 2, some organic), purchases and refunds of few readers and titles."""
    random = np.random.default_rng(seed)
    rows = np.zeros(n, EVENT)
    rows["kind"] = random.choice([1, CLICK, 3, PURCHASE, REFUND], n, p=[0.1, 0.5, 0.1, 0.22, 0.08])
    rows["user"], rows["item"] = random.integers(-1, 4, n), random.integers(0, 3, n)
    rows["occurred_ms"] = random.permutation(n) * (DAY // 4)
    requested = random.random(n) < 0.5
    rows["request"] = np.where(requested, (1 << 44) | random.integers(1, 3, n), 0)
    rows["placement"], rows["segment"] = random.integers(-1, 3, n), random.integers(0, 3, n)
    money = rows["kind"] >= PURCHASE
    rows["value"] = np.where(money, random.integers(0, 4, n) * 10, 0)
    rows["episode"] = random.integers(0, 3, n)
    return rows


def plain(rows: Array, rule: CreditRule, by: By, configured: set[int]) -> dict[int | None, list[float]]:
    """Sums by group, None: organic."""
    sums: dict[int | None, list[float]] = {None: [0.0] * 4}
    pairs = {(int(r["user"]), int(r["item"])) for r in rows if r["user"] >= 0 and r["item"] >= 0}
    for user, item in pairs:
        own = sorted(
            (n for n in range(len(rows)) if (rows[n]["user"], rows[n]["item"]) == (user, item)),
            key=lambda n: (rows[n]["occurred_ms"], n),
        )
        bought: list[list[float]] = []  # time, episode, coins, left
        for n in own:
            row = rows[n]
            if row["kind"] == PURCHASE:
                bought.append([int(row["occurred_ms"]), int(row["episode"]), float(row["value"]), float(row["value"])])
            elif row["kind"] == REFUND:
                due = float(row["value"])
                candidates = [p for p in reversed(bought) if row["episode"] and p[1] == row["episode"]] + bought[::-1]
                for purchase in candidates:
                    taken = min(purchase[3], due)
                    purchase[3], due = purchase[3] - taken, due - taken
        touches = []
        for n in own:
            row = rows[n]
            named = int(row["request"]) & 1023
            placement = named if row["request"] and named in configured else int(row["placement"])
            if row["kind"] == CLICK and placement >= 0:
                group = {"placement": placement, "item": item, "segment": int(row["segment"])}[by]
                touches.append((int(row["occurred_ms"]), group))
        for time, _, coins, left in bought:
            if coins > 0 and left == 0:
                continue
            met = [group for at, group in touches if time - rule.window_ms <= at <= time]
            if not met:
                for column in (0, 2):
                    sums[None][column] += 1
                    sums[None][column + 1] += left
                continue
            sums.setdefault(met[-1], [0.0] * 4)
            sums[met[-1]][0] += 1
            sums[met[-1]][1] += left
            for place, group in enumerate(met):
                share = share_of(place, len(met), rule)
                mine = sums.setdefault(group, [0.0] * 4)
                mine[2] += share
                mine[3] += share * left
    return sums


def share_of(place: int, count: int, rule: CreditRule) -> float:
    if count == 1:
        return 1.0
    ends = rule.first + rule.last
    if count == 2:
        return (rule.last if place else rule.first) / ends if ends else 0.5
    return rule.first if place == 0 else rule.last if place == count - 1 else (1 - ends) / (count - 2)


def folded(rows: Array, cuts: list[int], rule: CreditRule, by: By) -> dict[int | None, list[float]]:
    bounds = [0, *sorted(cuts), len(rows)]
    reading = PurchaseReading()
    for first, stop in zip(bounds, bounds[1:], strict=False):
        reading.fold(np.arange(first, stop), rows[first:stop])
    purchases = reading.purchases()
    touches = TouchReading(purchases, {1, 2})
    for first, stop in zip(bounds, bounds[1:], strict=False):
        touches.fold(rows[first:stop])
    found = credit(purchases, touches.touches(), rule, by, {1})
    groups = {int(key): found.sums[n].tolist() for n, key in enumerate(found.keys.tolist())}
    return {key: sums for key, sums in groups.items() if any(sums)} | {None: found.sums[-1].tolist()}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.lists(st.integers(0, 400), max_size=4), st.sampled_from(["placement", "item", "segment"]),
    st.sampled_from([(0.4, 0.4), (0.0, 0.0), (0.5, 0.5), (0.2, 0.7)]), st.sampled_from([1, 10, 100]),
)  # fmt: skip
def test_sums_are_those_of_plain_python(
    seed: int, cuts: list[int], by: By, weights: tuple[float, float], days: int
) -> None:
    rows, rule = history(seed), CreditRule(days * DAY, *weights)
    found, expected = folded(rows, cuts, rule, by), plain(rows, rule, by, {1, 2})
    assert found.keys() == expected.keys()
    for key, sums in expected.items():
        assert found[key] == pytest.approx(sums, abs=1e-9)


@given(st.integers(1, 50), st.floats(0, 0.5), st.floats(0, 0.5))
def test_shares_sum_to_one(count: int, first: float, last: float) -> None:
    shares = position_weights(count, first, last)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= -1e-12).all()


def test_every_coin_is_credited_once_or_refunded() -> None:
    for seed in range(20):
        rows = history(seed)
        reading = PurchaseReading()
        reading.fold(np.arange(len(rows)), rows)
        purchases = reading.purchases()
        touches = TouchReading(purchases, {1, 2})
        touches.fold(rows)
        found = credit(purchases, touches.touches(), CreditRule(10 * DAY), "item", {1})
        money = rows[(rows["user"] >= 0)]
        paid, back = (money["value"][money["kind"] == kind].sum() for kind in (PURCHASE, REFUND))
        assert found.sums[:, 1].sum() == pytest.approx(paid - purchases.refunded)
        assert found.sums[:, 3].sum() == pytest.approx(paid - purchases.refunded)
        assert purchases.refunded + purchases.unmatched == pytest.approx(back)
        assert ((found.by_position >= 0) & (found.by_position <= 1 + 1e-12)).all()


def test_weights_above_one_are_refused() -> None:
    purchases = PurchaseReading().purchases()
    with pytest.raises(ValueError, match="weights"):
        credit(purchases, TouchReading(purchases, {1}).touches(), CreditRule(1, 0.8, 0.4), "item", {1})
