"""What the titles' documents say, column by column: built when first asked for, then kept up title by title.

Three kinds of column: coded values (a genre, a field of texts), numbers, and lists of coded texts (tags). A column that
nobody asked for costs nothing; one that is kept costs 4 bytes a title (codes), 8 (numbers), or 12 and 8 for each element
(lists), and a put of one title then changes one place of it. Arrays handed out are never changed afterwards: the first
change after a column was handed out copies what it would write to (O(titles), no document is read again).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bandi.catalog.documents import Documents
from bandi.model.catalog import Item, Scalar
from bandi.model.config_values import duration_ms
from bandi.model.records import Array

MAX_COLUMNS = 64
"""Columns kept up at most; of more, those asked for longest ago are let go and built anew when asked for."""
_WASTE = 65_536
"""List elements (or coded values) out of use that are put up with whatever the size of the catalogue."""

_PART = 4_096
_HOUR_MS = 3_600_000


class ColumnKind(Enum):
    """How a column is kept."""

    CODES = "codes"
    NUMBERS = "numbers"
    LISTS = "lists"


class ValueType(IntEnum):
    """What a coded value is; numbers are 64-bit floats, and true is no number."""

    NONE = 0
    TEXT = 1
    NUMBER = 2
    TRUTH = 3


class ColumnName(NamedTuple):
    """A column. name: a field of `Item`, or `fields.NAME`."""

    kind: ColumnKind
    name: str


TEXTS = ("genre", "author", "language")
TRUTHS = ("active",)
NUMBERS = ("age_rating", "editor_rank", "episodes", "free_episodes", "wait_free")
"""`wait_free` in hours."""
LISTS = ("tags", "regions")
FIELD = "fields."


@dataclass(frozen=True, slots=True)
class Codes:
    """codes: int32[size], 0: none; names: what each code stands for, as text; names[0] is empty.

    Equal codes mean equal values of one type; their order means nothing. `values` and `names` grow as the catalogue does.
    """

    codes: Array
    names: list[str]
    values: list[Scalar]
    numbered: dict[object, int]
    typed: bytearray

    def types(self) -> Array:
        """The `ValueType` of what each code stands for: uint8[codes], a copy. O(distinct values)."""
        return np.frombuffer(bytes(self.typed), np.uint8)

    def code(self, value: str | float | bool) -> int:
        """The code of a value of this type, or -1. O(1)."""
        return self.numbered.get(_key(value), -1)


@dataclass(frozen=True, slots=True)
class Lists:
    """Title i has ids[starts[i] : starts[i] + counts[i]]. starts: int64[size]; counts: int32[size].

    ids, owners: int32[m], an element and the title it was written for; elements that no title has any more remain in
    between. names: what each id stands for; it grows as the catalogue does.
    """

    starts: Array
    counts: Array
    ids: Array
    owners: Array
    names: list[str]
    numbered: dict[str, int]

    def having(self, text: str) -> Array:
        """Whether each title's list holds the text: bool[size]. O(m)."""
        found = np.zeros(len(self.starts), np.bool_)
        code = self.numbered.get(text, -1)
        at = np.flatnonzero(self.ids == code)
        owners = self.owners[at]
        first = self.starts[owners]
        found[owners[(at >= first) & (at < first + self.counts[owners])]] = True
        return found

    def take(self, indices: Array) -> Lists:
        """The lists of some titles, in their order. O(their elements)."""
        counts = self.counts[indices]
        starts = np.cumsum(counts, dtype=np.int64) - counts
        places = np.arange(int(counts.sum())) + np.repeat(self.starts[indices] - starts, counts)
        owners = np.repeat(np.arange(len(indices), dtype=np.int32), counts)
        return Lists(starts, counts, self.ids[places], owners, self.names, self.numbered)


@dataclass(frozen=True, slots=True)
class Columns:
    """Some columns of one state of the catalogue, all of one size; read-only."""

    generation: int
    size: int
    found: dict[ColumnName, Codes | Array | Lists]
    changes: tuple[tuple[int, Array], ...] = ()
    """The latest generations and which titles each of them changed."""

    def changed_since(self, generation: int) -> Array | None:
        """Titles that changed after a generation: int64[m], some perhaps twice; None where that is not known any more."""
        later = [indices for number, indices in self.changes if number > generation]
        if len(later) != self.generation - generation:
            return None
        return np.concatenate([*later, np.zeros(0, np.int64)])

    def take(self, indices: Array) -> Columns:
        """The same columns of some titles alone, in their order. O(what is taken)."""
        taken: dict[ColumnName, Codes | Array | Lists] = {}
        for name, column in self.found.items():
            match column:
                case Codes():
                    taken[name] = replace(column, codes=column.codes[indices])
                case Lists():
                    taken[name] = column.take(indices)
                case _:
                    taken[name] = column[indices]
        return Columns(self.generation, len(indices), taken)

    def codes(self, name: str) -> Codes:
        """A coded column that was asked for."""
        column = self.found[ColumnName(ColumnKind.CODES, name)]
        assert isinstance(column, Codes)
        return column

    def numbers(self, name: str) -> Array:
        """A column of numbers that was asked for: float64[size], NaN where there is none."""
        column = self.found[ColumnName(ColumnKind.NUMBERS, name)]
        assert isinstance(column, np.ndarray)
        return column

    def lists(self, name: str) -> Lists:
        """A column of lists that was asked for."""
        column = self.found[ColumnName(ColumnKind.LISTS, name)]
        assert isinstance(column, Lists)
        return column


