"""Who gets which variant: a pure function of the reader's id and the configuration, so it needs no table.

`bucket(salt, unit)` is XXH64 (seed 0) of the salt in UTF-8, a zero byte, and the unit in UTF-8; its first 53 bits are read as a
number in [0, 1): `(hash >> 11) * 2**-53`. The layer's salt says which readers are in an experiment, the experiment's own salt
which variant they get. So variants do not depend on the ramp, and layers not on each other.

>>> bucket("layer", "u42") == buckets("layer", ["u42"])[0]
True
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import xxhash

from bandi.experiments._hash_kernels import fill_buckets
from bandi.model.records import Array

_UNIT = 2.0**-53
OUTSIDE = -1
"""In the place of a variant's number: not in the experiment."""


@dataclass(frozen=True, slots=True)
class Split:
    """How a layer's readers come into an experiment, and how it divides them.

    layer_salt, salt: the layer's and the experiment's own; low: first bucket of the experiment in the layer; width: most of the
    layer that it may take; bounds: cumulative weights of its variants but for the last, ascending, 0 to 1.
    """

    layer_salt: str
    salt: str
    low: float
    width: float
    bounds: tuple[float, ...]


def split(layer_salt: str, salt: str, span: tuple[float, float], weights: Sequence[float]) -> Split:
    """A `Split` of the buckets `span` (low, high) among variants of these weights, which sum to 1."""
    return Split(layer_salt, salt, span[0], span[1] - span[0], tuple(accumulate(weights))[:-1])


def bucket(salt: str, unit: str) -> float:
    """Where a unit falls, in [0, 1). O(length), less than a microsecond."""
    return (xxhash.xxh64_intdigest(_bytes(salt) + b"\0" + _bytes(unit)) >> 11) * _UNIT


def buckets(salt: str, units: Sequence[str]) -> Array:
    """Where each unit falls: float64[n] in [0, 1). O(bytes)."""
    found = np.empty(len(units))
    data, offsets = _packed(units)
    fill_buckets(np.frombuffer(_bytes(salt) + b"\0", np.uint8), data, offsets, found)
    return found


def variant(parts: Split, share: float, unit: str) -> int:
    """The number of the unit's variant, or OUTSIDE. share: of the layer, 0 to `width`; a larger one only adds units."""
    if not parts.low <= bucket(parts.layer_salt, unit) < parts.low + min(share, parts.width):
        return OUTSIDE
    return bisect_right(parts.bounds, bucket(parts.salt, unit))


def variants(parts: Split, share: float, units: Sequence[str]) -> Array:
    """`variant` of each unit: int16[n]. O(bytes)."""
    where = buckets(parts.layer_salt, units)
    inside = (where >= parts.low) & (where < parts.low + min(share, parts.width))
    numbers = np.searchsorted(np.array(parts.bounds), buckets(parts.salt, units), side="right")
    return np.where(inside, numbers, OUTSIDE).astype(np.int16)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _packed(units: Sequence[str]) -> tuple[Array, Array]:
    """The bytes of all units, and where each begins: uint8[offsets[n]], int64[n + 1]."""
    joined = "".join(units)
    offsets = np.zeros(len(units) + 1, np.int64)
    if joined.isascii():
        lengths = np.fromiter(map(len, units), np.int64, len(units))
        data = joined.encode()
    else:
        encoded = [_bytes(unit) for unit in units]
        lengths = np.fromiter(map(len, encoded), np.int64, len(units))
        data = b"".join(encoded)
    np.cumsum(lengths, out=offsets[1:])
    return np.frombuffer(data, np.uint8), offsets
