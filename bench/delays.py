"""How far a policy's delay curve is from the truth; run: python -m bench.delays.

1,000 rewards in all, of starts over the last 30 days, window 14 days: the curve is learned from those that have come (see
policies/_chain_kernels.fit_delays). Off: F fitted less F, mean over 20 seeds. The lower bound is Kaplan and Meier's curve,
which sees the starts too, of ten starts a reward.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bandi.learning.delays import kaplan_meier
from bandi.model.records import Array
from bandi.policies._chain_kernels import TAUS_MS, fit_delays
from bench.measure import table

DAY = 86_400_000
NOW, WINDOW, REWARDS, SEEDS = 30 * DAY, 14 * DAY, 1_000, 20
AGES = {"6 h": 0.25, "1 d": 1.0, "4 d": 4.0, "7 d": 7.0, "14 d": 14.0}
Draw = Callable[[np.random.Generator, int], Array]
DELAYS: dict[str, Draw] = {
    "exponential, mean 4.56 d": lambda random, count: random.exponential(4.56 * DAY, count),
    "gamma, shape 1/2": lambda random, count: random.gamma(0.5, 9.12 * DAY, count),
    "gamma, shape 2": lambda random, count: random.gamma(2.0, 2.28 * DAY, count),
    "normal, 5 d +- 12 h": lambda random, count: np.maximum(random.normal(5 * DAY, DAY / 2, count), 1.0),
}


def main() -> None:
    ages = np.array(list(AGES.values())) * DAY
    rows = []
    for name, draw in DELAYS.items():
        whole = np.sort(draw(np.random.default_rng(99), 1_000_000))
        truth = np.searchsorted(whole, ages) / np.searchsorted(whole, WINDOW)
        errors = np.array([_errors(draw, ages, truth, seed) for seed in range(SEEDS)]).mean(axis=0)
        rows.append([name, *(f"{off:+.3f}" for off in errors[0]), f"{np.abs(errors[1]).max():.3f}"])
    print(table(["delays", *AGES, "Kaplan-Meier, largest"], rows))


def _errors(draw: Draw, ages: Array, truth: Array, seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    starts = random.integers(0, NOW, 10 * REWARDS)
    delays = draw(random, len(starts)).astype(np.int64)
    converts = np.arange(len(starts)) < REWARDS
    seen = converts & (starts + delays <= NOW) & (delays <= WINDOW)
    weights = np.zeros(len(TAUS_MS))
    fit_delays(starts[seen], delays[seen], float(NOW), 4.5 * DAY, weights)
    fitted = -np.expm1(-ages[:, None] / TAUS_MS) @ weights
    return fitted - truth, kaplan_meier(starts, np.where(seen, delays, -1), NOW, WINDOW).share(ages) - truth


if __name__ == "__main__":
    main()
