"""The readers, folded from the log: documents by dense id, and the columns that messages need."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from bandi.catalog.documents import Documents, split
from bandi.catalog.interning import Interner
from bandi.model.catalog import User
from bandi.model.records import Array

_decoder = msgspec.msgpack.Decoder(User)


class _Contact(msgspec.Struct, frozen=True, gc=False):
    """The part of a reader's document that messages look at."""

    push: bool = True
    time_zone: str = ""
    region: str = ""


_contact_decoder = msgspec.msgpack.Decoder(_Contact)


class Contacts(NamedTuple):
    """By dense id, as far as readers were put. wants: bool[n], messages; places: int32[n], in `names`, (time zone, region) pairs.

    names[0] is ("", ""), of readers without either.
    """

    wants: Array
    places: Array
    names: list[tuple[str, str]]


class Users:
    """Documents of the readers who were put; readers known from events alone have none."""

    def __init__(self) -> None:
        self._documents = Documents()
        self._contacts = _nobody(0)
        self._numbered: dict[tuple[str, str], int] = {("", ""): 0}
        self._stale: list[int] | None = []

    def __len__(self) -> int:
        return self._documents.live

    def put(self, payload: bytes, interner: Interner) -> None:
        """Apply a USERS document: an array of users, whose ids are interned already."""
        for blob in split(payload):
            index = interner.lookup("user", _decoder.decode(blob).id)
            self._documents.put(index, blob)
            self._changed(index)

    def delete(self, ids: list[str], interner: Interner) -> None:
        """Apply a USERS_DELETED document."""
        for text in ids:
            index = interner.lookup("user", text)
            self._documents.remove(index)
            self._changed(index)

    def get(self, index: int) -> User | None:
        """The user of a dense id, or None."""
        blob = self._documents.get(index)
        return _decoder.decode(blob) if blob else None

    def page(self, after: int, limit: int) -> list[User]:
        """Up to `limit` users behind the dense id `after` (-1: from the first)."""
        return [_decoder.decode(blob) for blob in self._documents.after(after, limit)]

    def contacts(self) -> Contacts:
        """Who wants messages, and where they are. O(readers that changed since it was asked last); the first time all of them."""
        size = len(self._documents)
        stale = range(size) if self._stale is None else [index for index in self._stale if 0 <= index < size]
        if size > len(self._contacts.wants):
            grown = _nobody(size)
            known = len(self._contacts.wants)
            grown.wants[:known], grown.places[:known] = self._contacts.wants, self._contacts.places
            self._contacts = grown._replace(names=self._contacts.names)
        for index in stale:
            blob = self._documents.get(index)
            contact = _contact_decoder.decode(blob) if blob else _Contact()
            place = (contact.time_zone, contact.region)
            number = self._numbered.setdefault(place, len(self._numbered))
            if number == len(self._contacts.names):
                self._contacts.names.append(place)
            self._contacts.wants[index], self._contacts.places[index] = contact.push, number
        self._stale = []
        return self._contacts

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        return self._documents.dump()

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave."""
        self._documents.load(arrays)
        self._contacts, self._numbered, self._stale = _nobody(0), {("", ""): 0}, None

    def _changed(self, index: int) -> None:
        if self._stale is not None:
            self._stale.append(index)
            if len(self._stale) > max(len(self._documents), 1_024):
                self._stale = None


def _nobody(readers: int) -> Contacts:
    return Contacts(np.ones(readers, np.bool_), np.zeros(readers, np.int32), [("", "")])
