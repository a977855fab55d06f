"""Penalised beta-binomial regression on a sparse design; penalties and dispersion are learned with the effects.

The counts of a cell (a title, in a row of readers) are beta-binomial (Griffiths 1973; Williams 1982): its rate is
Beta(m c, (1 - m) c), logit m = anchor + x' effects. Effects of one kind of content are N(0, v_kind). Each round: a scoring step
on the penalised likelihood, solved by coordinate descent and halved until it helps (Friedman, Hastie and Tibshirani 2010);
v_kind by MacKay's (1992) fixed point, v = sum effects**2 / sum (1 - variance / v); c by the likelihood at the means found. The
posterior variance of an effect is taken as that of the effect with all others held, as a mean field does: too small where
columns overlap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.learning._content_kernels import add_scores, descend, likelihood, slopes
from bandi.learning.content_features import Content
from bandi.model.records import Array

WEAKEST, STRONGEST = 1.0, 2_000.0
"""Bounds of a strength, in trials."""
_ROUNDS, _SWEEPS, _HALVINGS, _STILL = 20, 6, 8, 0.01
_LEVEL_VARIANCE = 1.0
"""Of the level about its anchor, log-odds squared: one trial or two outweigh it."""
_EXPECTED_VARIANCE, _EXPECTED_WORTH = 0.02, 1.0
"""What is believed of v_kind, as that many effects: keeps a kind of one column from running off to 0 or infinity."""
STRENGTH_SPREAD = 1.5
"""Of the belief about a strength, in logarithms: log-normal about where the search starts."""
_MOST_CELLS = 40_000
"""Cells that a strength is found by, spread evenly over those with trials."""
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts to be explained: float64[rows, items] each; the design is the same in each row, the effects are not.

    anchor: log-odds that effects are added to; spread: variance of the anchor's rate as a share of m (1 - m), beside the
    dispersion that is learned.
    """

    successes: Array
    failures: Array
    anchor: Array
    spread: Array


@dataclass(slots=True)
class Regression:
    """effects, variances: float64[rows, columns]; odds: float64[rows, items], the log-odds of every cell's mean.

    kinds: float64[groups], v_kind; strength: c, trials.
    """

    effects: Array
    variances: Array
    odds: Array
    kinds: Array
    strength: float


def fit_regression(cells: Cells, content: Content, strength: float) -> Regression:
    """Effects of content on the cells' rates. strength: where its search starts, in trials. O(rounds * rows * labels)."""
    rows = len(cells.successes)
    kinds = np.full(len(content.groups), _EXPECTED_VARIANCE)
    kinds[0] = _LEVEL_VARIANCE
    shape = (rows, content.columns)
    found = Regression(np.zeros(shape), np.tile(kinds[content.group], (rows, 1)), cells.anchor.copy(), kinds, strength)
    found.strength = min(max(strength, WEAKEST), STRONGEST)
    if not (cells.successes.any() or cells.failures.any()):
        return found
    for _ in range(_ROUNDS):
        moved = max(_step(found, cells, content, row) for row in range(rows))
        _refresh_kinds(found, content)
        found.strength = _best_strength(found, cells, strength)
        if moved < _STILL:
            break
    return found


def _step(found: Regression, cells: Cells, content: Content, row: int) -> float:
    """One scoring step of a row's effects; root mean square change of log-odds where there are trials."""
    successes, failures, spread = cells.successes[row], cells.failures[row], cells.spread[row]
    between = 1.0 / (found.strength + 1.0)
    slope, bend = np.empty_like(successes), np.empty_like(successes)
    slopes(successes, failures, found.odds[row], spread, between, slope, bend)
    precision = 1.0 / found.kinds[content.group]
    effects, curvature = found.effects[row].copy(), np.empty(content.columns)
    descend(content.starts, content.rows, content.values, precision, bend, slope, effects, curvature, _SWEEPS)
    before, old = found.effects[row], found.odds[row]
    worth = likelihood(successes, failures, old, spread, between) - 0.5 * float(precision @ before**2)
    step, odds = effects - before, old
    for _ in range(_HALVINGS):
        odds = cells.anchor[row].copy()
        add_scores(content.starts, content.rows, content.values, before + step, odds)
        reached = likelihood(successes, failures, odds, spread, between) - 0.5 * float(precision @ (before + step) ** 2)
        if reached >= worth:
            break
        step *= 0.5
    else:
        return 0.0
    moved = float(np.sqrt(np.mean((odds - old)[bend > 0.0] ** 2))) if bend.any() else 0.0
    found.effects[row], found.odds[row], found.variances[row] = before + step, odds, 1.0 / curvature
    return moved


def _refresh_kinds(found: Regression, content: Content) -> None:
    """The variance of each kind's effects by MacKay's fixed point; the level's stays as it is."""
    size = len(found.kinds)
    squares = np.bincount(content.group, (found.effects**2).sum(axis=0), size)
    determined = np.bincount(
        content.group, (1.0 - found.variances / found.kinds[content.group]).clip(0.0, 1.0).sum(axis=0), size
    )
    found.kinds = (squares + _EXPECTED_WORTH * _EXPECTED_VARIANCE) / (determined + _EXPECTED_WORTH)
    found.kinds[0] = _LEVEL_VARIANCE


def _best_strength(found: Regression, cells: Cells, expected: float) -> float:
    """The strength of most likelihood at the means found, by golden section over its logarithm."""
    tried = np.flatnonzero((cells.successes + cells.failures).ravel() > 0.0)
    part = tried[np.linspace(0, len(tried) - 1, min(len(tried), _MOST_CELLS)).astype(np.int64)]
    successes, failures = cells.successes.ravel()[part], cells.failures.ravel()[part]
    odds, spread = found.odds.ravel()[part], cells.spread.ravel()[part]
    scale = len(tried) / len(part)

    def worth(log_strength: float) -> float:
        belief = ((log_strength - math.log(expected)) / STRENGTH_SPREAD) ** 2
        between = 1.0 / (math.exp(log_strength) + 1.0)
        return scale * float(likelihood(successes, failures, odds, spread, between)) - 0.5 * belief

    low, high = math.log(WEAKEST), math.log(STRONGEST)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = worth(left), worth(right)
    while high - low > 0.01:
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = worth(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = worth(right)
    return math.exp(0.5 * (low + high))
