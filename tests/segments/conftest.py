"""Planted readers: directions about known centres, drawn exactly from von Mises-Fisher distributions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class Planted:
    vectors: np.ndarray
    labels: np.ndarray
    centres: np.ndarray
    posterior: np.ndarray  # of the mixture that drew them


def _draw(n: int, d: int, k: int, concentration: float, seed: int) -> Planted:
    """Wood (1994), "Simulation of the von Mises Fisher distribution"; shares proportional to 1, 2, ... k."""
    random = np.random.default_rng(seed)
    centres = np.linalg.qr(random.normal(size=(d, d)))[0][:k] if k <= d else random.normal(size=(k, d))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    shares = np.arange(1, k + 1) / np.arange(1, k + 1).sum()
    labels = random.choice(k, n, p=shares)
    b = (d - 1) / (2 * concentration + np.sqrt(4 * concentration**2 + (d - 1) ** 2))
    x0 = (1 - b) / (1 + b)
    c = concentration * x0 + (d - 1) * np.log(1 - x0**2)
    along = np.full(n, np.nan)
    while np.isnan(along).any():
        open_places = np.flatnonzero(np.isnan(along))
        z = random.beta((d - 1) / 2, (d - 1) / 2, len(open_places))
        w = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        taken = concentration * w + (d - 1) * np.log(1 - x0 * w) - c >= np.log(random.random(len(open_places)))
        along[open_places[taken]] = w[taken]
    own = centres[labels]
    across = random.normal(size=(n, d))
    across -= (across * own).sum(1, keepdims=True) * own
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    vectors = along[:, None] * own + np.sqrt(1 - along**2)[:, None] * across
    scores = concentration * vectors @ centres.T + np.log(shares)
    posterior = np.exp(scores - scores.max(1, keepdims=True))
    return Planted(vectors.astype(np.float32), labels, centres, posterior / posterior.sum(1, keepdims=True))


@pytest.fixture(scope="session")
def draw() -> Callable[[int, int, int, float, int], Planted]:
    return _draw


@pytest.fixture(scope="session")
def planted() -> Planted:
    return _draw(3_000, 16, 5, 40.0, 1)


@pytest.fixture(scope="session")
def tastes() -> Callable[[int, int, int], tuple[np.ndarray, np.ndarray]]:
    """(recent: int32[n, 32], titles: float32[240, 16]) of readers who read one of k kinds of titles nine times in ten."""

    def make(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        kinds = np.arange(240) % k
        titles = np.linalg.qr(random.normal(size=(16, 16)))[0][:k][kinds] + random.normal(0, 0.15, (240, 16))
        titles /= np.linalg.norm(titles, axis=1, keepdims=True)
        taste = random.integers(0, k, n)
        recent = random.integers(0, 240, (n, 32))
        own = recent // k * k + taste[:, None]
        recent = np.where((random.random((n, 32)) < 0.9) & (own < 240), own, recent).astype(np.int32)
        recent[np.arange(32) >= random.integers(4, 33, n)[:, None]] = -1
        return recent, titles.astype(np.float32)

    return make
