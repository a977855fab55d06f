"""Tests for one look, at an end that was fixed beforehand. Looked at more often they raise false alarms: see sequences.py."""

from __future__ import annotations

from bandi.experiments.inference.bounds import Bounds, checked_alpha, difference_bounds, lift_bounds, standard_scores
from bandi.experiments.inference.comparing import Comparison
from bandi.experiments.inference.distributions import student_quantile, student_two_sided


def difference_test(comparison: Comparison, alpha: float = 0.05) -> Bounds:
    """Welch's t-test (1947) of the difference and its interval of confidence 1 - alpha."""
    quantile = student_quantile(1.0 - checked_alpha(alpha) / 2.0, comparison.freedom)
    return difference_bounds(comparison, quantile, student_two_sided(standard_scores(comparison), comparison.freedom))


def lift_test(comparison: Comparison, alpha: float = 0.05) -> Bounds:
    """The same test, with the interval of treatment / control - 1 (Fieller 1954)."""
    quantile = student_quantile(1.0 - checked_alpha(alpha) / 2.0, comparison.freedom)
    return lift_bounds(comparison, quantile, student_two_sided(standard_scores(comparison), comparison.freedom))
