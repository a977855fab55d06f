"""`bandi diet` beside plain pandas, and what each step of the pandas way saves.

Run: python -m bench.diet [LARGEST] (rows of the largest file, by default 10,000,000; 100,000,000 rows take 4.5 GB of disk,
and pandas is left out where its frame would not fit). Each figure of the first table is a process of its own, so that its peak
memory is its own; the file is written as a stream and deleted afterwards.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from bench.measure import machine, table, time_call

SIZES = (1_000_000, 10_000_000)
PANDAS_ROWS = 10_000_000
STEP_ROWS = 1_000_000
ROW_WISE = 20_000
PART = 500_000
KINDS = np.array(["impression", "click", "read", "purchase", "dismiss"])


def main(arguments: list[str]) -> None:
    if len(arguments) == 3 and arguments[0] == "child":
        print(json.dumps(CHILDREN[arguments[1]](Path(arguments[2]))))
        return
    largest = int(arguments[0]) if arguments else SIZES[-1]
    print(machine(), "\n")
    sizes = sorted({*(size for size in SIZES if size < largest), largest})
    with tempfile.TemporaryDirectory() as folder:
        rows = [line for size in sizes for line in lines(Path(folder), size)]
        print(table(["rows", "CSV (MB)", "", "seconds", "rows/s", "peak memory (MB)", "held (MB)"], rows), "\n")
        print(steps(Path(folder)), "\n")
        print(habits(), "\n")


def write(path: Path, size: int) -> None:
    """A log: reader, title, kind of event, episode (of reads and purchases), coins (of purchases), time."""
    random = np.random.default_rng(1)
    with path.open("wb") as file:
        for first in range(0, size, PART):
            count = min(PART, size - first)
            kinds = KINDS[random.choice(5, count, p=[0.7, 0.12, 0.12, 0.03, 0.03])]
            time_ms = (1.6e12 + 700.0 * np.arange(first, first + count)).astype(np.int64)
            frame = pl.DataFrame(
                {
                    "reader": random.zipf(1.2, count) % 5_000_000,
                    "title": "title-" + pl.Series(random.zipf(1.3, count) % 20_000).cast(pl.String),
                    "kind": pl.Series(kinds),
                    "episode": random.integers(1, 200, count),
                    "coins": random.integers(0, 9, count) * 0.5,
                    "time": pl.Series(time_ms).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d %H:%M:%S"),
                }
            )
            frame = frame.with_columns(
                pl.when(pl.col("kind").is_in(["read", "purchase"])).then("episode").alias("episode"),
                pl.when(pl.col("kind") == "purchase").then("coins").alias("coins"),
            )
            frame.write_csv(file, include_header=first == 0)


def lines(folder: Path, size: int) -> list[list[str]]:
    path = folder / "log.csv"
    write(path, size)
    found = []
    for name, words in (
        ("diet", "bandi diet"), ("diet_out", "bandi diet --out (looks, writes, compares every cell)"), ("pandas", "pandas.read_csv"),
    ):  # fmt: skip
        if name == "pandas" and size > PANDAS_ROWS:
            continue
        done = subprocess.run(
            [sys.executable, "-m", "bench.diet", "child", name, str(path)], capture_output=True, text=True, check=True
        )
        seconds, peak_mb, held_mb = json.loads(done.stdout)
        megabytes = f"{path.stat().st_size / 1e6:,.0f}"
        found.append(
            [f"{size:,}", megabytes, words, f"{seconds:.1f}", f"{size / seconds:,.0f}", f"{peak_mb:,.0f}", f"{held_mb:,.0f}"]
        )  # fmt: skip
    path.unlink()
    return found


def diet(path: Path) -> list[float]:
    """Seconds, peak memory in MB, and what the table costs with the proposed types."""
    from bandi.diet import open_source, survey
    from bandi.diet.proposal import plan

    start = time.perf_counter()
    plans = [plan(facts) for facts in survey(open_source(path)).columns.values()]
    return [time.perf_counter() - start, peak(), sum(column.bytes for column in plans) / 1e6]


def diet_out(path: Path) -> list[float]:
    from bandi.diet import narrow, open_source, survey
    from bandi.diet.proposal import plan

    start = time.perf_counter()
    source = open_source(path)
    plans = [plan(facts) for facts in survey(source).columns.values()]
    narrow(source, plans, path.with_suffix(".parquet"))
    return [time.perf_counter() - start, peak(), sum(column.bytes for column in plans) / 1e6]


def plain_pandas(path: Path) -> list[float]:
    import pandas as pd

    start = time.perf_counter()
    frame = pd.read_csv(path)
    return [time.perf_counter() - start, peak(), held(frame)]


CHILDREN: dict[str, Callable[[Path], list[float]]] = {"diet": diet, "diet_out": diet_out, "pandas": plain_pandas}


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def held(frame: object) -> float:
    return float(frame.memory_usage(deep=True).sum()) / 1e6  # type: ignore[attr-defined]


def steps(folder: Path) -> str:
    """What each step of reading costs and saves, of one file."""
    import pandas as pd

    path = folder / "steps.csv"
    write(path, STEP_ROWS)
    narrow = {"reader": "uint32", "episode": "UInt8", "coins": "float32"}
    categories = {"title": "category", "kind": "category"}
    slim = pd.read_csv(path, dtype=narrow | categories, parse_dates=["time"])
    slim.to_parquet(folder / "slim.parquet")
    slim.to_feather(folder / "slim.feather")
    ways: list[tuple[str, Path, Callable[[], object]]] = [
        ("read_csv, no options", path, lambda: pd.read_csv(path)),
        ("narrow numbers given", path, lambda: pd.read_csv(path, dtype=narrow)),
        ("and categories", path, lambda: pd.read_csv(path, dtype=narrow | categories)),
        ("and the dates parsed", path, lambda: pd.read_csv(path, dtype=narrow | categories, parse_dates=["time"])),
        ("the same, from Parquet", folder / "slim.parquet", lambda: pd.read_parquet(folder / "slim.parquet")),
        ("the same, from Feather", folder / "slim.feather", lambda: pd.read_feather(folder / "slim.feather")),
        ("readers as a category (nearly unique: do not)", path, lambda: pd.read_csv(path, dtype={"reader": "category"})),
    ]  # fmt: skip
    rows = [
        [name, str(time_call(way, runs=3)), f"{held(way()):,.1f}", f"{file.stat().st_size / 1e6:,.1f}"]
        for name, file, way in ways
    ]
    return table([f"{STEP_ROWS:,} rows", "reading", "in memory (MB)", "on disk (MB)"], rows)


def habits() -> str:
    """Ways to say the same thing, from slow to fast; each is given per row."""
    import pandas as pd

    random = np.random.default_rng(2)
    frame = pd.DataFrame({"a": random.random(STEP_ROWS), "b": random.random(STEP_ROWS)})
    small = frame.head(ROW_WISE)
    text = pd.DataFrame({"kind": KINDS[random.integers(0, 5, STEP_ROWS)], "a": frame["a"]})
    category = text.astype({"kind": "category"})
    ids = pd.DataFrame({"id": random.integers(0, 10 * STEP_ROWS, STEP_ROWS)})
    some = ids["id"].drop_duplicates().head(20_000)
    members = set(some)
    wanted = pd.DataFrame({"id": some})
    ways: list[tuple[str, str, int, Callable[[], object]]] = [
        ("a + b", "iterrows", ROW_WISE, lambda: [row["a"] + row["b"] for _, row in small.iterrows()]),
        ("", "apply(axis=1)", ROW_WISE, lambda: small.apply(lambda row: row["a"] + row["b"], axis=1)),
        ("", "Series", STEP_ROWS, lambda: frame["a"] + frame["b"]),
        ("", "NumPy arrays", STEP_ROWS, lambda: frame["a"].to_numpy() + frame["b"].to_numpy()),
        ("the 5 largest", "sort_values, then head", STEP_ROWS, lambda: frame.sort_values("a").tail(5)),
        ("", "nlargest", STEP_ROWS, lambda: frame.nlargest(5, "a")),
        ("mean by kind", "kind as text", STEP_ROWS, lambda: text.groupby("kind").agg({"a": "mean"})),
        ("", "kind as category", STEP_ROWS, lambda: category.groupby("kind", observed=True).agg({"a": "mean"})),
        ("is it among 20,000", "apply with a set", STEP_ROWS, lambda: ids[ids["id"].apply(lambda value: value in members)]),
        ("", "isin", STEP_ROWS, lambda: ids[ids["id"].isin(some)]),
        ("", "query", STEP_ROWS, lambda: ids.query("id in @some", local_dict={"some": some})),
        ("", "np.isin", STEP_ROWS, lambda: ids[np.isin(ids["id"].to_numpy(), some.to_numpy())]),
        ("", "merge", STEP_ROWS, lambda: ids.merge(wanted, on="id")),
    ]  # fmt: skip
    rows = []
    for what, how, size, way in ways:
        sample = time_call(way, runs=3)
        rows.append(
            [
                what,
                how,
                f"{sample.median / size * 1e9:,.1f} ({sample.low / size * 1e9:,.1f} to {sample.high / size * 1e9:,.1f})",
            ]
        )
    return table(["", "", "ns a row"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