class Described(msgspec.Struct, frozen=True, gc=False):
    """The part of an item's document that columns are made of: texts that no column needs are not decoded."""

    genre: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    age_rating: int | None = None
    regions: tuple[str, ...] = ()
    editor_rank: int | None = None
    episodes: int | None = None
    free_episodes: int | None = None
    wait_free: str | None = None
    active: bool | None = True
    fields: dict[str, Scalar] = {}


_NONE = Described(active=None)
"""A title that was deleted, or never put."""
_decoder = msgspec.msgpack.Decoder(Described)


class DocumentColumns:
    """The columns that are kept up. Not safe by itself: its owner calls it from one thread at a time."""

    def __init__(self) -> None:
        self._kept: dict[ColumnName, _Coded | _Numeric | _Listed] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, indices: Sequence[int], items: Sequence[Item]) -> None:
        """Titles were put; of two with one index the later stays. O(titles put), and a copy of what was handed out."""
        self._set(np.asarray(indices, np.int64), items)

    def delete(self, indices: Sequence[int]) -> None:
        """Titles were deleted."""
        self._set(np.asarray(indices, np.int64), [_NONE] * len(indices))

    def forget(self) -> None:
        """Keep nothing: the documents were replaced."""
        self._kept.clear()

    def find(self, names: Iterable[ColumnName], documents: Documents) -> dict[ColumnName, Codes | Array | Lists]:
        """Columns by name. O(1) each once built; those that are not are built in one pass over the documents.

        Raises ValueError for a name that has no column of that kind.
        """
        wanted = list(dict.fromkeys(names))
        new = {name: _made(name) for name in wanted if name not in self._kept}
        if new:
            _build(new, documents.all())
        for name in wanted:  # what was asked for last stands last
            self._kept[name] = new[name] if name in new else self._kept.pop(name)
        while len(self._kept) > max(MAX_COLUMNS, len(wanted)):
            del self._kept[next(iter(self._kept))]
        return {name: self._kept[name].hand_out(len(documents)) for name in wanted}

    def _set(self, indices: Array, items: Sequence[Item | Described]) -> None:
        if not len(indices):
            return
        for name, column in list(self._kept.items()):
            column.set(indices, _values(name.name, items))
            if column.wasteful():
                del self._kept[name]


def _build(new: dict[ColumnName, _Coded | _Numeric | _Listed], blobs: list[bytes]) -> None:
    """Fill new columns. In parts, so that what was decoded is let go while it is still in the processor's cache."""
    for first in range(0, len(blobs), _PART):
        described = [_decoder.decode(blob) if blob else _NONE for blob in blobs[first : first + _PART]]
        indices = np.arange(first, first + len(described))
        for name, column in new.items():
            column.set(indices, _values(name.name, described))


def column_kinds(name: str) -> tuple[ColumnKind, ...]:
    """The kinds of column that a name can be had as; empty for a name that is none."""
    if name in TEXTS or name in TRUTHS:
        return (ColumnKind.CODES,)
    if name in NUMBERS:
        return (ColumnKind.NUMBERS, ColumnKind.CODES)
    if name in LISTS:
        return (ColumnKind.LISTS,)
    if name.startswith(FIELD) and len(name) > len(FIELD):
        return (ColumnKind.CODES, ColumnKind.NUMBERS)
    return ()


def _made(name: ColumnName) -> _Coded | _Numeric | _Listed:
    if name.kind not in column_kinds(name.name):
        raise ValueError(f"{name.name!r} is no column of {name.kind.value}")
    match name.kind:
        case ColumnKind.CODES:
            return _Coded()
        case ColumnKind.NUMBERS:
            return _Numeric()
        case ColumnKind.LISTS:
            return _Listed()


def _values(name: str, items: Sequence[Item | Described]) -> list[Any]:
    if name.startswith(FIELD):
        key = name[len(FIELD) :]
        return [item.fields.get(key) for item in items]
    values = [getattr(item, name) for item in items]
    if name == "wait_free":
        return [None if text is None else duration_ms(text) / _HOUR_MS for text in values]
    return values


def _key(value: str | float | bool) -> object:
    """Python takes True, 1 and 1.0 for one key; here a truth is no number."""
    return value if isinstance(value, str) else (isinstance(value, bool), float(value))


def _type(value: str | float | bool) -> ValueType:
    if isinstance(value, bool):
        return ValueType.TRUTH
    return ValueType.TEXT if isinstance(value, str) else ValueType.NUMBER


def _shown(value: str | float | bool) -> str:
    return value if isinstance(value, str) else ("false", "true")[value] if isinstance(value, bool) else f"{value:.17g}"


