"""Hyperparameters chosen on held-out reads: a climb by coordinates from given ones, bounded by the number of fits.

Each coordinate is tried a step up and, where that does not help, a step down, and followed as long as it helps; when a round
over all coordinates has helped nowhere, the steps become half as long (Hooke and Jeeves 1961, "Direct search", without the
pattern move). All but nu are stepped on a logarithmic scale. Which of them matter: Rendle, Krichene, Zhang and Koren (2021),
"Revisiting the performance of iALS", section 4.

Regularisation and alpha are not stepped by themselves, for one is only good beside the other. R the 0/1 matrix of reads, its part in
the loss near x = y = 0 is -2 (1 + alpha) u' R v + regularisation (|u|**2 + |v|**2) for a pair of directions u, v: they are learned only
where the singular value exceeds *threshold* = regularisation / (1 + alpha). At alpha 0 and nu 0 that is all there is: singular values
are lessened by the threshold, down to 0 (Srebro, Rennie and Jaakkola 2004, "Maximum-margin matrix factorization", lemma 1; Cai, Candès
and Shen 2010, "A singular value thresholding algorithm", theorem 2.1). So the threshold is stepped with alpha fixed, and alpha is
stepped along the ridge that the best thresholds make, which fall as alpha**-RIDGE.

The best of many settings looks better than the first by luck alone, the more so the fewer readers judge. So the first is
left only where readers' mean gain exceeds the normal quantile of FALSE_ALARMS, divided by the settings tried (Bonferroni's
inequality: Dunn 1961, "Multiple comparisons among means"), times the gain's standard error: where no setting is better than the
first, it is left in at most that share of trainings, as far as so many gains are normal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.interactions import Interactions, Rows, gather_interactions
from bandi.model.records import Array

FITS = 40
MAX_READERS = 10_000
"""Readers whose held-out titles are looked at."""
FALSE_ALARMS = 0.05
"""How often settings may be left for others that are no better."""
MIN_READERS = 30
"""Fewer gains have no mean that is near enough to normal to be judged by."""
RIDGE = 0.25
"""On development worlds and MovieLens small the best thresholds fell as about alpha**-0.1 below alpha 1, alpha**-0.3 above."""
_ROUNDS = 2
"""Halvings of the steps."""

Score = Callable[[AlsConfig], float]
"""How good a setting is; higher is better."""
Qualities = Callable[[AlsConfig], Array]
"""How good a setting is for each of the same readers: float64[readers]; higher is better."""
Judge = Callable[[Factors, Rows, Rows], Array]
"""How good factors are for each reader with something held out, from what they have read and what they read next (NDCG)."""
OnFit = Callable[[int, int], None]
"""Called after each fit with how many were made and how many are allowed."""


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A direction to step in, the range of what it is called by, and its first step: a factor above 1, or a summand for nu."""

    name: Literal["threshold", "alpha", "nu", "factors", "iterations"]
    low: float
    high: float
    step: float


COORDINATES = (
    Coordinate("threshold", 0.01, 10_000.0, 2.0),
    Coordinate("alpha", 0.1, 1_000.0, 4.0),
    Coordinate("nu", 0.0, 1.0, 1.0),
    Coordinate("factors", 8, 256, 2.0),
    Coordinate("iterations", 5, 60, 2.0),
)


def choose(
    train: Interactions,
    validation: Interactions,
    judge: Judge,
    start: AlsConfig | None = None,
    fits: int = FITS,
    on_fit: OnFit | None = None,
) -> AlsConfig:
    """A setting that is surely better for `validation` than `start`, found by at most `fits` fits on `train`; else `start`.

    Readers count who have something in both, at most MAX_READERS of them; where there are under MIN_READERS, `start` is the
    answer. train, validation: of one shape. The same arguments give the same answer. O(fits) times the cost of `fit` and of
    `judge`. Raises InvalidInputError.
    """
    start = start or AlsConfig()
    start.check()
    wanted = judged_readers(train, validation)

    def qualities(config: AlsConfig) -> Array:
        return judge(fit(train, config), train.by_user, wanted.by_user)

    if int((np.diff(wanted.by_user.starts) > 0).sum()) < MIN_READERS:
        return start
    return climb_surely(qualities, start, fits, coordinates_of(train), on_fit)


def climb_surely(
    qualities: Qualities,
    start: AlsConfig,
    fits: int = FITS,
    coordinates: tuple[Coordinate, ...] = COORDINATES,
    on_fit: OnFit | None = None,
) -> AlsConfig:
    """What `climb` finds by the readers' mean, where it is surely better than `start`; else `start`."""
    found: dict[AlsConfig, Array] = {}

    def score(config: AlsConfig) -> float:
        found[config] = qualities(config)
        return float(found[config].mean())

    best = climb(score, start, fits, coordinates, on_fit)
    if not np.isfinite(found[start]).all() or surely_better(found[best] - found[start], len(found) - 1):
        return best
    return start


