"""The loops of skip-gram with negative sampling."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

_F = np.float32
_FARTHEST = _F(8.0)
"""Beyond it the logistic function is 0 or 1 for the gradient's purposes."""


@njit(cache=True, nogil=True)
def next_random(state: Array) -> np.uint64:
    """The next 64 random bits. state: uint64[1], not 0. xorshift64*: Vigna (2016), "An experimental exploration", eq. 3."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return np.uint64(x * np.uint64(2685821657736338717))


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def train_epoch(
    starts: Array, words: Array, keep: Array, noise: Array, inner: Array, outer: Array, window: int, negatives: int,
    first_rate: float, last_rate: float, kept: Array, state: Array,
) -> None:  # fmt: skip
    """One pass over all sequences; the learning rate falls from first_rate to last_rate.

    starts: int64[sequences + 1]; words: int32[n]; keep: float32[words], the probability that an occurrence stays; noise:
    int32[m], words in proportion to how often they are drawn as negatives; inner, outer: float32[words, d]; kept: int32[longest
    sequence], scratch; state: uint64[1].
    """
    d = inner.shape[1]
    change = np.empty(d, _F)
    n = max(len(words), 1)
    for sequence in range(len(starts) - 1):
        rate = _F(first_rate + (last_rate - first_rate) * starts[sequence] / n)
        length = 0
        for j in range(starts[sequence], starts[sequence + 1]):
            if (next_random(state) >> np.uint64(40)) * (1.0 / 16777216.0) < keep[words[j]]:
                kept[length] = words[j]
                length += 1
        for centre in range(length):
            reach = 1 + int(next_random(state) % np.uint64(window))
            source = inner[kept[centre]]
            for other in range(max(0, centre - reach), min(length, centre + reach + 1)):
                if other == centre:
                    continue
                for k in range(d):
                    change[k] = _F(0.0)
                for draw in range(negatives + 1):
                    target = kept[other] if draw == 0 else noise[next_random(state) % np.uint64(len(noise))]
                    if draw > 0 and target == kept[other]:
                        continue
                    towards = outer[target]
                    dot = _F(0.0)
                    for k in range(d):
                        dot += source[k] * towards[k]
                    dot = min(max(dot, -_FARTHEST), _FARTHEST)
                    label = _F(1.0) if draw == 0 else _F(0.0)
                    step = rate * (label - _F(1.0) / (_F(1.0) + np.exp(-dot)))
                    for k in range(d):
                        change[k] += step * towards[k]
                        towards[k] += step * source[k]
                for k in range(d):
                    source[k] += change[k]
