"""Logged lists as arrays: what was shown in each slot, what each slot got, and how probable it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class ListLog:
    """n lists of k slots, first slot first.

    items: int[n, k], at least 0; rewards: float64[n, k], finite; conditional: float64[n, k], the logging policy's probability of
    the item in its slot given the reader and the items above it; marginal: float64[n, k], the same whatever stands above, None
    where nobody knows it; contexts: int[n], at least 0, groups of readers that a reward model may tell apart; None: one group.
    """

    items: Array
    rewards: Array
    conditional: Array
    marginal: Array | None = None
    contexts: Array | None = None

    def __len__(self) -> int:
        return len(self.items)

    def groups(self) -> Array:
        """The context of each list: int[n]."""
        return np.zeros(len(self.items), np.int64) if self.contexts is None else self.contexts


@dataclass(frozen=True, slots=True)
class ListPolicy:
    """What the evaluated policy would have done at each logged list.

    conditional, marginal: float64[n, k], as in `ListLog`, of the item that was logged. choices: float64[n, k, items], its whole
    conditional distribution in each slot given the logged items above; None: estimators that need it are left out.
    """

    conditional: Array
    marginal: Array | None = None
    choices: Array | None = None


def check_lists(log: ListLog, policy: ListPolicy) -> None:
    """Raises InvalidInputError, naming every fault: shapes that differ, no lists, rewards that are not finite, logged
    probabilities outside (0, 1], evaluated ones outside [0, 1], choices that do not sum to 1 or disagree with `conditional`.
    """
    problems = [*_log_problems(log), *_policy_problems(log, policy)]
    if problems:
        raise InvalidInputError(problems)


def check_attention(log: ListLog, attention: Array) -> None:
    """Raises InvalidInputError unless there is one finite number for each slot."""
    slots = log.items.shape[1]
    if attention.shape != (slots,):
        raise InvalidInputError(Problem("attention", f"shape {list(attention.shape)}", f"{slots} numbers, one a slot"))
    if not np.isfinite(attention).all():
        raise InvalidInputError(Problem("attention", "NaN or infinity", "finite numbers"))


def _log_problems(log: ListLog) -> list[Problem]:
    if log.items.ndim != 2 or not log.items.size:
        return [Problem("items", f"shape {list(log.items.shape)}", "at least one list of at least one slot")]
    found = []
    for name, array in (("rewards", log.rewards), ("conditional", log.conditional), ("marginal", log.marginal)):
        if array is not None and array.shape != log.items.shape:
            found.append(Problem(name, f"shape {list(array.shape)}", f"{list(log.items.shape)}, lists by slots"))
    if log.contexts is not None and (log.contexts.shape != (len(log),) or (log.contexts < 0).any()):
        found.append(Problem("contexts", f"shape {list(log.contexts.shape)}", f"{len(log)} numbers, at least 0"))
    if (log.items < 0).any():
        found.append(
            Problem("items", str(int(log.items.min())), "numbers of items, at least 0", "leave short lists out")
        )
    if not np.isfinite(log.rewards).all():
        found.append(Problem("rewards", "NaN or infinity", "finite numbers"))
    for name, array in (("conditional", log.conditional), ("marginal", log.marginal)):
        if array is not None and not ((array > 0) & (array <= 1 + 1e-9)).all():
            hint = "a list that the logging policy could not show cannot have been logged"
            found.append(Problem(name, _range(array), "probabilities above 0, at most 1", hint))
    return found


def _policy_problems(log: ListLog, policy: ListPolicy) -> list[Problem]:
    found = []
    shape = log.items.shape
    for name, array in (("conditional", policy.conditional), ("marginal", policy.marginal)):
        if array is None:
            continue
        if array.shape != shape:
            found.append(Problem(f"evaluated {name}", f"shape {list(array.shape)}", f"{list(shape)}, lists by slots"))
        elif not ((array >= 0) & (array <= 1 + 1e-9)).all():
            found.append(Problem(f"evaluated {name}", _range(array), "probabilities from 0 to 1"))
    if policy.choices is not None and not found and log.items.ndim == 2 and log.items.size and log.items.min() >= 0:
        found += _choice_problems(log, policy, policy.choices)
    return found


def _choice_problems(log: ListLog, policy: ListPolicy, choices: Array) -> list[Problem]:
    shape = log.items.shape
    if choices.ndim != 3 or choices.shape[:2] != shape or choices.shape[2] <= int(log.items.max()):
        expected = f"{list(shape)} by more than {int(log.items.max())} items"
        return [Problem("evaluated choices", f"shape {list(choices.shape)}", expected)]
    if not np.isfinite(choices).all() or (choices < 0).any() or (abs(choices.sum(axis=2) - 1) > 0.01).any():
        return [Problem("evaluated choices", "slots that do not sum to 1", "distributions over items")]
    taken = np.take_along_axis(choices, log.items[:, :, None].astype(np.int64), axis=2)[:, :, 0]
    if (abs(taken - policy.conditional) > 1e-6).any():
        return [Problem("evaluated choices", "other probabilities of the logged items", "those of `conditional`")]
    return []


def _range(array: Array) -> str:
    return "NaN" if np.isnan(array).any() else f"{float(array.min()):.3g} to {float(array.max()):.3g}"
