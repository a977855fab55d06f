"""Documents (items, users) by dense id: their msgpack bytes, and which ids are live."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bandi.catalog.packing import pack_blobs, unpack_blobs
from bandi.model.records import Array

_raw_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])


class Documents:
    """One byte string per dense id; empty where there is none (never put, or deleted)."""

    def __init__(self) -> None:
        self._blobs: list[bytes] = []
        self.live = 0

    def __len__(self) -> int:
        return len(self._blobs)

    def put(self, index: int, blob: bytes) -> None:
        """Set the document of a dense id."""
        if index >= len(self._blobs):
            self._blobs.extend([b""] * (index + 1 - len(self._blobs)))
        self.live += not self._blobs[index]
        self._blobs[index] = blob

    def remove(self, index: int) -> None:
        """Forget the document of a dense id."""
        if 0 <= index < len(self._blobs) and self._blobs[index]:
            self._blobs[index] = b""
            self.live -= 1

    def get(self, index: int) -> bytes:
        """The bytes, or empty."""
        return self._blobs[index] if 0 <= index < len(self._blobs) else b""

    def all(self) -> list[bytes]:
        """The document of every dense id, or empty: the list itself; do not change it."""
        return self._blobs

    def after(self, index: int, limit: int) -> list[bytes]:
        """Up to `limit` live documents behind a dense id, in order."""
        found: list[bytes] = []
        for blob in self._blobs[index + 1 :] if index >= 0 else self._blobs:
            if len(found) >= limit:
                break
            if blob:
                found.append(blob)
        return found

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same documents."""
        offsets, data = pack_blobs(self._blobs)
        return {"documents/offsets": offsets, "documents/data": data}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace all by those of `dump`."""
        self._blobs = unpack_blobs(arrays["documents/offsets"], arrays["documents/data"])
        self.live = sum(map(bool, self._blobs))


def split(payload: bytes) -> Sequence[bytes]:
    """The msgpack bytes of each element of an array document."""
    return [bytes(raw) for raw in _raw_decoder.decode(payload)]
