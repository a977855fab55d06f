"""Ramp-ups: stages in which the variants had different shares of the readers.

Pooled over stages, a variant that grew late holds other days' readers than the control, and the difference of the days is
taken for an effect (Simpson's paradox; Crook, Frasca, Kohavi and Longbotham 2009). So readers are compared within the
stage in which they came, and stages are combined by how much they tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandi.experiments.inference.comparing import Comparison, State
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


def across_stages(stages: Sequence[Comparison]) -> Comparison:
    """One comparison from those of each stage's readers; all of one shape, the looks as many as the experiment's.

    A stage weighs n m / (n + m) readers (or denominators), which is least variance where spreads are alike, and depends on
    nothing that readers did but for denominators. Stages of which nothing is known yet weigh nothing.
    """
    if not stages or any(stage.states.shape != stages[0].states.shape for stage in stages):
        raise InvalidInputError(
            Problem(where="stages", found="none, or several shapes", expected="stages at the same looks")
        )
    states = np.stack([stage.states for stage in stages])
    known = (states == State.JUDGED) | (states == State.NO_SPREAD)
    weight = np.where(known, np.stack([stage.weight for stage in stages]), 0.0)
    total = weight.sum(axis=0)
    share = weight / np.where(total > 0.0, total, 1.0)

    def combined(values: list[Array], power: int) -> Array:
        combination: Array = (np.stack(values) * share**power).sum(axis=0)
        return combination

    return Comparison(
        treatment=combined([stage.treatment for stage in stages], 1),
        control=combined([stage.control for stage in stages], 1),
        treatment_variance=combined([stage.treatment_variance for stage in stages], 2),
        control_variance=combined([stage.control_variance for stage in stages], 2),
        covariance=combined([stage.covariance for stage in stages], 2),
        freedom=np.maximum(np.where(known, [stage.freedom for stage in stages], 0.0).sum(axis=0), 1.0),
        treatment_readers=np.where(known, [stage.treatment_readers for stage in stages], 0.0).sum(axis=0),
        control_readers=np.where(known, [stage.control_readers for stage in stages], 0.0).sum(axis=0),
        weight=total,
        contributors=_contributors(stages, share),
        states=np.where(known.any(axis=0), states.min(axis=0), states.max(axis=0)).astype(np.int8),
    )


def _contributors(stages: Sequence[Comparison], share: Array) -> Array:
    """Third cumulants add as variances do: each stage's is its error^3 over the root of its contributors."""
    errors = np.stack([np.where(stage.states == State.JUDGED, stage.standard_error, 0.0) for stage in stages]) * share
    few = np.maximum(np.stack([stage.contributors for stage in stages]), 1e-12)
    skewness = (errors**3 / np.sqrt(few)).sum(axis=0)
    variance = (errors**2).sum(axis=0)
    number: Array = np.divide(variance**3, skewness**2, out=np.full(variance.shape, np.inf), where=skewness > 0.0)
    return number
