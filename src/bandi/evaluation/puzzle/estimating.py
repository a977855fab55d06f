"""One experiment as a service would see it, and what each way of comparing says of it beside the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandi.evaluation.puzzle.design import OUTCOMES, Outcome
from bandi.evaluation.puzzle.payments import Payments, outcome_of
from bandi.evaluation.puzzle.starts import NEVER, PotentialStarts
from bandi.experiments.assignment import split, variants
from bandi.experiments.inference.bounds import Bounds
from bandi.experiments.inference.clustered import Slopes, clustered_slopes
from bandi.experiments.inference.distributions import student_quantile, student_two_sided
from bandi.experiments.inference.encouragement import (
    anderson_rubin,
    encouragement_of_rows,
    first_stage,
    intention_to_treat,
    local_effect,
    strength,
)
from bandi.model.records import Array

METHODS = ("naive", "adjusted", "intention", "local", "robust")
"""Started less not started; the same by regression on what was known before; encouraged less withheld; the local effect by two-stage
least squares; the same with the interval of Anderson and Rubin."""


class Estimate(NamedTuple):
    """One method's answer."""

    estimate: float
    low: float
    high: float
    p_value: float


class Answers(NamedTuple):
    """Of one outcome in one draw. effect: of a start on compliers, by the truth; strength: first-stage F.

    intention: by the truth, what recommending brings a row (reader and title). complier_share: the estimated first stage.
    """

    outcome: Outcome
    effect: float
    intention: float
    strength: float
    complier_share: float
    methods: dict[str, Estimate]


class Rows(NamedTuple):
    """Readers and titles drawn for: who came, and had not started the title before they came. places: columns of the draw."""

    readers: Array
    places: Array
    controls: Array


def units(starts: PotentialStarts) -> list[str]:
    """What the lot is drawn of: a text for each reader and featured title, reader by reader."""
    count = len(starts.came_ms)
    return [f"u{reader}/t{title}" for reader in range(count) for title in starts.featured.tolist()]


def drawn(texts: list[str], featured: int, salt: str) -> Array:
    """Who is encouraged to start what: bool[readers, featured], by the hash of experiments, one half of them."""
    numbers = variants(split("puzzle", salt, (0.0, 1.0), (0.5, 0.5)), 1.0, texts)
    return np.asarray(numbers.reshape(-1, featured) == 1)


def rows_of(starts: PotentialStarts) -> Rows:
    """The same for every draw. controls: what was known before: visits, starts, and which title it is."""
    readers, places = np.nonzero((starts.came_ms != NEVER)[:, None] & (starts.withheld >= starts.came_ms[:, None]))
    early = starts.others.readers[starts.others.times_ms < starts.begins_ms]
    begun = np.bincount(early, minlength=len(starts.came_ms)).astype(np.float64)
    which = (places[:, None] == np.arange(1, len(starts.featured))).astype(np.float64)
    return Rows(readers, places, np.column_stack([starts.visits[readers], begun[readers], which]))


def answers(payments: Payments, rows: Rows, starts: PotentialStarts, encouraged: Array) -> list[Answers]:
    """What each method says of each outcome under one draw."""
    paid, effects = payments.paid(encouraged), payments.effects(encouraged)
    started = payments.started(encouraged)
    moved = (starts.shown != NEVER).astype(np.float64) - (starts.withheld != NEVER)
    at = rows.readers, rows.places
    found = []
    for outcome in OUTCOMES:
        caused, compliers = float(effects[outcome][at].sum()), float(moved[at].sum())
        values = outcome_of(paid, outcome)[at]
        controls = rows.controls if outcome == "before" else np.column_stack([rows.controls, paid.before[rows.readers]])
        methods, f, share = _methods(rows.readers, encouraged[at], started[at], values, controls)
        found.append(
            Answers(outcome, caused / compliers if compliers else 0.0, caused / len(values), f, share, methods)
        )
    return found


def _methods(
    readers: Array, encouraged: Array, started: Array, values: Array, controls: Array
) -> tuple[dict[str, Estimate], float, float]:
    began = started.astype(np.float64)
    design = encouragement_of_rows(readers, encouraged, started, values, controls)
    methods = {
        "naive": _of_slopes(clustered_slopes(readers, began, values[:, None])),
        "adjusted": _of_slopes(clustered_slopes(readers, began, values[:, None], controls)),
        "intention": _of_bounds(intention_to_treat(design)),
        "local": _of_bounds(local_effect(design)),
        "robust": _of_bounds(anderson_rubin(design)),
    }
    return methods, float(strength(design)), float(first_stage(design).estimates)


def _of_slopes(slopes: Slopes) -> Estimate:
    estimate, error = float(slopes.slopes[0]), float(np.sqrt(slopes.covariance[0, 0]))
    if not slopes.known or error == 0.0:
        return Estimate(estimate, -np.inf, np.inf, 1.0)
    freedom = np.asarray(slopes.freedom)
    half = float(student_quantile(0.975, freedom)) * error
    return Estimate(
        estimate, estimate - half, estimate + half, float(student_two_sided(np.asarray(estimate / error), freedom))
    )


def _of_bounds(bounds: Bounds) -> Estimate:
    return Estimate(float(bounds.estimates), float(bounds.low), float(bounds.high), float(bounds.p_values))
