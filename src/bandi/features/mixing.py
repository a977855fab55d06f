"""Likeness by several features at once: a weight for each, learned from what readers read one after the other.

The likeness of two titles is the sum over features of weight * cosine. Weights come from a logistic regression that tells
the title that a reader turned to next from others drawn by how often they are turned to (so popularity says nothing), on the
cosines with the title before: p(next) = 1 / (1 + exp(-(bias + sum of weight * cosine))); negative weights become 0 (a
feature by which unlike titles are read together is no likeness), and the rest is scaled to sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandi.model.records import Array

OTHERS = 4
"""Titles drawn beside each one that was turned to."""
MAX_PAIRS = 50_000
_STEPS, _RIDGE = 60, 1e-3


def learn_weights(parts: Sequence[Array], befores: Array, nexts: Array, seed: int = 1) -> Array:
    """The weight of each part: float64[parts], at least 0, summing to 1; equal ones where nothing can be learned.

    parts: float32[items, d] each, rows of length 1 or 0; befores, nexts: int[n], titles read one after the other, of which
    MAX_PAIRS are looked at. O(pairs d).
    """
    equal = np.full(len(parts), 1.0 / max(len(parts), 1))
    random = np.random.default_rng(seed)
    if len(befores) > MAX_PAIRS:
        drawn = random.choice(len(befores), MAX_PAIRS, replace=False)
        befores, nexts = befores[drawn], nexts[drawn]
    if len(parts) < 2 or not len(befores):
        return equal
    firsts = np.tile(befores, 1 + OTHERS)
    seconds = np.concatenate([nexts, *(random.permutation(nexts) for _ in range(OTHERS))])
    turned_to = np.arange(len(firsts)) < len(befores)
    told = turned_to | (seconds != np.tile(nexts, 1 + OTHERS))  # a draw that is the next title itself tells nothing
    told &= firsts != seconds
    features = np.stack([_cosines(part, firsts[told], seconds[told]) for part in parts], axis=1)
    weights = np.maximum(_logistic(features, turned_to[told].astype(np.float64)), 0.0)
    found: Array = weights / weights.sum() if weights.sum() > 0 else equal
    return found


def mixed(parts: Sequence[Array], weights: Array) -> Array:
    """Vectors whose inner product is the mixed likeness: float32[items, sum of d]."""
    scaled = [part * np.float32(np.sqrt(weight)) for part, weight in zip(parts, weights, strict=True)]
    return np.ascontiguousarray(np.concatenate(scaled, axis=1), np.float32)


def reduced(vectors: Array, dimensions: int) -> Array:
    """The rows in their first principal directions (about 0, so zeros stay zeros), scaled to length 1: float32[n, d'].

    d' is at most `dimensions`. Pearson (1901); Eckart and Young (1936). O(n d**2). Rows stay as they are where they fit.
    """
    if vectors.shape[1] > dimensions:
        wide = vectors.astype(np.float64)
        _, directions = np.linalg.eigh(wide.T @ wide)
        vectors = vectors @ directions[:, ::-1][:, :dimensions].astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.where(lengths > 1e-6, vectors / np.maximum(lengths, 1e-12), 0.0)
    return np.ascontiguousarray(scaled, np.float32)


def _cosines(part: Array, firsts: Array, seconds: Array) -> Array:
    found: Array = np.einsum("ij,ij->i", part[firsts], part[seconds], dtype=np.float64)
    return found


def _logistic(features: Array, labels: Array) -> Array:
    """The weights of a ridge logistic regression with a bias, by Newton's method: float64[features]."""
    design = np.column_stack([features, np.ones(len(features))])
    solution = np.zeros(design.shape[1])
    ridge = np.full(design.shape[1], _RIDGE * len(features))
    ridge[-1] = 1e-9
    for _ in range(_STEPS):
        rate = 1.0 / (1.0 + np.exp(-np.clip(design @ solution, -30.0, 30.0)))
        slope = design.T @ (labels - rate) - ridge * solution
        bend = (design.T * (rate * (1.0 - rate))) @ design + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        solution += step
        if np.abs(step).max() < 1e-8:
            break
    weights: Array = solution[:-1]
    return weights
