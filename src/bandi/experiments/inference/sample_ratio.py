"""Sample ratio mismatch: whether the variants hold the shares of readers that they were meant to hold.

Where they do not, readers are lost or doubled in one variant more than in another, and no result of the experiment can be
trusted (Fabijan et al. 2019). Counted are readers, never events: a variant that is liked has more events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandi.experiments.inference.bounds import checked_alpha
from bandi.experiments.inference.distributions import chi_square_tail, log_gamma
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

ALPHA = 0.01
"""Of a mismatch that is none: low, for a mismatch throws the whole experiment away."""
_CONCENTRATION = 100.0
"""Weight of the prior at the shares that were meant: mismatches of some hundredths are found soonest."""
_SUM_WITHIN = 1e-6


@dataclass(frozen=True, slots=True)
class Mismatch:
    """found: whether there is one; p_value: of the shares being right; words: the verdict for people."""

    found: bool
    p_value: float
    words: str


def mismatch_once(readers: Array, weights: Array, names: Sequence[str], alpha: float = ALPHA) -> Mismatch:
    """Pearson's chi-square test (1900) of one look at the end. readers: int64[variants]; weights: shares that sum to 1."""
    counts, shares = _checked(readers, weights, names, axes=1)
    total = counts.sum()
    if total == 0.0:
        return Mismatch(found=False, p_value=1.0, words="no readers yet: nothing can be said of their shares")
    statistic = ((counts - total * shares) ** 2 / (total * shares)).sum()
    p = float(chi_square_tail(statistic, len(shares) - 1))
    return _verdict(p, checked_alpha(alpha), counts, shares, names)


def mismatch_at_every_look(readers: Array, weights: Array, names: Sequence[str], alpha: float = ALPHA) -> Mismatch:
    """The sequential multinomial test, for looks at any time. readers: int64[looks, variants], so far at each look.

    Lindon and Malek (2022): the Bayes factor of Dirichlet(100 weights) shares against the weights, whose inverse at
    its largest is a p-value that holds at all looks.
    """
    counts, shares = _checked(readers, weights, names, axes=2)
    p = mismatch_p_values(counts, shares)
    look = int(np.argmin(p)) if len(p) else 0
    last = counts[-1] if len(p) else np.zeros(len(shares))
    if last.sum() == 0.0:
        return Mismatch(found=False, p_value=1.0, words="no readers yet: nothing can be said of their shares")
    found = p[-1] <= checked_alpha(alpha)
    return _verdict(float(p[-1]), alpha, counts[look] if found else last, shares, names)


def mismatch_p_values(counts: Array, weights: Array) -> Array:
    """Always-valid p-values of float64[..., looks, variants] readers so far: float64[..., looks]."""
    prior = _CONCENTRATION * np.asarray(weights, np.float64)
    total = counts.sum(axis=-1)
    log_factor = log_gamma(np.asarray(prior.sum())) - log_gamma(prior.sum() + total)
    log_factor = log_factor + (log_gamma(prior + counts) - log_gamma(prior) - counts * np.log(weights)).sum(axis=-1)
    p: Array = np.minimum.accumulate(np.exp(-np.maximum(log_factor, 0.0)), axis=-1)
    return p


def checked_weights(weights: Array, where: str = "weights") -> Array:
    """Shares as float64. Raises InvalidInputError unless they are finite, above 0 and sum to 1."""
    shares = np.asarray(weights, np.float64)
    if shares.ndim != 1 or len(shares) < 2 or not np.isfinite(shares).all() or (shares <= 0.0).any():
        raise InvalidInputError(Problem(where=where, found=f"{shares}", expected="two or more shares above 0"))
    if abs(float(shares.sum()) - 1.0) > _SUM_WITHIN:
        raise InvalidInputError(
            Problem(where=where, found=f"a sum of {shares.sum():.6g}", expected="shares that sum to 1")
        )
    return shares


def _checked(readers: Array, weights: Array, names: Sequence[str], axes: int) -> tuple[Array, Array]:
    shares = checked_weights(weights)
    counts = np.asarray(readers, np.float64)
    if counts.ndim != axes or counts.shape[-1] != len(shares) or len(names) != len(shares):
        found = f"{counts.shape}, {len(shares)} weights and {len(names)} names"
        raise InvalidInputError(
            Problem(where="readers", found=found, expected="a count, a weight and a name per variant")
        )
    if not np.isfinite(counts).all() or (counts < 0.0).any():
        raise InvalidInputError(Problem(where="readers", found=f"{counts}", expected="counts of 0 or more"))
    return counts, shares


def _verdict(p: float, alpha: float, counts: Array, shares: Array, names: Sequence[str]) -> Mismatch:
    total = float(counts.sum())
    seen = counts / total
    if p > alpha:
        words = f"shares are as meant: {total:,.0f} readers, nothing further off than chance (p = {p:.3g})"
        return Mismatch(found=False, p_value=p, words=words)
    worst = int(np.argmax((seen - shares) ** 2 / shares))
    words = (
        f"sample ratio mismatch: {names[worst]} has {seen[worst]:.2%} of {total:,.0f} readers, meant were "
        f"{shares[worst]:.2%} (p = {p:.2g}); do not trust any result of this experiment before the cause is found"
    )
    return Mismatch(found=True, p_value=p, words=words)
