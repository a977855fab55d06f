"""The diet end to end: what is proposed, that no value changes, and what is refused."""

import csv
import gzip
import json
import math
import os
import random
import string
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bandi.diet import casting, narrow, open_source, survey
from bandi.diet import narrowing as narrowing_module
from bandi.diet.csv_blocks import CsvFile
from bandi.diet.proposal import ColumnPlan, plan
from bandi.model.errors import InvalidInputError, StorageFullError


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def plans_of(path: Path) -> dict[str, ColumnPlan]:
    return {name: plan(facts) for name, facts in survey(open_source(path)).columns.items()}


def column(tmp_path: Path, cells: list[str], name: str = "c") -> ColumnPlan:
    """The plan for one column of a CSV file that has another beside it."""
    lines = "".join(f"{cell},x\n" for cell in cells)
    return plans_of(write(tmp_path / "one.csv", f"{name},other\n{lines}"))[name]


def narrowed(path: Path, target: Path) -> pl.DataFrame:
    source = open_source(path)
    narrow(source, [plan(facts) for facts in survey(source).columns.values()], target)
    return pl.read_ipc(target) if target.suffix == ".feather" else pl.read_parquet(target)


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["0", "255"], pl.UInt8),
        (["0", "256"], pl.UInt16),
        (["-128", "127", ""], pl.Int8),
        (["-129", "0"], pl.Int16),
        (["-1", "32768"], pl.Int32),
        (["70000", "4294967295"], pl.UInt32),
        (["-1", "4294967295"], pl.Int64),
        (["0", "18446744073709551615"], pl.UInt64),
        (["0.5", "-4", ".25", "3."], pl.Float32),
        (["0.1", "4"], pl.Float64),
        (["16777217", "0.5"], pl.Float64),
        (["0.30000000000000004", "1"], pl.Float64),
        (["true", "false", ""], pl.Boolean),
        (["True", "False"], pl.Boolean),
        (["2024-02-29", "1999-12-31"], pl.Date),
        (["2024-02-29 23:59:59", ""], pl.Datetime("ms")),
        (["2024-02-29T23:59:59.123Z"], pl.Datetime("ms", "UTC")),
        (["2024-02-29T23:59:59.123456"], pl.Datetime("us")),
    ],
)
def test_what_is_narrowed(tmp_path: Path, cells: list[str], dtype: Any) -> None:
    assert column(tmp_path, cells).dtype == dtype


@pytest.mark.parametrize(
    "cells",
    [
        ["007", "8"],
        ["+5", "6"],
        [" 5", "6"],
        ["1_000", "2"],
        ["5", "NA"],
        ["nan", "1.5"],
        ["inf", "1.5"],
        ["1e999", "1.5"],
        ["1e-999", "1.5"],
        ["0.1234567890123456789", "1"],
        ["9007199254740993", "0.5"],
        ["-1", "18446744073709551615"],
        ["18446744073709551616", "1"],
        ["-0", "1_"],
        ["true", "False"],
        ["true", "1"],
        ["2023-02-29", "2024-01-01"],
        ["2024-01-01", "2024-1-1"],
        ["2024-01-01 00:00:60", "2024-01-01 00:00:00"],
        ["2024-01-01T00:00:00+09:00", "2024-01-01T00:00:01+09:00"],
        ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00"],
        ["１", "２"],
    ],
)
def test_what_stays_text(tmp_path: Path, cells: list[str]) -> None:
    assert column(tmp_path, cells).dtype == pl.String  # two different cells are nearly unique: no category


def test_a_category_only_where_texts_repeat(tmp_path: Path) -> None:
    assert column(tmp_path, ["a", "b"] * 2).form == "category"
    proposal = column(tmp_path, ["a", "b", "c"])
    assert (proposal.form, "nearly unique" in proposal.why) == ("kept", True)
    proposal = column(tmp_path, ["5", "6", "007"] * 4)
    assert proposal.form == "category"
    assert "'007' (row 3): a number would lose its first character" in proposal.why


