"""How soft the weights should be: one concentration, chosen by how well the weights foretell the next read.

Expectation maximisation answers another question: how narrow the segments are in the titles' space. In 64 dimensions they
are narrow beside the distances between them, so its posteriors are nearly 0 or 1, and a reader of 30 % drama is shown none.
Lowering the concentration of the fitted mixture softens all weights at once (tempering; centres and shares stay); too low,
and all readers look alike. The held-out log-likelihood of the next read (`held_out`) has its maximum between.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bandi.segments.held_out import HeldOut
from bandi.segments.model import SegmentModel

_STEPS = range(-2, 17)
"""Powers of 2**-0.5: from twice the fitted concentration down to a 256th of it."""
_FEWEST = 50
"""Readers below which the fitted concentration stays: their likelihoods are noise."""


def soften(model: SegmentModel, held_out: HeldOut) -> SegmentModel:
    """The model with the concentration of the highest held-out log-likelihood. O(19 n m k); hard segments stay hard.

    held_out: of the readers that the model was fitted to, or a sample of them. Where it has fewer than 50 readers, or the
    likelihood does not depend on the concentration, the model stays as it is.
    """
    curve = likelihood_by_concentration(model, held_out)
    if not curve or len(held_out.newest) < _FEWEST:
        return model
    fitted = min(curve, key=lambda concentration: abs(concentration - model.concentration))
    best = max(curve, key=lambda concentration: (curve[concentration], concentration == fitted))
    return replace(model, concentration=best)


def likelihood_by_concentration(model: SegmentModel, held_out: HeldOut) -> dict[float, float]:
    """Mean held-out log-likelihood (nats a read) by concentration, sharpest first; empty for hard segments or no readers."""
    if model.method == "hard" or not len(held_out.newest):
        return {}
    tried = (model.concentration * math.pow(2.0, -step / 2.0) for step in _STEPS)
    return {
        concentration: float(
            np.mean(held_out.log_likelihoods(replace(model, concentration=concentration).memberships(held_out.vectors)))
        )
        for concentration in tried
    }
