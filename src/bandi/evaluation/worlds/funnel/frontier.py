"""What could be earned: the oracle's frontier of clicks against coins, and gains at the same loss of clicks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandi.evaluation.worlds.funnel.oracle import Oracle, Resolution
from bandi.evaluation.worlds.funnel.result import FunnelResult
from bandi.evaluation.worlds.funnel.running import CLICKS, Plan, Progress, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.records import Array

MULTIPLIERS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""The first is the origin: the best lists for clicks."""


def frontier(
    world: FunnelWorld,
    plan: Plan = CLICKS,
    multipliers: Sequence[float] = MULTIPLIERS,
    resolution: Resolution = "reader",
    progress: Progress | None = None,
) -> list[FunnelResult]:
    """The oracle's run at each multiplier, in their order. Each is a run of its own: a list moves what comes after it."""
    return [
        run_funnel(f"oracle {multiplier:g}", Oracle(world, multiplier, resolution), world, plan, progress)
        for multiplier in multipliers
    ]


def gains_at(ctr: Array, coins: Array, given_up: Sequence[float]) -> Array:
    """Coins gained where a share of the origin's CTR is given up: float64[len(given_up)], shares of the origin's coins.

    ctr, coins: float64[points]; the first point is the origin. Between points it is interpolated along the upper concave
    hull (any mix of two policies can be had by giving each to some readers); beyond the last point of it, NaN.
    """
    x = 1.0 - np.asarray(ctr, np.float64) / ctr[0]
    y = np.asarray(coins, np.float64) / coins[0] - 1.0
    kept = _upper_hull(x, y)
    gains = np.interp(given_up, x[kept], y[kept], left=np.nan)
    return np.asarray(np.where(np.asarray(given_up) > x[kept[-1]], np.nan, gains))


def _upper_hull(x: Array, y: Array) -> Array:
    """Places of the points that no mix of others beats, by ascending x, from the origin (monotone chain; Andrew 1979)."""
    order = [0, *(int(n) for n in np.lexsort((-y, x)) if n and x[n] > x[0])]
    hull: list[int] = []
    for n in order:
        if hull and x[n] == x[hull[-1]]:
            continue
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (y[b] - y[a]) * (x[n] - x[a]) > (y[n] - y[a]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(n)
    return np.array(hull)
