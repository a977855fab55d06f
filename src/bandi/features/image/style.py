"""The style of a picture in 369 numbers, without a model: its colours, its texture and its composition.

Colour: a soft histogram in Oklab (Ottosson 2020, "A perceptual color space for image processing"), where equal distances look
about equally far, as square roots of shares (so that their distance is Hellinger's), and the moments of its axes. Texture,
at three scales: how strong edges are and which way they run (Freeman and Roth 1995, orientation histograms), and local binary
patterns (Ojala, Pietikäinen and Mäenpää 2002). Composition: lightness, chroma and edges in a 4 x 4 grid, and symmetry.
"""

from __future__ import annotations

import numpy as np

from bandi.features.image._style_kernels import (
    colour_histogram,
    grid_means,
    halve,
    local_patterns,
    oriented_edges,
    to_oklab,
)
from bandi.model.records import Array

SIDE = 96
"""Pictures are looked at as 96 x 96 pixels, then 48 x 48 and 24 x 24."""
_NODES = (5, 7, 7)
_REACH = 0.24
"""Of a and b; the few colours of sRGB beyond it count as the nearest within."""
_SCALES, _DIRECTIONS, _PATTERNS, _GRID = 3, 8, 10, 4
_LEAST_STEP = 0.01
_FAINTEST = 1e-3
"""Of edge strength, in units of Oklab's lightness: below it all is flat."""

BLOCKS = {
    "histogram": int(np.prod(_NODES)),
    "moments": 10,
    "directions": _SCALES * _DIRECTIONS,
    "strengths": 2 * _SCALES,
    "patterns": _SCALES * _PATTERNS,
    "grid": 3 * _GRID * _GRID,
    "balance": 6,
}
"""The parts of a style and how many numbers each has, in their order."""
STYLE_SIZE = sum(BLOCKS.values())


def _srgb_curve() -> Array:
    """IEC 61966-2-1: linear light of the 256 levels, float32[256]."""
    level = np.arange(256) / 255.0
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _srgb_curve()


def describe_style(picture: Array) -> Array:
    """The style of sRGB uint8[96, 96, 3]: float32[STYLE_SIZE], finite, in the order of BLOCKS. Safe in many threads."""
    lab = np.empty((3, SIDE, SIDE), np.float32)
    to_oklab(picture, _LINEAR, lab)
    histogram = np.empty(_NODES, np.float32)
    colour_histogram(lab, _REACH, histogram)
    chroma = np.hypot(lab[1], lab[2])
    directions = np.empty((_SCALES, _DIRECTIONS), np.float32)
    patterns = np.empty((_SCALES, _PATTERNS), np.float32)
    strengths = np.empty((_SCALES, 2), np.float32)
    fine = np.empty((SIDE, SIDE), np.float32)
    plane, edges = lab[0], fine
    for scale in range(_SCALES):
        if scale:
            plane = _halved(plane)
            edges = np.empty_like(plane)
        oriented_edges(plane, directions[scale], edges)
        local_patterns(plane, _LEAST_STEP, patterns[scale])
        mean = float(directions[scale].sum())
        strengths[scale] = np.log(mean + _FAINTEST), float(edges.std()) / (mean + _FAINTEST)
        directions[scale] /= mean + _FAINTEST
    return np.concatenate(
        [
            np.sqrt(histogram.ravel()),
            _moments(lab, chroma),
            np.sqrt(directions.ravel()),
            strengths.ravel(),
            np.sqrt(patterns.ravel()),
            *(_grid(plane) for plane in (lab[0], chroma, fine)),
            _balance(lab[0], chroma, fine),
        ]
    ).astype(np.float32)


def _halved(plane: Array) -> Array:
    smaller = np.empty((plane.shape[0] // 2, plane.shape[1] // 2), np.float32)
    halve(plane, smaller)
    return smaller


def _moments(lab: Array, chroma: Array) -> Array:
    """Means and deviations of the three axes, their correlations, and the mean chroma: float32[10]."""
    flat = lab.reshape(3, -1)
    mean = flat.mean(axis=1)
    centred = flat - mean[:, None]
    covariance = centred @ centred.T / np.float32(flat.shape[1])
    spread = np.sqrt(np.diag(covariance))
    ties = covariance[[0, 0, 1], [1, 2, 2]] / (spread[[0, 0, 1]] * spread[[1, 2, 2]] + np.float32(1e-4))
    return np.concatenate([mean, spread, ties, [chroma.mean()]])


def _grid(plane: Array) -> Array:
    means = np.empty((_GRID, _GRID), np.float32)
    grid_means(plane, means)
    return means.ravel()


def _balance(lightness: Array, chroma: Array, edges: Array) -> Array:
    """Likeness to the mirror image and to the one upside down (correlations), and where edges and chroma lie: float64[6]."""
    return np.array(
        [
            _correlation(lightness, lightness[:, ::-1]),
            _correlation(lightness, lightness[::-1]),
            *_centre(edges),
            *_centre(chroma),
        ]
    )


def _correlation(one: Array, other: Array) -> float:
    a, b = one - one.mean(), other - other.mean()
    return float((a * b).mean() / (a.std() * b.std() + 1e-4))


def _centre(plane: Array) -> tuple[float, float]:
    """The mean distance of a plane's mass from its middle row and column, -0.5 to 0.5 each way."""
    steps = (np.arange(len(plane)) + 0.5) / len(plane) - 0.5
    total = float(plane.sum()) + 0.1 * _FAINTEST * plane.size
    return float(plane.sum(axis=1) @ steps) / total, float(plane.sum(axis=0) @ steps) / total
