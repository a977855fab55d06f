"""Event ids as 128 bits: a keyed hash of the text, or fresh random bits where the event brought no id.

The key is a random 64-bit number kept in the log, so ids prepared to collide under the unkeyed hash do not. xxh3 is no
cryptographic hash: who can read the key can make collisions. Among 10 billion ids the chance of one by accident is
below 2e-19 (birthday bound, n^2 / 2^129).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from xxhash import xxh3_128_digest

from bandi.model.records import Array


def hash_ids(texts: Sequence[str], seed: int) -> tuple[Array, Array]:
    """High and low halves (uint64[n] each) of the 128-bit xxh3 of each text's UTF-8, keyed by the log's `id_seed`.

    >>> hi, lo = hash_ids(["e1", "e2", "e1"], seed=7)
    >>> bool(hi[0] == hi[2] and lo[0] == lo[2]), bool(hi[0] == hi[1])
    (True, False)
    """
    return _halves(b"".join([xxh3_128_digest(text.encode(), seed) for text in texts]))


def random_ids(count: int) -> tuple[Array, Array]:
    """High and low halves (uint64[count] each) of fresh ids from the operating system's random source."""
    return _halves(os.urandom(16 * count))


def _halves(data: bytes) -> tuple[Array, Array]:
    pairs = np.frombuffer(data, ">u8").reshape(-1, 2)
    return pairs[:, 0].astype("<u8"), pairs[:, 1].astype("<u8")
