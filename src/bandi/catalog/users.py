"""The readers, folded from the log: documents by dense id."""

from __future__ import annotations

import msgspec

from bandi.catalog.documents import Documents, split
from bandi.catalog.interning import Interner
from bandi.model.catalog import User
from bandi.model.records import Array

_decoder = msgspec.msgpack.Decoder(User)


class Users:
    """Documents of the readers who were put; readers known from events alone have none."""

    def __init__(self) -> None:
        self._documents = Documents()

    def __len__(self) -> int:
        return self._documents.live

    def put(self, payload: bytes, interner: Interner) -> None:
        """Apply a USERS document: an array of users, whose ids are interned already."""
        for blob in split(payload):
            self._documents.put(interner.lookup("user", _decoder.decode(blob).id), blob)

    def delete(self, ids: list[str], interner: Interner) -> None:
        """Apply a USERS_DELETED document."""
        for text in ids:
            self._documents.remove(interner.lookup("user", text))

    def get(self, index: int) -> User | None:
        """The user of a dense id, or None."""
        blob = self._documents.get(index)
        return _decoder.decode(blob) if blob else None

    def page(self, after: int, limit: int) -> list[User]:
        """Up to `limit` users behind the dense id `after` (-1: from the first)."""
        return [_decoder.decode(blob) for blob in self._documents.after(after, limit)]

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        return self._documents.dump()

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave."""
        self._documents.load(arrays)
