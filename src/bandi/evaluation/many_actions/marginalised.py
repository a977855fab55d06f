"""Marginalised IPS: weights of what an action is (its genre, its author) in the place of weights of which it is.

w(e) = p(e | x, pi_e) / p(e | x, pi_b), p(e | x, pi) = sum over actions a of p(e | a) pi(a | x). Unbiased where an action acts on the
reward through its embedding e alone (no direct effect) and each embedding that the evaluated policy shows may be logged; else
biased by what is left. Saito and Joachims (2022), "Off-policy evaluation for large action spaces via embeddings", equation 6.
With embeddings as fine as the actions it is IPS; with a single one it is the mean of the log.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.intervals import Interval
from bandi.evaluation.many_actions.slope import Choice, slope
from bandi.evaluation.off_policy.weights import effective_sample_size
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_Z = 1.959963984540054
_MOST_OFF = 0.01
"""Of a row's sum from 1: policies found by counting draws are rounded."""


@dataclass(frozen=True, slots=True)
class Marginalised:
    """One embedding's estimate. effective: rows that its weights are worth; missing: the evaluated policy's probability of
    embeddings that the logging policy has no probability for, on average over rows.
    """

    name: str
    value: Interval
    effective: float
    missing: float


def category_chances(policy: Array, categories: Array) -> Array:
    """p(e | x, pi) of embeddings that follow from the action: float64[n, categories].

    policy: float64[n, actions] (or [1, actions], the same for all rows); categories: int[actions], from 0 upwards. Raises
    InvalidInputError for what is no policy over as many actions as there are categories, or a category below 0.
    """
    problems = [*_category_problems(categories), *_policy_problems("policy", policy, len(categories))]
    if problems:
        raise InvalidInputError(problems)
    count = int(categories.max()) + 1
    order = np.argsort(categories, kind="stable")
    starts = np.searchsorted(categories[order], np.arange(count))
    held = np.bincount(categories, minlength=count) > 0
    sums = np.zeros((len(policy), count))
    sums[:, held] = np.add.reduceat(policy[:, order], starts[held], axis=1)
    return sums


def embedding_chances(policy: Array, given_action: Array) -> Array:
    """p(e | x, pi) of embeddings that an action only makes likely. given_action: float64[actions, embeddings], rows sum to 1."""
    return np.asarray(policy @ given_action)


def marginal_weights(evaluated: Array, logged: Array, observed: Array) -> Array:
    """w: float64[n]. evaluated, logged: chances of the embeddings, float64[n or 1, embeddings]; observed: int[n].

    Raises InvalidInputError for what `check_actions` refuses of policies and of what was logged, and where an embedding was logged
    that the logging policy could not show.
    """
    problems = [
        *_policy_problems("evaluated", evaluated, logged.shape[-1], len(observed)),
        *_policy_problems("logged", logged, logged.shape[-1], len(observed)),
        *_number_problems("observed", observed, logged.shape[-1]),
    ]
    if problems:
        raise InvalidInputError(problems)
    rows = np.arange(len(observed))
    below = np.broadcast_to(logged, (len(observed), logged.shape[1]))[rows, observed]
    above = np.broadcast_to(evaluated, (len(observed), evaluated.shape[1]))[rows, observed]
    if not (below > 0).all():
        row = int(np.flatnonzero(~(below > 0))[0])
        raise InvalidInputError(
            Problem(f"row {row}: logged probability", f"{below[row]:.3g}", "above 0 for what was logged")
        )
    return np.asarray(above / below)


def joint_categories(features: Array, chosen: Sequence[int]) -> Array:
    """Categories of actions by some of their features together. features: int[actions, d]; int64[actions]."""
    if not len(chosen):
        return np.zeros(len(features), np.int64)
    _, codes = np.unique(features[:, list(chosen)], axis=0, return_inverse=True)
    return np.asarray(codes.reshape(-1), np.int64)


