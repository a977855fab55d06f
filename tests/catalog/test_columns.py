"""Columns kept up title by title are those that the documents alone give; what was handed out stays as it was."""

import math
import threading
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.catalog import columns
from bandi.catalog.columns import ColumnKind, ColumnName, Lists, ValueType
from bandi.catalog.interning import Interner
from bandi.catalog.items import Items
from bandi.model.catalog import Item

NAMES = [
    *(
        ColumnName(ColumnKind.CODES, name)
        for name in ("genre", "author", "language", "active", "editor_rank", "fields.x")
    ),
    *(
        ColumnName(ColumnKind.NUMBERS, name)
        for name in ("age_rating", "editor_rank", "episodes", "free_episodes", "fields.x")
    ),
    *(ColumnName(ColumnKind.LISTS, name) for name in ("tags", "regions")),
]
words = st.sampled_from(["", "a", "b", "가", "true", "1"])
scalars = st.one_of(
    words, st.booleans(), st.integers(-2, 2), st.sampled_from([0.5, 1.0, math.nan, math.inf]), st.none()
)
titles = st.builds(
    Item,
    id=st.sampled_from([f"t{i}" for i in range(8)]),
    genre=words,
    author=words,
    language=words,
    active=st.booleans(),
    tags=st.lists(words, max_size=3).map(tuple),
    regions=st.lists(words, max_size=2).map(tuple),
    age_rating=st.none() | st.integers(0, 20),
    episodes=st.none() | st.integers(1, 20),
    free_episodes=st.none() | st.integers(0, 20),
    editor_rank=st.none() | st.integers(1, 3),
    fields=st.dictionaries(st.sampled_from(["x", "y"]), scalars, max_size=2),
)
steps = st.lists(
    st.one_of(
        st.lists(titles, min_size=1, max_size=3),  # put
        st.lists(st.sampled_from([f"t{i}" for i in range(9)]), max_size=2),  # delete
        st.sampled_from(NAMES),  # look at a column
    ),
    max_size=25,
)


class Shop:
    def __init__(self) -> None:
        self.ids, self.items = Interner(), Items()

    def put(self, *items: Item) -> None:
        new = list(dict.fromkeys(item.id for item in items if self.ids.lookup("item", item.id) < 0))
        self.ids.add("item", new)
        self.items.put(msgspec.msgpack.encode(items), self.ids)

    def looked_at(self, name: ColumnName) -> list[Any]:
        """A column as plain values: type and value, number, or list."""
        found = self.items.columns([name])
        if name.kind is ColumnKind.NUMBERS:
            return [None if math.isnan(number) else number for number in found.numbers(name.name).tolist()]
        if name.kind is ColumnKind.CODES:
            column = found.codes(name.name)
            types = column.types()
            return [(int(types[code]), column.values[code]) for code in column.codes.tolist()]
        lists = found.lists(name.name)
        return [listed(lists, i) for i in range(len(lists.starts))]


def listed(lists: Lists, i: int) -> list[str]:
    start = int(lists.starts[i])
    return [lists.names[code] for code in lists.ids[start : start + int(lists.counts[i])]]


def expected(item: Item | None, name: ColumnName) -> Any:
    value = None
    if item is not None:
        value = item.fields.get(name.name[7:]) if name.name.startswith("fields.") else getattr(item, name.name)
    if name.kind is ColumnKind.LISTS:
        return list(value or ())
    if value == "" or (isinstance(value, float) and math.isnan(value)):
        value = None
    if name.kind is ColumnKind.NUMBERS:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if value is None:
        return (ValueType.NONE, None)
    if isinstance(value, bool):
        return (ValueType.TRUTH, value)
    return (ValueType.TEXT if isinstance(value, str) else ValueType.NUMBER, value)


@given(steps=steps)
@settings(max_examples=200, deadline=None)
def test_columns_are_what_the_documents_say_whenever_they_were_built(steps: list[Any]) -> None:
    shop = Shop()
    handed_out: list[tuple[np.ndarray, np.ndarray]] = []
    for step in steps:
        if isinstance(step, ColumnName):
            found = shop.items.columns([step]).found[step]
            arrays = [found] if isinstance(found, np.ndarray) else [getattr(found, "codes", None), *_of_lists(found)]
            handed_out += [(array, array.copy()) for array in arrays if array is not None]
        elif step and isinstance(step[0], Item):
            shop.put(*step)
        else:
            shop.items.delete(step, shop.ids)
    size = len(shop.ids.texts("item"))
    again = Shop()
    again.ids.load(shop.ids.dump())
    again.items.load(shop.items.dump())
    for name in NAMES:
        wanted = [expected(shop.items.get(i), name) for i in range(size)]
        assert shop.looked_at(name) == wanted
        assert again.looked_at(name) == wanted
    assert all(np.array_equal(array, before, equal_nan=array.dtype.kind == "f") for array, before in handed_out)


