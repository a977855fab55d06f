"""Clicks given up against coins gained: paths of policies and oracles, read at stated shares and never beyond their ends.

A policy's path is its measured points by ascending share given up, joined by straight lines from the origin: what a service
gets that turns the dial and does nothing else. The oracle's is the upper concave hull of its points (frontier.py): its mixes
are allowed, so that the bar is not too low. Both in one world; intervals are over worlds.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from bandi.evaluation.intervals import Interval, t_interval, t_quantile
from bandi.evaluation.worlds.funnel.frontier import gains_at
from bandi.model.records import Array

Reading = Literal["own", "same clicks"]
READINGS: tuple[Reading, ...] = ("own", "same clicks")
"""own: the oracle's gain on its own best list for clicks, where it gives up the same share of its own clicks. same clicks:
its coins beside the control's, where it gets (1 - share) of the control's CTR."""


class Path(NamedTuple):
    """Points of one subject in one world. ctr, coins: float64[points]."""

    ctr: Array
    coins: Array


def relative(path: Path, ctr: float, coins: float) -> tuple[Array, Array]:
    """Shares of the control's CTR given up and of its coins gained: float64[points] each."""
    return 1.0 - path.ctr / ctr, path.coins / coins - 1.0


def gain_on_path(given_up: Array, gained: Array, shares: Array) -> Array:
    """Coins gained at each share: float64[len(shares)], NaN beyond the farthest point.

    Points that give up nothing (or less) are left out: at a share above 0 the path to the next point starts at the origin.
    """
    order = np.argsort(given_up, kind="stable")
    order = order[given_up[order] > 0.0]
    x, y = np.concatenate([[0.0], given_up[order]]), np.concatenate([[0.0], gained[order]])
    found = np.interp(shares, x, y)
    return np.asarray(np.where(np.asarray(shares) > x[-1], np.nan, found))


def oracle_gain(path: Path, ctr: float, coins: float, shares: Array, reading: Reading) -> Array:
    """The oracle's coins gained at each share, NaN where its path does not reach. path: first its best lists for clicks.

    ctr, coins: the control's.
    """
    if reading == "own":
        return gains_at(path.ctr, path.coins, shares.tolist())
    wanted = (1.0 - np.asarray(shares)) * ctr
    own = gains_at(path.ctr, path.coins, (1.0 - wanted / path.ctr[0]).tolist())
    return np.asarray(path.coins[0] * (1.0 + own) / coins - 1.0)


def mean_where_all_reach(values: Array) -> Interval | None:
    """The mean over worlds, float64[worlds]; None where one is NaN: that world's path ends before."""
    return None if np.isnan(values).any() else t_interval(values)


def ratio_of_means(above: Array, below: Array) -> Interval:
    """Mean of `above` over mean of `below`, paired by world, with Fieller's (1954) 95 % interval; float64[worlds] each.

    Infinite bounds where `below` is not told from 0, or there is one world.
    """
    n, ratio = len(above), float(above.mean() / below.mean()) if below.mean() else math.nan
    if n < 2 or math.isnan(ratio):
        return Interval(ratio, -math.inf, math.inf)
    (var_above, both), (_, var_below) = np.cov(above, below) / n
    t2 = t_quantile(n - 1) ** 2
    g = t2 * var_below / below.mean() ** 2
    if g >= 1.0:
        return Interval(ratio, -math.inf, math.inf)
    centre = ratio - t2 * both / below.mean() ** 2
    inside = var_above - 2.0 * ratio * both + ratio**2 * var_below
    if var_below > 0.0:
        inside -= g * (var_above - both**2 / var_below)
    half = math.sqrt(t2 * max(inside, 0.0)) / abs(below.mean())
    return Interval(ratio, (centre - half) / (1.0 - g), (centre + half) / (1.0 - g))