def marginalised_ips(
    name: str, evaluated: Array, logged: Array, categories: Array, actions: Array, rewards: Array
) -> Marginalised:
    """The estimate with one categorisation. evaluated, logged: float64[n or 1, actions]; actions: int[n]; rewards: float64[n].

    Where the evaluated policy does nothing of what was logged it is 0 without bounds. Raises InvalidInputError as `check_actions`.
    """
    check_actions(evaluated, logged, categories, actions, rewards)
    above, below = category_chances(evaluated, categories), category_chances(logged, categories)
    weights = marginal_weights(above, below, categories[actions])
    missing = float(
        np.where(below > 0, 0.0, np.broadcast_to(above, np.broadcast_shapes(above.shape, below.shape)))
        .sum(axis=1)
        .mean()
    )
    value = _mean(weights * rewards) if weights.any() else Interval(0.0, -math.inf, math.inf)
    return Marginalised(name, value, effective_sample_size(weights), missing)


def check_actions(evaluated: Array, logged: Array, categories: Array, actions: Array, rewards: Array) -> None:
    """Raises InvalidInputError, naming every fault: no rows, lengths that differ, policies with a probability outside [0, 1] or a
    row that does not sum to 1, categories below 0, actions that there are not, rewards that are not finite.
    """
    problems = [
        *_category_problems(categories),
        *_policy_problems("evaluated", evaluated, len(categories), len(actions)),
        *_policy_problems("logged", logged, len(categories), len(actions)),
        *_number_problems("actions", actions, len(categories)),
    ]
    if rewards.shape != actions.shape:
        problems.append(Problem("rewards", f"shape {list(rewards.shape)}", f"{len(actions)} numbers, one for each row"))
    elif not np.isfinite(rewards).all():
        problems.append(Problem("rewards", "NaN or infinity", "finite numbers"))
    if problems:
        raise InvalidInputError(problems)


def choose_embedding(
    candidates: Sequence[tuple[str, Array]], evaluated: Array, logged: Array, actions: Array, rewards: Array
) -> tuple[Choice, list[Marginalised]]:
    """Every categorisation (its name and int[actions]), and which of them SLOPE takes, by their standard errors.

    Widths are one standard error, so that what is compared are 95 % intervals: twice as wide ones take coarse embeddings too often.

    Each should be coarser than the one before it, so that bias only grows where variance falls. Raises InvalidInputError where
    there is none.
    """
    found = [marginalised_ips(name, evaluated, logged, categories, actions, rewards) for name, categories in candidates]
    values = np.array([one.value.estimate for one in found])
    widths = np.array([(one.value.high - one.value.low) / 2 / _Z for one in found])
    return slope(values, widths), found


def _policy_problems(name: str, policy: Array, actions: int, rows: int | None = None) -> Iterator[Problem]:
    """rows: None where any number will do."""
    lengths = (1, len(policy) if rows is None else rows)
    if policy.ndim != 2 or policy.shape[1] != actions or len(policy) not in lengths or not policy.size:
        expected = f"[{'rows' if rows is None else rows} or 1, {actions}], rows by actions"
        yield Problem(name, f"shape {list(policy.shape)}", expected)
    elif not ((policy >= 0) & (policy <= 1 + 1e-9)).all():
        found = "NaN" if np.isnan(policy).any() else f"{policy.min():.3g} to {policy.max():.3g}"
        yield Problem(name, found, "probabilities from 0 to 1")
    elif (worst := float(abs(policy.sum(axis=1) - 1.0).max())) > _MOST_OFF:
        yield Problem(name, f"a row whose sum is {worst:.3g} off", "rows that sum to 1")


def _category_problems(categories: Array) -> Iterator[Problem]:
    if categories.ndim != 1 or not categories.size or not np.issubdtype(categories.dtype, np.integer):
        yield Problem(
            "categories", f"{categories.dtype}, shape {list(categories.shape)}", "a whole number for each action"
        )
    elif categories.min() < 0:
        yield Problem("categories", str(int(categories.min())), "numbers from 0 upwards")


def _number_problems(name: str, numbers: Array, count: int) -> Iterator[Problem]:
    if numbers.ndim != 1 or not numbers.size or not np.issubdtype(numbers.dtype, np.integer):
        yield Problem(
            name, f"{numbers.dtype}, shape {list(numbers.shape)}", "a whole number for each row, at least one"
        )
    elif numbers.min() < 0 or numbers.max() >= count:
        yield Problem(name, f"{numbers.min()} to {numbers.max()}", f"numbers from 0 to {count - 1}")


def _mean(values: Array) -> Interval:
    """With its normal interval."""
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = _Z * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
