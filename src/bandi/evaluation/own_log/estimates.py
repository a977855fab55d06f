"""From rows of slots to what a configuration would have got: clicks per list, with intervals by reader and a verdict in words.

Reader u's lists bring Y_u clicks (observed, weighted, or doubly robust) in n_u lists; the estimate is sum Y / sum n, and its
variance that of sum over u of (Y_u - theta n_u): lists of one reader are not independent. Slots are weighed one by one, the
item-position model of Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen (2018): what is clicked in a slot depends on the
item and the slot, not on the rest of the list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.intervals import Interval
from bandi.evaluation.off_policy.weights import effective_sample_size
from bandi.evaluation.own_log.slot_rows import SlotRows
from bandi.model.records import Array

_Z = 1.959963984540054
_LEAST_EFFECTIVE = 200.0
_MOST_MISSING, _MISSING_WORTH_SAYING = 0.2, 0.02
_MOST_WEIGHT_OFF = 0.2


@dataclass(frozen=True, slots=True)
class OwnLogEstimate:
    """Clicks per list by one estimator, over the slots that the policy fills."""

    estimator: str
    value: Interval


@dataclass(frozen=True, slots=True)
class Evaluated:
    """All about one configuration. effective: slots of its own that would say as much; mean_weight: 1 where nothing is missing.

    missing: share of its slots with items that the logging policy was never seen to show there; verdict: in words.
    """

    estimates: tuple[OwnLogEstimate, ...]
    effective: float
    largest_weight: float
    mean_weight: float
    missing: float
    verdict: str


def observed(rows: SlotRows) -> Interval:
    """What the log's own lists got, in clicks per list."""
    return _per_list(rows, rows.rewards)


def evaluate(rows: SlotRows, evaluated: int, nothing: str = "no decision could be asked again") -> Evaluated:
    """Every estimator for one configuration. Without rows there are none, and the verdict says why: `nothing`."""
    if not len(rows):
        return Evaluated((), 0.0, 0.0, 0.0, 1.0, f"these logs cannot say: {nothing}")
    weights = rows.weights(evaluated)
    effective, missing = effective_sample_size(weights), float(rows.missing[evaluated].mean())
    estimates = tuple(_estimates(rows, evaluated, weights))
    mean = float(weights.mean())
    return Evaluated(estimates, effective, float(weights.max()), mean, missing, _verdict(effective, mean, missing))


def gain(rows: SlotRows, evaluated: int) -> Interval:
    """Clicks per list by DR above what the log's own lists got, list by list: what both have in common falls out."""
    corrected = rows.expected[evaluated] + rows.weights(evaluated) * (rows.rewards - rows.modelled)
    return _per_list(rows, corrected - rows.rewards)


def _estimates(rows: SlotRows, evaluated: int, weights: Array) -> Iterator[OwnLogEstimate]:
    expected = rows.expected[evaluated]
    yield OwnLogEstimate("model", _per_list(rows, expected))
    yield OwnLogEstimate("IPS", _per_list(rows, weights * rows.rewards))
    yield OwnLogEstimate("SNIPS", _self_normalised(rows, weights))
    yield OwnLogEstimate("DR", _per_list(rows, expected + weights * (rows.rewards - rows.modelled)))


def _per_list(rows: SlotRows, values: Array) -> Interval:
    """sum(values) / lists, by reader."""
    lists = len(rows.readers)
    if not lists:
        return Interval(math.nan, -math.inf, math.inf)
    by_list = np.bincount(rows.lists, values, lists)
    mean = float(by_list.mean())
    return _interval(rows, mean, by_list - mean)


def _self_normalised(rows: SlotRows, weights: Array) -> Interval:
    """By slot sum(w r) / sum(w), times how many of the lists have that slot; summed over slots."""
    lists = len(rows.readers)
    total, influence = 0.0, np.zeros(lists)
    for slot in np.unique(rows.slots):
        here = rows.slots == slot
        w, r = weights[here], rows.rewards[here]
        if not w.sum() > 0:
            return Interval(math.nan, -math.inf, math.inf)
        rate, share = float(w @ r / w.sum()), len(w) / lists
        total += rate * share
        influence += np.bincount(rows.lists[here], w * (r - rate) / w.mean(), lists)
    return _interval(rows, total, influence)


def _interval(rows: SlotRows, value: float, influence: Array) -> Interval:
    """influence: float64[lists], each list's part in lists * (estimate - truth); summed by reader, anonymous ones apart."""
    readers = rows.readers.copy()
    nobody = readers < 0
    readers[nobody] = -1 - np.arange(nobody.sum())
    _, cluster = np.unique(readers, return_inverse=True)
    sums = np.bincount(cluster, influence)
    if len(sums) < 2:
        return Interval(value, -math.inf, math.inf)
    half = _Z * math.sqrt(float(sums @ sums) * len(sums) / (len(sums) - 1)) / len(rows.readers)
    return Interval(value, value - half, value + half)


def _verdict(effective: float, mean_weight: float, missing: float) -> str:
    """The mean weight is 1 less what is missing; where it is not, the rows with the large weights are not among those sampled."""
    if missing > _MOST_MISSING:
        return f"these logs cannot say: {missing:.0%} of its slots hold titles that were never seen to be shown there"
    if effective < _LEAST_EFFECTIVE:
        return f"these logs cannot say: they are worth {effective:,.0f} slots of its own"
    if abs(mean_weight + missing - 1.0) > _MOST_WEIGHT_OFF:
        return (
            f"these logs cannot say: weights are {mean_weight:.2f} on average, where they should be {1 - missing:.2f}"
        )
    if missing > _MISSING_WORTH_SAYING:
        return f"usable with care: IPS leaves out {missing:.1%} of its slots, DR fills them by its model"
    return "usable"
