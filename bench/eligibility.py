"""What filters cost; run: python -m bench.eligibility [titles|encounters] [largest size].

Titles: catalogues of three sizes with a genre, five tags, an age rating, regions and a price each. Columns are built from the
documents once; then a mask is made for each age class and region, and handed out until something changes. `put 1` is a put of
one title, `mask after` the first mask then, with everything that follows from the change (`put 10,000`: the same). Beside it: the same filter in
numpy on plain arrays that somebody keeps (the lower bound), and in Python over decoded items.

Encounters: events of a tenth as many readers, titles by a Zipf law, in batches of 10,000, folded and asked for, beside a
Python dict of sets. Memory: of ours the arrays, of Python the dict, its sets and their numbers, 28 bytes each.
"""

from __future__ import annotations

import sys
import time

import msgspec
import numpy as np

from bandi.catalog.interning import Interner
from bandi.catalog.items import Items
from bandi.eligibility.expression import parse
from bandi.eligibility.filters import Eligibility
from bandi.learning.encounters import Encounters
from bandi.model.catalog import Item
from bandi.model.records import EVENT, Array
from bench.measure import machine, table, time_call

NOW = 1_700_000_000_000
TITLES = (10_000, 100_000, 1_000_000)
EVENTS = (100_000, 1_000_000, 10_000_000)
TEXT = 'genre in ["g1", "g2", "g3"] and fields.price <= 3 and not ("t7" in tags) and language == "ko"'


def main() -> None:
    print(machine())
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    largest = int(sys.argv[2]) if len(sys.argv) > 2 else EVENTS[-1]
    if what != "encounters":
        header = ["titles", "columns built (s)", "kept (MB)", "expression", "new mask", "same mask", "put 1", "mask after", "put 10,000", "mask after",
                  "numpy", "Python"]  # fmt: skip
        print(table(header, [titles(size) for size in TITLES if size <= largest]))
    if what != "titles":
        header = ["events", "pairs", "fold (events/s)", "bytes a pair", "met p50 (µs)", "p99 (µs)", "dump (s)", "load (s)",
                  "dict of sets (events/s)", "bytes a pair", "fold / dict"]  # fmt: skip
        print(table(header, [encounters(size) for size in EVENTS if size <= largest]))


def titles(size: int) -> list[str]:
    ids, items, made = shop(size)
    expression = parse(TEXT)
    eligibility = Eligibility(expression)
    start = time.perf_counter()
    columns = items.columns(eligibility.needs)
    built = time.perf_counter() - start
    kept = sum(array.nbytes for column in columns.found.values() for array in _arrays(column)) / 1e6
    mask = eligibility.mask(items, NOW, 16, "KR")
    evaluated = time_call(lambda: expression.keeps(columns), runs=7)
    ages = iter(range(10**9))

    def another() -> None:
        masks = eligibility._masks
        assert masks is not None
        masks.by_reader.clear()
        eligibility.mask(items, NOW, next(ages) % 20, "KR")

    new = time_call(another, runs=7)
    same = time_call(lambda: eligibility.mask(items, NOW, 16, "KR"), runs=7, calls=1_000)
    one = changes(ids, items, eligibility, made[:1])
    many = changes(ids, items, eligibility, made[:10_000])
    plain = Plain(made)
    assert plain.by_numpy().sum() == mask.sum() == sum(map(plain.in_python, made))
    numpy = time_call(plain.by_numpy, runs=7)
    start = time.perf_counter()
    _ = [plain.in_python(item) for item in made]
    python = time.perf_counter() - start
    return [
        f"{size:,}",
        f"{built:.2f}",
        f"{kept:.1f}",
        str(evaluated),
        str(new),
        str(same),
        *one,
        *many,
        str(numpy),
        f"{python * 1e3:.0f} ms",
    ]


def changes(ids: Interner, items: Items, eligibility: Eligibility, batch: list[Item]) -> list[str]:
    """Time of a put, and of the first mask after it."""
    payload = msgspec.msgpack.encode(batch)
    puts, masks = [], []
    for _ in range(9):
        start = time.perf_counter()
        items.put(payload, ids)
        puts.append(time.perf_counter() - start)
        start = time.perf_counter()
        eligibility.mask(items, NOW, 16, "KR")
        masks.append(time.perf_counter() - start)
    return [_ms(puts), _ms(masks)]


def shop(size: int) -> tuple[Interner, Items, list[Item]]:
    random = np.random.default_rng(1)
    tags = np.minimum(random.zipf(1.3, (size, 5)), 500)
    prices = random.integers(0, 8, size).tolist()
    ratings = random.choice([0, 0, 12, 15, 19], size).tolist()
    places = random.integers(0, 4, size).tolist()
    made = [
        Item(
            id=f"t{i}",
            title=f"The title of number {i}",
            description="What it is about. " * 10,
            genre=f"g{i % 12}",
            author=f"a{i % (size // 10)}",
            tags=tuple(f"t{tag}" for tag in tags[i].tolist()),
            language="ko" if i % 3 else "en",
            launched_at=NOW / 1000 - i % 900 * 86_400,
            available_until=NOW / 1000 + 1 + i % 400 * 86_400,
            age_rating=ratings[i] or None,
            regions=("KR", "JP") if places[i] == 0 else ("US",) if places[i] == 1 else (),
            fields={"price": prices[i]},
        )
        for i in range(size)
    ]
    ids, items = Interner(), Items()
    ids.add("item", [item.id for item in made])
    for first in range(0, size, 10_000):
        items.put(msgspec.msgpack.encode(made[first : first + 10_000]), ids)
    return ids, items, made


