"""A table of scores learned from a log, and what it is worth on readers that it was not learned from.

The policies are tables: a score for each segment and title, lists drawn without replacement by exp(score) (policies/fitted.py). With
u_i = min(1 / p_i, M) the clipped inverse propensity of row i, e_s how slot s fares beside the first, and readers who look at slots one
by one, the rate of title a in the first slot is estimated as

    v_a = sum over its rows of u_i r_i / sum of u_i e_(s_i)                     (self-normalised IPS, title by title)

and e_s, in turn, so that each slot's rewards are what rates and e_s expect. M = 1 counts rows alike: least noise, but where a rate
changed, or differs between readers whom the logging policy told apart, biased to when and to whom the title was shown. Each title has
the smallest M whose estimate agrees with those of all larger ones: SLOPE (many_actions/slope.py). A segment's own rate is drawn towards
v_a, and v_a to the mean of all, by `_PRIOR_ROWS` rows.

The value sum over a of pi(a) ln(v_a) plus `temperature` times the entropy of pi is largest at pi(a) proportional to
v_a**(1 / temperature): so the score is ln(v_a) / temperature. What little is known of is taken at the lower end of its standard error,
or the largest of many noisy rates would be the most overrated one (Jin, Yang and Wang 2021, "Is pessimism provably efficient for
offline RL?"; Swaminathan and Joachims 2015, "Counterfactual risk minimization").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bandi.engine.folder import read_config
from bandi.evaluation.intervals import Interval
from bandi.evaluation.own_log.estimates import Evaluated, evaluate, gain
from bandi.evaluation.own_log.evaluating import OwnLogReport, Progress, evaluate_own_log
from bandi.evaluation.own_log.places import has_own_arms
from bandi.evaluation.own_log.slot_rows import SlotRows
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.policy_config import Fitted
from bandi.model.records import Array

MOST_TITLES, MOST_SCORES = 2_000, 50_000
"""In a table: a `bandi.toml` holds no more than a million characters."""
_NUMBERS_A_LINE = 16
_PRIOR_ROWS = 20.0
_CLIPS = (100.0, 10.0, 3.0, 1.0)
"""Values of M, from least bias to least noise."""
_ROUNDS = 20
_LEAST_RATE = 1e-4
_FOLDS = 2


@dataclass(frozen=True, slots=True)
class FitReport:
    """table: fitted on all readers; log: what the log's own lists got; value: of tables fitted on the other half of the readers;
    gain: clicks per list by DR above those of the log's own lists, on the same lists.
    """

    table: Fitted
    sampled: OwnLogReport
    log: Interval
    value: Evaluated
    gain: Interval


def fit_own_log(
    folder: Path, placement: str, *, temperature: float = 0.1, most: int = 5_000, draws: int = 200, seed: int = 1,
    objective: str | None = None, progress: Progress | None = None,
) -> FitReport:  # fmt: skip
    """Fit, and evaluate by halves of readers: the log is walked twice, first for propensities, then for the tables' own.

    temperature: above 0; the smaller, the more often the best titles are shown. The rest as in `evaluate_own_log`, which says
    what it raises; InvalidInputError also where no decision could be asked again, and for a variant on the arms of a placement,
    which could not be given the table.
    """
    if not temperature > 0.0:
        raise InvalidInputError(Problem("temperature", f"{temperature:g}", "above 0"))
    if not has_own_arms(read_config(folder), placement):
        expected = 'a placement, or a variant with statistics = "own"'
        raise InvalidInputError(
            Problem(placement, "a variant on a placement's arms", expected, "fit for the placement")
        )
    first = evaluate_own_log(
        folder, placement, (), most=most, draws=draws, seed=seed, objective=objective, progress=progress
    )
    if not len(first.rows):
        raise InvalidInputError(Problem(placement, first.nothing, "decisions to learn from"))
    halves = halves_of(first.rows.readers, seed)
    by_row = halves[first.rows.lists]
    tables = [fit_table(first.rows, by_row != half, temperature, first.objective) for half in range(_FOLDS)]
    second = evaluate_own_log(
        folder, placement, tables, most=most, draws=draws, seed=seed, objective=objective, progress=progress
    )
    held = _of_the_other_half(second.rows, by_row)
    everything = np.ones(len(first.rows), np.bool_)
    return FitReport(
        fit_table(first.rows, everything, temperature, first.objective),
        second,
        second.log,
        evaluate(held, 0),
        gain(held, 0),
    )


def fit_table(rows: SlotRows, chosen: Array, temperature: float, objective: str = "click") -> Fitted:
    """The table of some rows (bool[n]), of the MOST_TITLES titles that they show most. O(rows)."""
    items, slots, rewards = rows.items[chosen], rows.slots[chosen], rows.rewards[chosen]
    segments = rows.segments[rows.lists[chosen]]
    inverse = 1.0 / rows.propensities[chosen]
    titles, place = np.unique(items, return_inverse=True)
    count = len(titles)
    looked = _examination(place, slots, rewards, count)[slots]
    overall = float(rewards.sum() / max(looked.sum(), 1e-300))
    rate, known = _rates(place, looked, rewards, inverse, np.full(count, overall))
    scores = [_scores(rate, known, temperature)]
    for segment in range(1, int(segments.max(initial=0)) + 1):
        own = segments == segment
        scores.append(_scores(*_rates(place[own], looked[own], rewards[own], inverse[own], rate), temperature))
    shown = np.sort(np.argsort(-np.bincount(place), kind="stable")[: min(MOST_TITLES, MOST_SCORES // len(scores))])
    lowest = _scores(np.array([overall]), np.zeros(1), temperature)[0]
    return Fitted(
        objective=objective,
        titles=tuple(titles[shown].tolist()),
        scores=tuple(tuple(row[shown].round(4).tolist()) for row in scores),
        others=round(float(lowest), 4),
    )


def as_toml(placement: str, table: Fitted) -> str:
    """The placement's (or variant's) policy as it stands in a `bandi.toml`; titles' numbers are those of this folder's log."""
    experiment, variant = placement.partition(".")[::2]
    table_name = f"experiments.{experiment}.variants.{variant}" if variant else f"placements.{placement}"
    rows = "".join(f"  [\n{_lines(row, '    ')}  ],\n" for row in table.scores)
    return (
        f'[{table_name}.policy]\nuse = "fitted"\nobjective = "{table.objective}"\n'
        f"titles = [\n{_lines(table.titles, '  ')}]\nscores = [\n{rows}]\nothers = {table.others}\n"
    )


def _lines(numbers: Sequence[float], indent: str) -> str:
    """Numbers, some a line: a configuration with a very long line is taken for a mistake."""
    parts = (numbers[first : first + _NUMBERS_A_LINE] for first in range(0, len(numbers), _NUMBERS_A_LINE))
    return "".join(f"{indent}{', '.join(map(str, part))},\n" for part in parts)


def halves_of(readers: Array, seed: int) -> Array:
    """0 or 1 for each list, all lists of a reader alike; anonymous ones each for itself. int64[lists]."""
    known, place = np.unique(readers, return_inverse=True)
    random = np.random.default_rng([seed, 12])
    coins = random.permutation(len(known)) % _FOLDS
    return np.where(readers >= 0, coins[place], random.integers(0, _FOLDS, len(readers)))


def _examination(place: Array, slots: Array, rewards: Array, titles: int) -> Array:
    """How each slot fares beside the first: float64[slots]; rates and slots are found in turn."""
    count = int(slots.max(initial=0)) + 1
    looked = np.ones(count)
    got, clicks = np.bincount(slots, rewards, count), np.bincount(place, rewards, titles)
    for _ in range(_ROUNDS):
        rates = clicks / np.maximum(np.bincount(place, looked[slots], titles), 1e-300)
        looked = (got + 1.0) / (np.bincount(slots, rates[place], count) + 1.0)
        looked = (looked / looked[0]).clip(0.02, 5.0)
    return looked


def _rates(place: Array, looked: Array, rewards: Array, inverse: Array, towards: Array) -> tuple[Array, Array]:
    """Rates of titles, drawn towards others by _PRIOR_ROWS rows, and the looks' worth behind each: float64[titles] both.

    By SLOPE for all titles at once: low and high are what the doubled intervals so far have in common.
    """
    titles = len(towards)
    low, high = np.full(titles, -np.inf), np.full(titles, np.inf)
    agrees = np.ones(titles, np.bool_)
    rate, known = towards.copy(), np.zeros(titles)
    for clip in _CLIPS:
        weight = np.minimum(inverse, clip)
        total = np.bincount(place, weight * looked, titles)
        squares = np.bincount(place, (weight * looked) ** 2, titles)
        effective = total**2 / np.maximum(squares, 1e-300)
        own = np.bincount(place, weight * rewards, titles) / np.maximum(total, 1e-300)
        drawn = (effective * own + _PRIOR_ROWS * towards) / (effective + _PRIOR_ROWS)
        width = 2.0 * _error(drawn, effective)
        agrees &= (np.maximum(low, drawn - width) <= np.minimum(high, drawn + width)) & (total > 0)
        low, high = np.maximum(low, drawn - width), np.minimum(high, drawn + width)
        rate, known = np.where(agrees, drawn, rate), np.where(agrees, effective, known)
    return rate, known


def _error(rate: Array, known: Array) -> Array:
    return np.asarray(np.sqrt(rate * (1.0 - rate).clip(0.0) / (known + _PRIOR_ROWS)))


def _scores(rate: Array, known: Array, temperature: float) -> Array:
    """ln(rate less its standard error) / temperature, within the bounds of the configuration."""
    scores: Array = np.log(np.maximum(rate - _error(rate, known), _LEAST_RATE)) / temperature
    return scores.clip(-1_000.0, 1_000.0)


def _of_the_other_half(rows: SlotRows, by_row: Array) -> SlotRows:
    """One evaluated configuration: on each half of the readers the table that was fitted on the other."""

    def taken(columns: Array) -> Array:
        return columns[by_row, np.arange(len(by_row))][None]

    return replace(
        rows, probabilities=taken(rows.probabilities), expected=taken(rows.expected), missing=taken(rows.missing)
    )  # fmt: skip
