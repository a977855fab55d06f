"""The space of a catalogue's images: measurements of unlike kinds and units become vectors whose cosine compares images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array

_RARE = 0.3
"""Of a part's mean deviation: a measurement that varies less is not blown up to count as much as the others."""
_MIDDLE = 0.1
"""The fixed coordinate, of the mean length: a wholly average image keeps a direction, and resembles other average ones."""
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class ImageSpace:
    """What was learned of a sample of images. mean: float32[f]; basis: float32[f, d - 1], zero where the sample has no more directions.

    middle: the fixed last coordinate; kept: share of the sample's variance that the basis keeps, 0 to 1.
    """

    mean: Array
    basis: Array
    middle: float
    kept: float

    def project(self, measured: Array) -> Array:
        """Vectors of length 1 of measurements float32[n, f]: float32[n, d]."""
        inside = (measured - self.mean) @ self.basis
        vectors = np.hstack([inside, np.full((len(inside), 1), self.middle, np.float32)])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def learn_space(measured: Array, parts: Mapping[str, int], weights: Mapping[str, float], dimensions: int) -> ImageSpace:
    """Learn from a sample of finite measurements, float32[n >= 1, f]; parts: how many columns each has, in order.

    Columns are standardised within their part, each part gets the total variance that `weights` says (1 where it does not),
    then the first d - 1 principal directions are kept (not whitened: `bench.image` says what that costs). O(n f**2 + f**3). Where
    no image differs from another all vectors are equal.
    """
    mean = measured.mean(axis=0, dtype=np.float64)
    centred = measured - mean
    spread = np.sqrt((centred**2).mean(axis=0))
    scale = np.zeros(len(mean))
    start = 0
    for name, size in parts.items():
        own = spread[start : start + size]
        typical = float(np.sqrt((own**2).mean()))
        if typical > _NOTHING:
            divisor = np.maximum(own, _RARE * typical)
            total = float(((own / divisor) ** 2).sum())
            scale[start : start + size] = np.sqrt(weights.get(name, 1.0) / total) / divisor
        start += size
    scaled = centred * scale
    values, directions = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    taken = min(dimensions - 1, len(values))
    values, directions = values[::-1][:taken].clip(0.0), directions[:, ::-1][:, :taken]
    directions = directions * np.where(directions[np.abs(directions).argmax(axis=0), np.arange(taken)] < 0, -1.0, 1.0)
    real = values > _NOTHING * max(float(values[0]) if taken else 0.0, _NOTHING)
    basis = np.zeros((len(mean), dimensions - 1))
    basis[:, :taken] = scale[:, None] * np.where(real, directions, 0.0)
    length = float(np.sqrt(values[real].sum()))
    whole = float((scaled**2).mean(axis=0).sum())
    return ImageSpace(
        mean.astype(np.float32),
        basis.astype(np.float32),
        _MIDDLE * length if length > 0 else 1.0,
        float(values[real].sum()) / whole if whole > 0 else 1.0,
    )