class Plain:
    """The same filter on arrays made by hand, and in Python on the items."""

    def __init__(self, made: list[Item]) -> None:
        self.genre = np.array([int(item.genre[1:]) for item in made], np.int32)
        self.price = np.array([item.fields["price"] for item in made], np.float64)
        self.korean = np.array([item.language == "ko" for item in made])
        self.gore = np.array(["t7" in item.tags for item in made])
        self.rating = np.array([item.age_rating or 0 for item in made], np.int8)
        self.korea = np.array([not item.regions or "KR" in item.regions for item in made])
        self.launched = np.array([item.launched_at for item in made], np.float64)
        self.until = np.array([item.available_until for item in made], np.float64)

    def by_numpy(self) -> Array:
        genre = (self.genre == 1) | (self.genre == 2) | (self.genre == 3)
        licensed = (self.launched <= NOW / 1000) & (self.until > NOW / 1000)
        mask: Array = genre & (self.price <= 3) & ~self.gore & self.korean & (self.rating <= 16) & self.korea & licensed
        return mask

    def in_python(self, item: Item) -> bool:
        return (
            item.genre in ("g1", "g2", "g3")
            and item.fields["price"] <= 3  # type: ignore[operator]
            and "t7" not in item.tags
            and item.language == "ko"
            and (item.age_rating or 0) <= 16
            and (not item.regions or "KR" in item.regions)
            and float(item.launched_at or 0.0) * 1000 <= NOW < float(item.available_until or 0.0) * 1000  # type: ignore[arg-type]
        )


def encounters(size: int) -> list[str]:
    rows = events(size)
    Encounters().fold(rows[:1])
    parts = [rows[first : first + 10_000] for first in range(0, size, 10_000)]
    met = Encounters()
    start = time.perf_counter()
    for part in parts:
        met.fold(part)
    folded = time.perf_counter() - start
    random = np.random.default_rng(2)
    times = []
    for user in random.integers(0, size // 10, 20_000).tolist():
        start = time.perf_counter()
        met.met(user)
        times.append((time.perf_counter() - start) * 1e6)
    start = time.perf_counter()
    dump = met.dump()
    dumped = time.perf_counter() - start
    again = Encounters()
    again.load({name: array[:0] for name, array in dump.items()})
    start = time.perf_counter()
    again.load(dump)
    loaded = time.perf_counter() - start
    pairs = len(dump["items"])
    bytes_of_ours = met.nbytes / pairs
    del again, dump
    start = time.perf_counter()
    plain = by_dict(parts)
    in_python = time.perf_counter() - start
    grown = sys.getsizeof(plain) + sum(map(sys.getsizeof, plain.values())) + 28 * (pairs + len(plain))
    assert sum(map(len, plain.values())) == pairs
    return [f"{size:,}", f"{pairs:,}", f"{size / folded:,.0f}", f"{bytes_of_ours:.1f}", *(f"{t:.1f}" for t in np.percentile(times, [50, 99])),
            f"{dumped:.2f}", f"{loaded:.2f}", f"{size / in_python:,.0f}", f"{grown / pairs:.0f}", f"{in_python / folded:.1f}"]  # fmt: skip


def events(size: int) -> Array:
    """Readers by a Pareto law: some read once, a few read thousands (never more than are kept)."""
    random = np.random.default_rng(3)
    activity = random.pareto(1.5, size // 10) + 0.3
    rows = np.zeros(size, EVENT)
    rows["user"] = np.minimum(
        np.searchsorted(np.cumsum(activity), random.random(size) * activity.sum()), size // 10 - 1
    )
    rows["item"] = np.minimum(random.zipf(1.2, size), 3_000) + rows["user"] % 900
    rows["kind"] = random.choice([2, 3, 3, 3, 4, 5], size)
    return rows


def by_dict(parts: list[Array]) -> dict[int, set[int]]:
    """Sets of title and kind together would be larger still: here all kinds are one."""
    found: dict[int, set[int]] = {}
    for part in parts:
        for user, item in zip(part["user"].tolist(), part["item"].tolist(), strict=True):
            titles = found.get(user)
            if titles is None:
                titles = found[user] = set()
            titles.add(item)
    return found


def _arrays(column: object) -> list[Array]:
    if isinstance(column, np.ndarray):
        return [column]
    return [
        array
        for name in ("codes", "starts", "counts", "ids", "owners")
        if (array := getattr(column, name, None)) is not None
    ]


def _ms(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2] * 1e3:.3g} ms ({ordered[0] * 1e3:.3g} to {ordered[-1] * 1e3:.3g})"


if __name__ == "__main__":
    main()
