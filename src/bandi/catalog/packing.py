"""Lists of texts and of byte strings as two plain arrays, for snapshots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandi.model.records import Array


def pack_blobs(blobs: Sequence[bytes]) -> tuple[Array, Array]:
    """offsets: int64[n + 1]; data: uint8[total]. Blob i is data[offsets[i]:offsets[i + 1]]."""
    offsets = np.zeros(len(blobs) + 1, np.int64)
    np.cumsum([len(blob) for blob in blobs], out=offsets[1:])
    return offsets, np.frombuffer(b"".join(blobs), np.uint8)


def unpack_blobs(offsets: Array, data: Array) -> list[bytes]:
    """What `pack_blobs` packed. Raises ValueError where the arrays do not fit together."""
    _check(offsets, len(data))
    whole = data.tobytes()
    bounds = offsets.tolist()
    return [whole[first:stop] for first, stop in zip(bounds, bounds[1:], strict=False)]


def pack_texts(texts: Sequence[str]) -> tuple[Array, Array]:
    """offsets: int64[n + 1], in characters; data: uint8, UTF-8 of all texts together."""
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    return offsets, np.frombuffer("".join(texts).encode(), np.uint8)


def unpack_texts(offsets: Array, data: Array) -> list[str]:
    """What `pack_texts` packed. Raises ValueError where the arrays do not fit together."""
    whole = data.tobytes().decode()
    _check(offsets, len(whole))
    bounds = offsets.tolist()
    return [whole[first:stop] for first, stop in zip(bounds, bounds[1:], strict=False)]


def _check(offsets: Array, length: int) -> None:
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != length or (np.diff(offsets) < 0).any():
        raise ValueError("offsets and data do not fit together")