def _of_lists(found: Any) -> list[np.ndarray]:
    return [found.starts, found.counts, found.ids, found.owners] if isinstance(found, Lists) else []


def test_lists_say_which_titles_have_a_text() -> None:
    shop = Shop()
    shop.put(Item(id="a", tags=("x", "y")), Item(id="b"), Item(id="c", tags=("y", "y")))
    tags = shop.items.lists("tags")
    shop.put(Item(id="a", tags=("z",)))
    assert shop.items.lists("tags").having("y").tolist() == [False, False, True]
    assert shop.items.lists("tags").having("z").tolist() == [True, False, False]
    assert shop.items.lists("tags").having("w").tolist() == [False] * 3
    assert tags.having("x").tolist() == [True, False, False]


def test_what_few_changes_changed_is_known_and_can_be_looked_at_alone() -> None:
    shop = Shop()
    shop.put(*(Item(id=f"t{i}", tags=("x",) * i, genre="ab"[i % 2], fields={"x": i}) for i in range(5)))
    before = shop.items.generation
    shop.put(Item(id="t3", tags=("z", "x")))
    shop.items.delete(["t1", "unknown"], shop.ids)
    shop.put(Item(id="t7", genre="b"))
    found = shop.items.columns(NAMES)
    changed = found.changed_since(before)
    assert changed is not None and sorted(changed.tolist()) == [1, 3, 5]
    assert found.changed_since(found.generation) is not None
    taken = found.take(np.array([3, 0, 2, 4]))
    assert [listed(taken.lists("tags"), i) for i in range(4)] == [["z", "x"], [], ["x", "x"], ["x"] * 4]
    assert taken.lists("tags").having("x").tolist() == [True, False, True, True]
    assert [taken.codes("genre").names[code] for code in taken.codes("genre").codes] == ["", "a", "a", "a"]
    assert taken.numbers("fields.x").tolist()[1:] == [0, 2, 4]
    shop.put(*(Item(id=f"n{i}") for i in range(2_000)))
    assert shop.items.columns(NAMES).changed_since(before) is None
    for _ in range(70):
        before = shop.items.generation - 65
        shop.put(Item(id="t0"))
    assert shop.items.columns(NAMES).changed_since(before) is None
    assert shop.items.columns(NAMES).changed_since(shop.items.generation - 64) is not None


def test_codes_tell_types_apart_and_have_names() -> None:
    shop = Shop()
    for i, value in enumerate([1, True, "1", 1.0, "true", 0.1, None]):
        shop.put(Item(id=f"t{i}", fields={"x": value}))
    column = shop.items.codes("fields.x")
    assert len(set(column.codes.tolist())) == 6
    assert [column.names[code] for code in column.codes] == ["1", "true", "1", "1", "true", "0.10000000000000001", ""]
    assert (column.code(1), column.code("z")) == (column.code(1.0), -1)
    assert column.code(True) not in (column.code(1), column.code("true"))


def test_only_what_there_is_can_be_asked_for_and_it_cannot_be_written_to() -> None:
    shop = Shop()
    assert len(shop.items.codes("genre").codes) == len(shop.items.lists("tags").ids) == 0
    shop.put(Item(id="a", genre="drama"))
    for name in ("title", "fields.", "tags", "__class__"):
        with pytest.raises(ValueError, match="no column"):
            shop.items.codes(name)
    with pytest.raises(ValueError, match="read-only"):
        shop.items.codes("genre").codes[0] = 3
    with pytest.raises(ValueError, match="no column"):
        shop.items.numbers("genre")


def test_waste_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_WASTE", 8)
    monkeypatch.setattr(columns, "MAX_COLUMNS", 3)
    shop = Shop()
    shop.items.columns(NAMES[:2])
    for i in range(200):
        shop.put(Item(id="a", genre=f"g{i}", tags=(f"x{i}", "y")))
        assert len(shop.items.codes("genre").names) < 14
        assert len(shop.items.lists("tags").ids) < 16
        assert listed(shop.items.lists("tags"), 0) == [f"x{i}", "y"]
        shop.items.numbers(f"fields.{i}")
        assert len(shop.items._described) <= 3


def test_columns_taken_while_titles_are_put_are_of_one_generation() -> None:
    shop = Shop()
    stop = threading.Event()
    failures: list[str] = []

    def look() -> None:
        while not stop.is_set():
            found = shop.items.columns([NAMES[0], ColumnName(ColumnKind.NUMBERS, "fields.x")])
            codes, numbers = found.codes("genre"), found.numbers("fields.x")
            said = [int(codes.names[code]) for code in codes.codes.tolist()]
            if said != numbers.tolist() or len(said) != found.size:
                failures.append(f"{said} {numbers}")

    thread = threading.Thread(target=look)
    thread.start()
    for i in range(300):
        shop.put(*(Item(id=f"t{j}", genre=str(i), fields={"x": i}) for j in range(0, i % 40 + 1)))
    stop.set()
    thread.join()
    assert failures == []
