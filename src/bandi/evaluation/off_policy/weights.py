"""Importance weights: how much likelier the evaluated policy was to do what was logged than the policy that logged it."""

from __future__ import annotations

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


def importance_weights(
    action_probabilities: Array, items: Array, positions: Array, propensities: Array, contexts: Array | None = None
) -> Array:
    """w_i = pi_e(a_i | x_i) / p_i: float64[n].

    action_probabilities: float[items, positions], each column summing to 1; or float[contexts, items, positions] of a policy
    that changes, with contexts: int[n], which of them held at each row. propensities: float64[n] in (0, 1].

    Raises InvalidInputError for shapes that do not fit, negative or non-finite probabilities, columns that do not sum to 1
    within 1 %, and propensities that are missing, 0 or less, or above 1.
    """
    check_propensities(propensities)
    tables = action_probabilities[None] if action_probabilities.ndim == 2 else action_probabilities
    last = 0 if contexts is None else int(contexts.max(initial=0))
    needed = (last + 1, int(items.max(initial=0)) + 1, int(positions.max(initial=0)) + 1)
    if tables.ndim != 3 or any(has < needs for has, needs in zip(tables.shape, needed, strict=True)):
        found = f"shape {list(action_probabilities.shape)}"
        raise InvalidInputError(Problem("action distribution", found, f"at least {list(needed[1:])}, items by slots"))
    sums = tables.sum(axis=1)
    if not np.isfinite(tables).all() or (tables < 0).any() or (abs(sums - 1) > 0.01).any():
        worst = sums[int(np.abs(np.nan_to_num(sums - 1, nan=np.inf)).max(axis=1).argmax())]
        found = f"slots that sum to {np.round(worst, 4).tolist()}"
        raise InvalidInputError(
            Problem("action distribution", found, "finite probabilities, at least 0, that sum to 1 in each slot")
        )
    probabilities = tables[0][items, positions] if contexts is None else tables[contexts, items, positions]
    return np.asarray(probabilities / propensities, np.float64)


def check_propensities(propensities: Array) -> None:
    """Raises InvalidInputError that counts propensities which are missing (NaN), 0 or less, or above 1."""
    kinds = {
        "missing": np.isnan(propensities),
        "0 or less": propensities <= 0,
        "above 1": propensities > 1,
    }
    problems = [
        Problem(
            f"propensities, row {int(bad.argmax())}",
            f"{int(bad.sum())} of {len(bad)} {name}",
            "the probability, above 0 and at most 1, that the logging policy gave to what it showed",
            "without it the row's weight is unknown: leave such rows out only if they are missing by chance",
        )
        for name, bad in kinds.items()
        if bad.any()
    ]
    if problems:
        raise InvalidInputError(problems)


def effective_sample_size(weights: Array) -> float:
    """sum(w)^2 / sum(w^2): as many rows of the policy's own log would say as much (Kish 1965); 0 where all weights are 0."""
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
