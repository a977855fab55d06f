"""Plans of an experiment at several effects, from what is known of a metric beforehand."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

import msgspec
import numpy as np

from bandi.experiments.inference.planning import LOOKS, Baseline, Requirement, plan
from bandi.experiments.metrics.evaluating import control_of
from bandi.model.config import Config
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError

MAX_EFFECTS = 20
EXPONENTIAL_DEVIATION = 1.0
"""Standard deviation of what one converting reader brings, in means, where none is given: that of exponential amounts."""


class Design(msgspec.Struct, frozen=True):
    """How an experiment divides readers. variants: the control first, empty where they have no names; weights: theirs, sum 1.

    share: of the placement's readers that it takes; notes: what the shares do not say.
    """

    variants: tuple[str, ...]
    weights: tuple[float, ...]
    share: float
    notes: tuple[str, ...] = ()


class Terms(msgspec.Struct, frozen=True):
    """What a plan promises: error rates, days that a metric's window takes, and how often a sequence is looked at."""

    alpha: float = 0.05
    power: float = 0.8
    window_days: float = 0.0
    looks: int = LOOKS


class EffectPlan(msgspec.Struct, frozen=True):
    """What one effect asks for. effect: relative; difference: in the metric's unit; requirements as of `inference.plan`."""

    effect: float
    difference: float
    fixed: Requirement
    fixed_adjusted: Requirement
    sequence: Requirement
    sequence_adjusted: Requirement


class ExperimentPlan(msgspec.Struct, frozen=True):
    """What a plan was made from, and what it asks for at each effect.

    arrivals: new readers of the experiment by day, the last number goes on; notes: what to mind, each once.
    """

    baseline: Baseline
    design: Design
    arrivals: tuple[float, ...]
    terms: Terms
    effects: tuple[EffectPlan, ...]
    notes: tuple[str, ...]


def plans(
    baseline: Baseline, effects: Sequence[float], arrivals: Sequence[float], design: Design, terms: Terms
) -> ExperimentPlan:
    """Readers and days for each relative effect. arrivals: new readers of the *placement* by day; the design's share takes part.

    Raises InvalidInputError for what is out of range, or more than MAX_EFFECTS effects.
    """
    if not 1 <= len(effects) <= MAX_EFFECTS:
        raise InvalidInputError(Problem("effects", f"{len(effects)}", f"1 to {MAX_EFFECTS}"))
    arriving, weights = np.array(arrivals, np.float64) * design.share, np.array(design.weights)
    found: list[EffectPlan] = []
    said: dict[str, list[float]] = {}
    for effect in effects:
        one = plan(baseline, effect, arriving, weights, terms.alpha, terms.power, terms.window_days, terms.looks)
        sizes = (one.fixed, one.fixed_adjusted, one.sequence, one.sequence_adjusted)
        found.append(EffectPlan(effect, one.difference, *sizes))
        for note in one.notes:
            said.setdefault(note, []).append(effect)
    notes = (*design.notes, *(_said_of(note, where, len(effects)) for note, where in said.items()))
    return ExperimentPlan(baseline, design, tuple(arriving.tolist()), terms, tuple(found), notes)


def conversion_baseline(rate: float, explained: float = 0.0) -> Baseline:
    """The share of readers who do something: value p, variance p (1 - p). Raises InvalidInputError."""
    _check_rate(rate)
    return Baseline(rate, rate * (1.0 - rate), explained, (1.0 - 2.0 * rate) / math.sqrt(rate * (1.0 - rate)))


def amount_baseline(rate: float, mean: float, deviation: float | None, explained: float = 0.0) -> Baseline:
    """What a reader brings where a share `rate` brings `mean` each, give or take `deviation`, and the others 0.

    Value p m, variance p (s^2 + m^2) - p^2 m^2. deviation: None for as large as the mean, which is that of exponential
    amounts, and of them the skewness too. Raises InvalidInputError.
    """
    _check_rate(rate)
    if not (math.isfinite(mean) and mean > 0.0):
        raise InvalidInputError(Problem("mean", f"{mean:g}", "more than 0: what one converting reader brings"))
    spread = EXPONENTIAL_DEVIATION * mean if deviation is None else deviation
    if not (math.isfinite(spread) and spread >= 0.0):
        raise InvalidInputError(Problem("deviation", f"{spread:g}", "0 or more"))
    value = rate * mean
    second = rate * (spread**2 + mean**2)
    variance = second - value**2
    third = rate * 6.0 * mean**3  # of exponential amounts
    skewness = 0.0
    if deviation is None:
        skewness = (third - 3.0 * value * second + 2.0 * value**3) / variance**1.5
    return Baseline(value, variance, explained, skewness)


def design_of(config: Config, name: str) -> Design:
    """How the experiment of that name divides readers. Raises UnknownNameError."""
    if name not in config.experiments:
        close = difflib.get_close_matches(name, config.experiments, 1)
        known = ", ".join(sorted(config.experiments))
        expected = f"one of: {known}" if known else "an [experiments.NAME] table (there is none)"
        raise UnknownNameError(
            Problem("experiment", ascii(name)[:66], expected, f"did you mean {close[0]}?" if close else "")
        )
    experiment = config.experiments[name]
    control = control_of(experiment, sorted(experiment.variants))
    names = (control, *(variant for variant in sorted(experiment.variants) if variant != control))
    low, high = experiment.buckets
    notes: tuple[str, ...] = ()
    if experiment.states or experiment.regions:
        notes = ("the experiment takes readers of some states or regions only: count those alone as arrivals",)
    weights = tuple(experiment.variants[variant].weight for variant in names)
    return Design(names, weights, high - low if experiment.share is None else experiment.share, notes)


def _check_rate(rate: float) -> None:
    if not 0.0 < rate < 1.0:
        raise InvalidInputError(Problem("rate", f"{rate:g}", "above 0 and below 1: a share of readers"))


def _said_of(note: str, effects: Sequence[float], of: int) -> str:
    """A note, with the effects it was said of unless that is all of them."""
    if len(effects) == of:
        return note
    return f"at {', '.join(f'{100 * effect:+g} %' for effect in effects)}: {note}"