def surely_better(gains: Array, tried: int) -> bool:
    """Whether readers' gains, float64[n], from the best of `tried` settings are above 0 by more than luck (see the module)."""
    if len(gains) < MIN_READERS or tried < 1:
        return False
    quantile = NormalDist().inv_cdf(1 - FALSE_ALARMS / tried)
    return bool(gains.mean() > quantile * gains.std(ddof=1) / np.sqrt(len(gains)))


def climb(
    score: Score,
    start: AlsConfig,
    fits: int = FITS,
    coordinates: tuple[Coordinate, ...] = COORDINATES,
    on_fit: OnFit | None = None,
) -> AlsConfig:
    """The best setting that at most `fits` calls of `score` find, `start` among them; a score that is not finite is the worst."""
    tried: dict[AlsConfig, float] = {}

    def value(config: AlsConfig) -> float:
        if config not in tried:
            if len(tried) >= fits:
                return -np.inf
            found = score(config)
            tried[config] = found if np.isfinite(found) else -np.inf
            if on_fit is not None:
                on_fit(len(tried), fits)
        return tried[config]

    best, share = start, 1.0
    value(start)
    for _ in range(_ROUNDS + 1):
        while True:
            before = best
            for coordinate in coordinates:
                best = _followed(value, best, coordinate, share)
            if best == before or len(tried) >= fits:
                break
        share /= 2
    return best


def _followed(value: Score, best: AlsConfig, coordinate: Coordinate, share: float) -> AlsConfig:
    """As far along one coordinate as it helps: up, or else down."""
    for direction in (share, -share):
        moved = False
        while (further := stepped(best, coordinate, direction)) != best and value(further) > value(best):
            best, moved = further, True
        if moved:
            break
    return best


def stepped(config: AlsConfig, coordinate: Coordinate, steps: float) -> AlsConfig:
    """The setting so many steps along, kept in range; whole numbers stay whole, others keep three digits."""
    threshold = config.regularisation / (1.0 + config.alpha)
    match coordinate.name:
        case "threshold":
            threshold = _moved(threshold, coordinate, coordinate.step**steps)
            return replace(config, regularisation=_short(threshold * (1.0 + config.alpha)))
        case "alpha":
            alpha = _short(_moved(config.alpha, coordinate, coordinate.step**steps))
            threshold *= (alpha / config.alpha) ** -RIDGE
            return replace(config, alpha=alpha, regularisation=_short(threshold * (1.0 + alpha)))
        case "nu":
            return replace(config, nu=min(max(config.nu + steps * coordinate.step, 0.0), 1.0))
        case "factors":
            return replace(config, factors=round(_moved(config.factors, coordinate, coordinate.step**steps)))
        case "iterations":
            return replace(config, iterations=round(_moved(config.iterations, coordinate, coordinate.step**steps)))


def _moved(now: float, coordinate: Coordinate, factor: float) -> float:
    """Where `now` is out of range already, it may stay where it is."""
    return min(max(now * factor, min(coordinate.low, now)), max(coordinate.high, now))


def _short(number: float) -> float:
    """Three digits: a step there and a step back are the same setting, which is not fitted twice."""
    return float(f"{number:.3g}")


def coordinates_of(train: Interactions) -> tuple[Coordinate, ...]:
    """COORDINATES, but no more factors than there are readers or titles: the matrix has no higher rank."""
    rank = max(min(train.users, train.items), 8)
    return tuple(replace(one, high=min(one.high, rank)) if one.name == "factors" else one for one in COORDINATES)


def judged_readers(train: Interactions, validation: Interactions) -> Interactions:
    """What was held out of the readers who have something in both: all of them, or MAX_READERS evenly from the first to the last."""
    readers = np.flatnonzero((np.diff(train.by_user.starts) > 0) & (np.diff(validation.by_user.starts) > 0))
    if len(readers) > MAX_READERS:
        readers = readers[np.linspace(0, len(readers) - 1, MAX_READERS).astype(np.int64)]
    rows = np.repeat(np.arange(validation.users), np.diff(validation.by_user.starts))
    kept: Array = np.isin(rows, readers)
    ones = np.ones(int(kept.sum()), np.float32)
    return gather_interactions(rows[kept], validation.by_user.columns[kept], ones, (validation.users, validation.items))
