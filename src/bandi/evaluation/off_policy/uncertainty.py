"""Intervals of an estimate in closed form: Student's t and the empirical Bernstein bound."""

from __future__ import annotations

import math

from bandi.evaluation.intervals import Interval, t_quantile

ALPHA = 0.05


def student(value: float, error: float, rows: int) -> Interval | None:
    """value +- t(rows - 1) error: Student (1908). None for one row, or where nothing varies (an error of 0)."""
    if rows < 2 or error <= 0:
        return None
    half = t_quantile(rows - 1) * error
    return Interval(value, value - half, value + half)


def empirical_bernstein(value: float, variance: float, span: float, rows: int) -> Interval | None:
    """mean +- (sqrt(2 variance L / n) + 7 span L / (3 (n - 1))), L = log(4 / 0.05).

    Maurer and Pontil (2009), "Empirical Bernstein bounds and sample variance penalization", theorem 4, on both sides. variance: of
    the rows' terms, by n - 1; span: of the values that a term can take. Valid for any n where the span is right; None for one row.
    """
    if rows < 2:
        return None
    log_term = math.log(4.0 / ALPHA)
    half = math.sqrt(2.0 * variance * log_term / rows) + 7.0 * span * log_term / (3.0 * (rows - 1))
    return Interval(value, value - half, value + half)