@pytest.mark.parametrize(
    ("name", "cells", "form"),
    [
        ("created_at", ["1600000000", "1700000000"], "epoch"),
        ("occurredAt", ["1600000000000"], "epoch"),
        ("timestamp", ["1600000000"], "epoch"),
        ("timestamp", ["1600000000", "5"], "whole"),
        ("userId", ["1600000000"], "whole"),
        ("candidate", ["1600000000"], "whole"),
    ],
)
def test_numbers_are_times_only_by_name_and_range(tmp_path: Path, name: str, cells: list[str], form: str) -> None:
    assert column(tmp_path, cells, name).form == form


CELLS = st.one_of(
    st.sampled_from(["", "NA", "0", "-1", "007", "1.50", "true", "2024-01-01", "2024-01-01 00:00:00", '"', "a\nb", "a,b"]),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=True).map(repr),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8),
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_value_changes_whatever_the_cells(tmp_path: Path, data: st.DataObject) -> None:
    """Each column is drawn from one or two kinds of cell, so that all forms come up; the copy says the same."""
    kinds = [
        st.integers(-300, 300).map(str), st.integers(-(2**65), 2**65).map(str), st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
        st.floats().map(repr), st.sampled_from(["true", "false"]), st.dates().map(str), st.datetimes().map(str), CELLS,
    ]  # fmt: skip
    width = data.draw(st.integers(1, 4))
    columns = [data.draw(st.sampled_from(kinds)) | st.just("") for _ in range(width)]
    rows = data.draw(st.lists(st.tuples(*columns), min_size=1, max_size=12))
    path = tmp_path / "any.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f"c{i}" for i in range(width)])
        writer.writerows(rows)
    copy = narrowed(path, tmp_path / "any.parquet")
    assert copy.height == len(rows)
    for i, name in enumerate(copy.columns):
        for cell, value in zip((row[i] for row in rows), copy[name].to_list(), strict=True):
            same(cell, value)


def same(cell: str, value: Any) -> None:
    """The cell's text says what the value is."""
    if cell == "" or value is None:
        assert (cell, value) == ("", None)
    elif isinstance(value, bool):
        assert cell.lower() == str(value).lower()
    elif isinstance(value, float):
        assert float(cell) == value
        assert math.isfinite(value)
    elif isinstance(value, int | str):
        assert cell == str(value)
    else:
        shown = value.isoformat()
        assert cell.replace("T", " ").rstrip("Z").removesuffix(".000000") == shown.replace("T", " ").removesuffix(
            ".000000"
        )


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.tsv", "log.jsonl", "log.jsonl.gz", "log.parquet", "log.feather"])  # fmt: skip
@pytest.mark.parametrize("target", ["slim.parquet", "slim.feather"])
def test_every_kind_of_file_and_of_copy(tmp_path: Path, name: str, target: str) -> None:
    frame = pl.DataFrame(
        {"n": [1, 2, None, 300], "kind": ["read", "click", "read", "read"], "x": [0.5, 1.5, 2.0, None]}
    )
    path = tmp_path / name
    if ".csv" in name or ".tsv" in name:
        text = frame.write_csv(separator="\t" if name.endswith("tsv") else ",")
        write(path, text)
    elif ".jsonl" in name:
        write(path, frame.write_ndjson())
    elif name.endswith("parquet"):
        frame.write_parquet(path)
    else:
        frame.write_ipc(path)
    copy = narrowed(path, tmp_path / target)
    assert copy.schema == {"n": pl.UInt16, "kind": pl.Enum(["click", "read"]), "x": pl.Float32}
    assert copy.cast({"n": pl.Int64, "kind": pl.String, "x": pl.Float64}).equals(frame)


def test_blocks_do_not_show(tmp_path: Path) -> None:
    """The same table whatever the block size: records, quotes and line ends may be cut anywhere."""
    rng = random.Random(5)
    cells = ["", "a", "1", 'say ""hi""', "two\nlines", "cr\r\nlf", "반디"]
    rows = [[rng.choice(cells) for _ in range(3)] for _ in range(200)]
    text = "a,b,c\r\n" + "".join(",".join(f'"{c}"' if rng.random() < 0.5 or not c.isalnum() else c for c in row) + "\r\n" for row in rows)  # fmt: skip
    path = write(tmp_path / "cut.csv", text)
    expected = [[cell.replace('""', '"') or None for cell in row] for row in rows]
    for size in (7, 64, 1 << 20):
        file = CsvFile(path, ",", size)
        assert [list(row) for block in file.blocks() for row in file.frame(block).rows()] == expected