class _Growing:
    """An array that grows, and is copied before a change where somebody may hold it."""

    def __init__(self, none: Array) -> None:
        """none: a scalar array, what stands where nothing was written."""
        self._none = none
        self._array = np.full(0, none)
        self._handed_out = False

    def set(self, indices: Array, values: Array) -> None:
        size = int(indices.max()) + 1
        if size > len(self._array):
            capacity = size if not len(self._array) else max(size, len(self._array) * 3 // 2, 64)
            grown = np.full(capacity, self._none)
            grown[: len(self._array)] = self._array
            self._array, self._handed_out = grown, False
        elif self._handed_out:
            self._array, self._handed_out = self._array.copy(), False
        self._array[indices] = values

    def get(self, indices: Array) -> Array:
        """What stands there now; none behind the end."""
        found = np.full(len(indices), self._none)
        inside = indices < len(self._array)
        found[inside] = self._array[indices[inside]]
        return found

    def hand_out(self, size: int) -> Array:
        if size > len(self._array):
            self.set(np.array([size - 1]), self._none)
        self._handed_out = True
        view: Array = self._array[:size].view()
        view.flags.writeable = False
        return view


class _Coded:
    """Values numbered in the order in which they were met."""

    def __init__(self) -> None:
        self._codes = _Growing(np.array(0, np.int32))
        self._values: list[Scalar] = [None]
        self._names = [""]
        self._numbered: dict[object, int] = {}
        self._typed = bytearray([ValueType.NONE])
        self._titles = 0

    def set(self, indices: Array, values: Sequence[Scalar]) -> None:
        codes = np.fromiter(map(self._code, values), np.int32, len(values))
        self._codes.set(indices, codes)
        self._titles = max(self._titles, int(indices.max()) + 1)

    def _code(self, value: Scalar) -> int:
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return 0
        key = _key(value)
        code = self._numbered.get(key)
        if code is None:
            code = len(self._values)
            # the value comes before its number: who finds the number must find the value
            self._values.append(value)
            self._names.append(_shown(value))
            self._typed.append(_type(value))
            self._numbered[key] = code
        return code

    def wasteful(self) -> bool:
        return len(self._values) > 2 * self._titles + _WASTE

    def hand_out(self, size: int) -> Codes:
        return Codes(self._codes.hand_out(size), self._names, self._values, self._numbered, self._typed)


class _Numeric:
    """Numbers; a text or a truth is none."""

    def __init__(self) -> None:
        self._numbers = _Growing(np.array(np.nan))

    def set(self, indices: Array, values: Sequence[Scalar]) -> None:
        numbers = [
            value if isinstance(value, float) else float(value) if type(value) is int else np.nan for value in values
        ]
        self._numbers.set(indices, np.array(numbers, np.float64))

    def wasteful(self) -> bool:
        return False

    def hand_out(self, size: int) -> Array:
        return self._numbers.hand_out(size)


class _Listed:
    """Lists of texts in one pool that is only added to."""

    def __init__(self) -> None:
        self._starts = _Growing(np.array(0, np.int64))
        self._counts = _Growing(np.array(0, np.int32))
        self._ids = np.zeros(0, np.int32)
        self._owners = np.zeros(0, np.int32)
        self._used = self._live = 0
        self._names: list[str] = []
        self._numbered: dict[str, int] = {}

    def set(self, indices: Array, values: Sequence[Sequence[str]]) -> None:
        counts = np.fromiter(map(len, values), np.int32, len(values))
        ids = np.fromiter((self._number(text) for texts in values for text in texts), np.int32, int(counts.sum()))
        starts = self._used + np.cumsum(counts, dtype=np.int64) - counts
        self._add(ids, np.repeat(indices, counts).astype(np.int32))
        distinct = np.unique(indices)
        self._live -= int(self._counts.get(distinct).sum())
        self._starts.set(indices, starts)
        self._counts.set(indices, counts)
        self._live += int(self._counts.get(distinct).sum())

    def _number(self, text: str) -> int:
        code = self._numbered.get(text)
        if code is None:
            code = len(self._names)
            self._names.append(text)
            self._numbered[text] = code
        return code

    def _add(self, ids: Array, owners: Array) -> None:
        """Behind all that was handed out, so that no copy is needed."""
        used = self._used + len(ids)
        if used > len(self._ids):
            capacity = used if not self._used else max(used, len(self._ids) * 3 // 2, 64)
            for name in ("_ids", "_owners"):
                grown = np.zeros(capacity, np.int32)
                grown[: self._used] = getattr(self, name)[: self._used]
                setattr(self, name, grown)
        self._ids[self._used : used] = ids
        self._owners[self._used : used] = owners
        self._used = used

    def wasteful(self) -> bool:
        return self._used > 2 * self._live + _WASTE

    def hand_out(self, size: int) -> Lists:
        ids, owners = self._ids[: self._used].view(), self._owners[: self._used].view()
        ids.flags.writeable = owners.flags.writeable = False
        return Lists(self._starts.hand_out(size), self._counts.hand_out(size), ids, owners, self._names, self._numbered)
