"""Colour, texture and composition of one small picture: loops over its pixels."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

_F = np.float32
_FAST = {"reassoc", "contract", "nsz", "arcp"}


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def to_oklab(picture: Array, linear: Array, lab: Array) -> None:
    """sRGB uint8[s, s, 3] to Oklab float32[3, s, s] (Ottosson 2020). linear: float32[256], sRGB's curve."""
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            r, g, b = linear[picture[y, x, 0]], linear[picture[y, x, 1]], linear[picture[y, x, 2]]
            long = np.cbrt(_F(0.4122214708) * r + _F(0.5363325363) * g + _F(0.0514459929) * b)
            medium = np.cbrt(_F(0.2119034982) * r + _F(0.6806995451) * g + _F(0.1073969566) * b)
            short = np.cbrt(_F(0.0883024619) * r + _F(0.2817188376) * g + _F(0.6299787005) * b)
            lab[0, y, x] = _F(0.2104542553) * long + _F(0.7936177850) * medium - _F(0.0040720468) * short
            lab[1, y, x] = _F(1.9779984951) * long - _F(2.4285922050) * medium + _F(0.4505937099) * short
            lab[2, y, x] = _F(0.0259040371) * long + _F(0.7827717662) * medium - _F(0.8086757660) * short


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def colour_histogram(lab: Array, reach: float, shares: Array) -> None:
    """Add each pixel to the eight nodes around it, by nearness (trilinear); the shares sum to 1.

    lab: float32[3, s, s]; shares: float32[lightness, a, b], set here. Nodes: lightness 0 to 1, a and b -reach to reach.
    """
    shares[:] = _F(0.0)
    tops = (shares.shape[0] - 1, shares.shape[1] - 1, shares.shape[2] - 1)
    share = _F(1.0) / _F(lab.shape[1] * lab.shape[2])
    wide = _F(1.0 / (2.0 * reach))
    for y in range(lab.shape[1]):
        for x in range(lab.shape[2]):
            u = min(max(lab[0, y, x], _F(0.0)), _F(1.0)) * _F(tops[0])
            v = min(max(lab[1, y, x] * wide + _F(0.5), _F(0.0)), _F(1.0)) * _F(tops[1])
            w = min(max(lab[2, y, x] * wide + _F(0.5), _F(0.0)), _F(1.0)) * _F(tops[2])
            i, j, k = min(int(u), tops[0] - 1), min(int(v), tops[1] - 1), min(int(w), tops[2] - 1)
            u, v, w = u - _F(i), v - _F(j), w - _F(k)
            for di in range(2):
                pu = share * (u if di else _F(1.0) - u)
                for dj in range(2):
                    pv = pu * (v if dj else _F(1.0) - v)
                    shares[i + di, j + dj, k] += pv * (_F(1.0) - w)
                    shares[i + di, j + dj, k + 1] += pv * w


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def halve(plane: Array, smaller: Array) -> None:
    """Means of 2 x 2 pixels: float32[s, s] to float32[s // 2, s // 2]."""
    for y in range(smaller.shape[0]):
        for x in range(smaller.shape[1]):
            top = plane[2 * y, 2 * x] + plane[2 * y, 2 * x + 1]
            smaller[y, x] = _F(0.25) * (top + plane[2 * y + 1, 2 * x] + plane[2 * y + 1, 2 * x + 1])


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def oriented_edges(plane: Array, directions: Array, strength: Array) -> None:
    """Central differences: how strong the edges are, and which way they run.

    plane: float32[s, s]; directions: float32[n], the mean strength of edges across each of n directions over half a turn,
    shared between the two nearest; strength: float32[s, s], 0 at the rim. Both are set here.
    """
    n = len(directions)
    height, width = plane.shape
    directions[:] = _F(0.0)
    strength[:] = _F(0.0)
    per_turn = _F(n / np.pi)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            dx = plane[y, x + 1] - plane[y, x - 1]
            dy = plane[y + 1, x] - plane[y - 1, x]
            size = np.sqrt(dx * dx + dy * dy)
            strength[y, x] = size
            if size > _F(0.0):
                turn = np.arctan2(dy, dx) * per_turn + _F(n)
                low = int(turn)
                rest = turn - _F(low)
                directions[low % n] += size * (_F(1.0) - rest)
                directions[(low + 1) % n] += size * rest
    for k in range(n):
        directions[k] /= _F((height - 2) * (width - 2))


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def local_patterns(plane: Array, least: float, shares: Array) -> None:
    """Local binary patterns, rotation-invariant and uniform (Ojala, Pietikäinen and Mäenpää 2002, eq. 9, P = 8, R = 1 on the grid).

    plane: float32[s, s]; shares: float32[10], set here: patterns of 0 to 8 neighbours in one run that are brighter than the
    centre by `least` or more, then all others. `least` keeps flat areas from being all noise.
    """
    shares[:] = _F(0.0)
    height, width = plane.shape
    share = _F(1.0) / _F((height - 2) * (width - 2))
    bar = _F(least)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            c = plane[y, x] + bar
            b0, b1, b2 = int(plane[y - 1, x - 1] >= c), int(plane[y - 1, x] >= c), int(plane[y - 1, x + 1] >= c)
            b3, b4, b5 = int(plane[y, x + 1] >= c), int(plane[y + 1, x + 1] >= c), int(plane[y + 1, x] >= c)
            b6, b7 = int(plane[y + 1, x - 1] >= c), int(plane[y, x - 1] >= c)
            changes = (b0 ^ b1) + (b1 ^ b2) + (b2 ^ b3) + (b3 ^ b4) + (b4 ^ b5) + (b5 ^ b6) + (b6 ^ b7) + (b7 ^ b0)
            shares[b0 + b1 + b2 + b3 + b4 + b5 + b6 + b7 if changes <= 2 else 9] += share


@njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def grid_means(plane: Array, means: Array) -> None:
    """Means over a grid of equal cells: float32[s, s] to float32[n, n], s a multiple of n."""
    cell = plane.shape[0] // means.shape[0]
    for i in range(means.shape[0]):
        for j in range(means.shape[1]):
            total = _F(0.0)
            for y in range(i * cell, (i + 1) * cell):
                for x in range(j * cell, (j + 1) * cell):
                    total += plane[y, x]
            means[i, j] = total / _F(cell * cell)