REFUSED = [
    ("ragged.csv", b"a,b\n1,2\n3\n", r"ragged.csv:3: expected 2 cells, as in the header, found 1 cells"),
    ("long.csv", b"a,b\n1,2\n\n3,4,5\n", r"long.csv:4: expected 2 cells"),
    ("bytes.csv", b"a,b\n1,2\n\xff,4\n", r"bytes.csv:3: a: expected UTF-8 text"),
    ("empty.csv", b"", "an empty file"),
    ("blank.csv", b"\n\n", "an empty file"),
    ("twice.csv", b"a,b,a\n1,2,3\n", "column 'a' twice"),
    ("cut.csv.gz", gzip.compress(b"a,b\n" + b"".join(f"{i},{i * 7919 % 9973}\n".encode() for i in range(5000)))[:-2000], "a whole .gz file"),
    ("plain.csv.gz", b"a,b\n1,2\n", "a whole .gz file"),
    ("empty.jsonl", b"\n", "an empty file"),
    ("bad.jsonl", b'{"a":1}\n{"a":\n', r"bad.jsonl:2: expected one JSON object"),
    ("list.jsonl", b'{"a":1}\n[1]\n', r"list.jsonl:2: expected one JSON object"),
    ("bytes.jsonl", b'{"a":"\xff"}\n', r"bytes.jsonl:1"),
    ("mixed.jsonl", b'{"a":1}\n{"a":"1"}\n', r"mixed.jsonl:2: a: expected whole numbers, as before, found text"),
    ("large.jsonl", b'{"a":1}\n{"a":36893488147419103232}\n', r"large.jsonl:2: a: expected a whole number of 64 bits"),
    ("digits.jsonl", b'{"a":9007199254740993}\n{"a":0.5}\n', r"digits.jsonl:2: a"),
    ("broken.parquet", b"PAR1 nothing", "a Parquet file"),
    ("broken.feather", b"ARROW1 nothing", "a Feather file"),
    ("table.xlsx", b"x", "a name that ends in"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "says"), REFUSED)
def test_what_is_refused_and_where(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=says):
        survey(open_source(path))


def test_small_tables_are_tables(tmp_path: Path) -> None:
    path = write(tmp_path / "header.csv", "a,b\n")
    assert [p.why for p in plans_of(path).values()] == ["no rows", "no rows"]
    assert narrowed(path, tmp_path / "h.parquet").shape == (0, 2)
    path = write(tmp_path / "one.csv", "a\n1\n\n3")  # one column, an empty line, no line end
    assert narrowed(path, tmp_path / "o.parquet")["a"].to_list() == [1, 3]
    path = write(tmp_path / "null.csv", 'a,b\n,1\n"",2\n')
    assert narrowed(path, tmp_path / "n.feather")["a"].to_list() == [None, None]


def test_a_quote_that_is_never_closed_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandi.diet.csv_blocks.MAX_RECORD_BYTES", 1_000)
    path = write(tmp_path / "open.csv", "a,b\n1,2\n" + '"' + "x,y\n" * 10_000)
    with pytest.raises(InvalidInputError, match=r"open.csv:3: .*never closed"):
        list(CsvFile(path, ",", 512).blocks())


def test_nothing_is_published_where_a_value_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "log.csv", "a,b\n1,x\n2,x\n3,x\n4,y\n")
    right = casting.narrowed

    def wrong(column: ColumnPlan, dtype: pl.DataType) -> pl.Expr:
        return right(column, dtype).replace(3, 9) if column.name == "a" else right(column, dtype)

    monkeypatch.setattr(narrowing_module, "narrowed", wrong)
    target = tmp_path / "slim.parquet"
    target.write_bytes(b"before")
    with pytest.raises(InvalidInputError, match=r"log.csv: row 3: a: expected '3', as in the source, found '9'"):
        narrowed(path, target)
    assert target.read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} == {"log.csv", "slim.parquet"}


