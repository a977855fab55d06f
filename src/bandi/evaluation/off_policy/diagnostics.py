"""What can be seen of a log before any estimate is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.off_policy.tails import pareto_k, share_of_largest
from bandi.evaluation.off_policy.weights import effective_sample_size
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How much a log says of a policy.

    rows; positives: rows with a reward; effective_rows: (sum w)^2 / sum w^2; effective_positives: how many rows carry the
    estimate, the same of w r, or positives effective_rows / rows where that is less (few rows may lack by luck just what weighs
    most); max_weight; top_share: of all weight, what the largest 1 % of rows hold; pareto_k: of the weights' tail, None where it
    is bounded; mean_weight: 1 if the propensities are those of the policy that logged and it could show all; mean_weight_error:
    its standard error; unsupported: the evaluated policy's mass on what was never logged in the slot; longest_pause: share of
    the log's span without a row.
    """

    rows: int
    positives: int
    effective_rows: float
    effective_positives: float
    max_weight: float
    top_share: float
    pareto_k: float | None
    mean_weight: float
    mean_weight_error: float
    unsupported: float
    longest_pause: float


def diagnose(weights: Array, rewards: Array, unsupported: float, times_ms: Array) -> Diagnostics:
    """Look at weights and rewards, float64[n], and times, int64[n] in order. unsupported: of `unsupported_mass`. O(n)."""
    n, positives, effective = len(weights), int(np.count_nonzero(rewards)), effective_sample_size(weights)
    error = float(weights.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    span = int(times_ms[-1] - times_ms[0])
    return Diagnostics(
        rows=n,
        positives=positives,
        effective_rows=effective,
        effective_positives=min(effective_sample_size(np.abs(weights * rewards)), positives * effective / n),
        max_weight=float(weights.max()),
        top_share=share_of_largest(weights),
        pareto_k=pareto_k(weights),
        mean_weight=float(weights.mean()),
        mean_weight_error=error,
        unsupported=unsupported,
        longest_pause=int(np.diff(times_ms).max()) / span if n > 1 and span > 0 else 0.0,
    )


def unsupported_mass(
    action_probabilities: Array, items: Array, positions: Array, contexts: Array | None = None
) -> float:
    """The evaluated policy's probability, meaned over the rows, of items that were never logged in their slot: 0 to 1.

    What it would get from these no weight can tell; IPS counts it as 0. Arrays as in `weights.importance_weights`.
    """
    tables = action_probabilities[None] if action_probabilities.ndim == 2 else action_probabilities
    kinds, _, slots = tables.shape
    seen = np.zeros(tables.shape[1:], bool)
    seen[items, positions] = True
    place = positions.astype(np.int64) if contexts is None else contexts.astype(np.int64) * slots + positions
    shares = np.bincount(place, minlength=kinds * slots).reshape(kinds, slots) / len(items)
    missing = np.where(seen, 0.0, tables).sum(axis=1)
    return float((missing * shares).sum())


def overlap(weights: Array) -> list[tuple[float, float, float]]:
    """Where the two policies meet, by weight: (lower edge, share of rows, share of weight) of bins that double.

    Bins go from 1/64 to 64; the first holds all below, its edge 0, the last all above. Overlap is good where both shares lie
    around 1, bad where rows lie low and weight high. Shares of weight are 0 where all weights are 0. O(n).
    """
    edges = 2.0 ** np.arange(-6, 7)
    bins = np.searchsorted(edges, weights, side="right")
    rows = np.bincount(bins, minlength=len(edges) + 1) / len(weights)
    held = np.bincount(bins, weights, len(edges) + 1) / max(float(weights.sum()), 1e-300)
    return [(float(edge), float(row), float(mass)) for edge, row, mass in zip((0.0, *edges), rows, held, strict=True)]
