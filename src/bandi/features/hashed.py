"""Vectors from what the log itself says: no training, no artifact, the same on any machine.

A title: its genre, author, language and tags, hashed into d - 1 places with signs (Weinberger, Dasgupta, Langford, Smola and
Attenberg 2009, "Feature hashing for large scale multitask learning": signs make the inner product of two titles unbiased),
scaled to length 1, behind a first component of 1. A reader: the recency-weighted mean direction of the titles they read
last (features/audience.py), behind a first component of 1.

The hash of a token is XXH3 (64 bits, seed 0) of the UTF-8 bytes of `field NUL value`: its top bit is the sign, the rest
modulo d - 1 the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xxhash

from bandi.features._audience_kernels import blend_rows
from bandi.features.audience import FADE, reader_vector
from bandi.model.records import Array

_SIGN = 1 << 63


class Tokens(NamedTuple):
    """What one field says: titles[i] (int[m]) has the value names[codes[i]] (int[m]). Equal pairs count once each."""

    field: str
    names: Sequence[str]
    titles: Array
    codes: Array


def hashed_place(field: str, value: str, dimensions: int) -> tuple[int, int]:
    """(place, 1 to dimensions - 1; sign, 1 or -1) of a token. dimensions: at least 2."""
    bits = xxhash.xxh3_64_intdigest(f"{field}\0{value}".encode())
    return 1 + (bits & (_SIGN - 1)) % (dimensions - 1), -1 if bits & _SIGN else 1


def title_vectors(count: int, fields: Sequence[Tokens], dimensions: int) -> Array:
    """float32[count, d] of titles; (1, 0, ..., 0) where nothing is said. O(tokens + count d).

    Each field has the same weight, shared by its tokens: each of m tokens counts 1 / sqrt(m).
    """
    vectors = np.zeros((count, dimensions))
    for tokens in fields:
        used, place = np.unique(tokens.codes, return_inverse=True)
        hashed = [hashed_place(tokens.field, tokens.names[code], dimensions) for code in used.tolist()]
        places, signs = np.array(hashed, np.int64).reshape(-1, 2).T
        weights = 1.0 / np.sqrt(np.bincount(tokens.titles, minlength=count).clip(1))
        np.add.at(vectors, (tokens.titles, places[place]), signs[place] * weights[tokens.titles])
    lengths = np.sqrt(np.square(vectors).sum(axis=1))
    vectors /= np.where(lengths > 0, lengths, 1.0)[:, None]
    vectors[:, 0] = 1.0
    found: Array = vectors.astype(np.float32)
    return found


def hashed_reader(recent: Array, titles: Array) -> Array:
    """A reader's vector: float32[d], (1, 0, ..., 0) where nothing is known. recent: int32[m], newest first. O(m d)."""
    vector: Array = _with_constant(reader_vector(recent, titles)[None, :])[0]
    return vector


def hashed_readers(recent: Array, titles: Array) -> Array:
    """`hashed_reader` of every row of recent: int32[n, m], -1 padded; gives float32[n, d]."""
    vectors = np.empty((len(recent), titles.shape[1]), np.float32)
    blend_rows(recent, titles, FADE, vectors, 0, len(recent))
    return _with_constant(vectors)


def _with_constant(vectors: Array) -> Array:
    """The direction without its first component, which all titles share, scaled to length 1, and 1 in its place."""
    vectors[:, 0] = 0.0
    lengths = np.sqrt(np.square(vectors.astype(np.float64)).sum(axis=1))
    known = lengths > 1e-6  # opposite titles have cancelled below that
    vectors[known] /= lengths[known, None].astype(np.float32)
    vectors[~known] = 0.0
    vectors[:, 0] = 1.0
    return vectors
