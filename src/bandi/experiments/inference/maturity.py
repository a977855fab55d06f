"""Readers whose window is still open: a metric with a window of 14 days is not yet known of whoever came yesterday.

Their values so far are too small, in all variants alike where readers arrive alike, so a plain mean shrinks the difference.
Two ways out. `only_mature` keeps readers whose window has closed: unbiased whatever the delays, and the newest days wait.
`by_maturity` takes all readers: with F(age) the share of what comes within the window that has come by an age (the delay
curve; learning/delays.py gives it),

    mean per reader = sum of values so far / sum of F(age)

which is a ratio metric whose denominator is how much of a reader's window has been seen (exposure, as in policies/chain.py),
so `compare_ratios` gives its variance by the delta method. It holds where delay and size of what comes are unrelated and the
variants have one curve: a variant that only hastens purchases would look better until its readers are mature. What the
curve itself errs by is common to the variants, multiplies the difference and does not enter the variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Maturity:
    """readers: in all; mature: whose window has closed; seen: mean of F(age), the share of what will come that has come."""

    readers: int
    mature: int
    seen: float

    @property
    def words(self) -> str:
        """One line for the report."""
        if not self.readers:
            return "no readers yet"
        return f"{self.mature:,} of {self.readers:,} readers are mature; {self.seen:.0%} of what will come has come"


def maturity_of(shares: Array) -> Maturity:
    """How far readers are, from F(age): float64[readers], 0 to 1."""
    seen = _checked(shares)
    return Maturity(len(seen), int((seen >= 1.0).sum()), float(seen.mean()) if len(seen) else 0.0)


def only_mature(rows: Array, complete: Array) -> Array:
    """Rows (float64[readers, columns] or float64[readers]) of readers whose window has closed: bool[readers]."""
    values, mask = np.asarray(rows, np.float64), np.asarray(complete)
    if mask.dtype != np.bool_ or mask.ndim != 1 or len(values) != len(mask):
        found = f"{values.shape} rows and {mask.dtype}{list(mask.shape)}"
        raise InvalidInputError(Problem(where="complete", found=found, expected="a true or false for each row"))
    kept: Array = values[mask]
    return kept


def by_maturity(values: Array, shares: Array) -> Array:
    """Rows for `compare_ratios`: float64[readers, 2] of values so far and F(age); the ratio is the mean once all are mature.

    Raises InvalidInputError for values that are no numbers, shares out of 0 to 1, and values where F(age) says that nothing
    can have come.
    """
    so_far, seen = np.asarray(values, np.float64), _checked(shares)
    if so_far.shape != seen.shape:
        found = f"{so_far.shape} values and {seen.shape} shares"
        raise InvalidInputError(Problem(where="values", found=found, expected="one share for each value"))
    if not np.isfinite(so_far).all():
        found = f"NaN or infinity of reader {int(np.argmin(np.isfinite(so_far)))}"
        raise InvalidInputError(Problem(where="values", found=found, expected="finite numbers"))
    early = (seen == 0.0) & (so_far != 0.0)
    if early.mean() > 0.01 if len(early) else False:
        found = f"{int(early.sum())} readers with a value at an age at which the delay curve is 0"
        raise InvalidInputError(Problem(where="shares", found=found, expected="a curve of the same metric"))
    return np.stack([so_far, seen], axis=1)


def _checked(shares: Array) -> Array:
    seen = np.asarray(shares, np.float64)
    if seen.ndim != 1 or not ((seen >= 0.0) & (seen <= 1.0)).all():
        raise InvalidInputError(Problem(where="shares", found="others", expected="a list of numbers from 0 to 1"))
    return seen