def test_a_file_that_changes_meanwhile_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "log.csv", "a,b\n1,x\n2,x\n")
    source = open_source(path)
    plans = [plan(facts) for facts in survey(source).columns.values()]
    compare = narrowing_module._compare

    def late(*arguments: Any) -> int:
        cells = compare(*arguments)
        path.write_text("a,b\n1,x\n2,x\n3,x\n")
        return cells

    monkeypatch.setattr(narrowing_module, "_compare", late)
    with pytest.raises(InvalidInputError, match="changed meanwhile"):
        narrow(source, plans, tmp_path / "slim.parquet")
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scratch file is a link to a device that is always full."""
    path = write(tmp_path / "log.csv", "a,b\n" + "".join(f"{i},{i * 7919}\n" for i in range(1_000)))
    target = tmp_path / "slim.parquet"
    scratch = target.with_name(f".slim.{os.getpid()}.partial.parquet")
    scratch.symlink_to("/dev/full")
    with pytest.raises(StorageFullError, match="no space left"):
        narrowed(path, target)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("target", "says"), [("slim.csv", "ends in"), ("none/slim.parquet", "folder that exists")])
def test_where_a_copy_cannot_go(tmp_path: Path, target: str, says: str) -> None:
    path = write(tmp_path / "log.csv", "a\n1\n")
    with pytest.raises(InvalidInputError, match=says):
        narrowed(path, tmp_path / target)
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "self.parquet")
    with pytest.raises(InvalidInputError, match="the source itself"):
        narrowed(tmp_path / "self.parquet", tmp_path / "self.parquet")


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    lines = [{"id": "007", "n": 1, "deep": {"a": [1]}}, {"id": "8", "n": 2.5, "ok": True}, {"id": "", "n": None}]
    copy = narrowed(write(tmp_path / "l.jsonl", "\n".join(map(json.dumps, lines))), tmp_path / "l.parquet")
    assert copy["id"].to_list() == ["007", "8", ""]
    assert copy["n"].to_list() == [1.0, 2.5, None]
    assert copy["ok"].to_list() == [None, True, None]
    assert copy["deep"].to_list() == ['{"a":[1]}', None, None]


def test_wide_text_is_counted_but_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the number of different texts is an estimate: within 3 % (about 4 standard errors)."""
    monkeypatch.setattr("bandi.diet.distinct.MAX_CATEGORIES", 1_000)
    texts = ["".join(random.Random(i).choices(string.ascii_letters, k=8)) for i in range(40_000)]
    path = write(tmp_path / "t.csv", "a\n" + "\n".join(texts * 3))
    facts = survey(open_source(path)).columns["a"]
    assert facts.distinct is not None
    assert facts.distinct.known is None
    assert facts.distinct.count == pytest.approx(len(set(texts)), rel=0.03)
    assert "too many for a category" in plan(facts).why


def test_all_dictionaries_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandi.diet.surveying.DICTIONARY_BYTES", 2_000)
    path = write(tmp_path / "t.csv", "a,b\n" + "".join(f"text-{i % 90},k{i % 3}\n" for i in range(500)))
    columns = survey(open_source(path)).columns
    assert columns["a"].distinct is not None
    assert columns["a"].distinct.known is None  # the larger one was forgotten
    assert plan(columns["b"]).form == "category"


def test_what_pandas_holds_is_what_is_said(tmp_path: Path) -> None:
    """The bytes said of pandas are those that pandas 3 says itself, within a twentieth."""
    pandas = pytest.importorskip("pandas", minversion="3.0")
    pytest.importorskip("pyarrow")
    rng = random.Random(3)
    lines = [
        f"{rng.randrange(10**6)},{rng.random()},{rng.choice(['read', 'click'])},{rng.choice(['', '5'])},2024-01-01 00:00:00,true"
        for _ in range(5_000)
    ]
    path = write(tmp_path / "p.csv", "whole,decimal,kind,gaps,time,yes\n" + "\n".join(lines) + "\n")
    held = pandas.read_csv(path).memory_usage(deep=True, index=False).to_dict()
    for name, proposal in plans_of(path).items():
        assert proposal.pandas_bytes == pytest.approx(held[name], rel=0.05), name
