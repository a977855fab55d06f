"""Blocks and rows give the same events, the same ids, and the same report."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bandi.diet import narrow, open_source, survey
from bandi.diet.proposal import plan
from bandi.loading import LoadReport, Mapping, load_events, tables
from bandi.loading.mapping import parse_event_rule
from bandi.loading.tables import BadRow, Row, Table, open_table
from bandi.model.answers import Receipt, Refusal
from bandi.model.errors import Problem
from bandi.model.events import Event, Purchase, Read

IDS = st.sampled_from(["u1", "u2", "반디", "", "a,b", 'q"q', "x" * 300])
NUMBERS = st.sampled_from(["0", "7", "", " 5", "+3", "1_0", "x", "2.5", "nan", "1e3", "007"])
TIMES = st.sampled_from(["1600000000", "1600000000.25", "", "nan", "soon", "1e999"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["read", "click", "purchase", "custom", "impression", "clack", ""]),
            "user": IDS, "item": IDS, "position": NUMBERS, "episode": NUMBERS, "coins": NUMBERS, "name": IDS,
            "value": NUMBERS, "occurred_at": TIMES, "event_id": st.sampled_from(["", "e1", "e2"]), "rating": NUMBERS,
        }
    ),
    min_size=1, max_size=8,
)  # fmt: skip
MAPPINGS = st.sampled_from(
    [
        Mapping(time_unit="s"),
        Mapping(time_unit="ms", constants={"placement": "home"}),
        Mapping(events=(parse_event_rule("read"), parse_event_rule("click if rating >= 4")), time_unit="s"),
        Mapping(events=(parse_event_rule("purchase if name != 반디"), parse_event_rule("custom")), time_unit="s"),
        Mapping(columns={"user": "item", "item": "user"}, constants={"coins": "2"}, events=(parse_event_rule("purchase"),), time_unit="s"),
    ]
)  # fmt: skip


class Picky:
    """Takes events, and refuses those of one user as an engine would."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record_many(self, events: Sequence[Event]) -> Receipt:
        self.events += events
        refused = [
            Refusal(i, Problem("$.user", "u2", "another")) for i, event in enumerate(events) if event.user == "u2"
        ]
        return Receipt(len(events) - len(refused), refused=tuple(refused))


def by_rows(path: Path) -> Table:
    """The same table without blocks."""
    table = open_table(path)

    def rows() -> Iterator[Row | BadRow]:
        yield from table.rows

    return Table(table.columns, rows())


def both(path: Path, mapping: Mapping, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], LoadReport]:
    """Load by blocks and by rows; they must not differ."""
    results = []
    for opened in (open_table, by_rows):
        with monkeypatch.context() as patch:
            patch.setattr("bandi.loading.loads.open_table", opened)
            memory = Picky()
            report = load_events(memory, path, mapping, path.with_suffix(".refused"))
            aside = path.with_suffix(".refused")
            results.append((memory.events, report, aside.read_bytes() if aside.exists() else b""))
            aside.unlink(missing_ok=True)
    (events, report, refused), (expected_events, expected_report, expected_refused) = results
    assert msgspec.json.encode(report) == msgspec.json.encode(expected_report)
    assert refused == expected_refused
    assert list(map(repr, events)) == list(map(repr, expected_events))  # repr: NaN equals itself
    return events, report


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, mapping=MAPPINGS, line_end=st.sampled_from(["\n", "\r\n"]))
def test_blocks_and_rows_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, str]], mapping: Mapping, line_end: str
) -> None:
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator=line_end)
        writer.writeheader()
        writer.writerows(rows)
    both(path, mapping, monkeypatch)
    frame = pl.DataFrame(rows)
    numbers = frame.with_columns(
        pl.col("episode", "position").cast(pl.Int32, strict=False), pl.col("coins", "rating").cast(pl.Float32, strict=False)
    )  # fmt: skip
    numbers.write_parquet(tmp_path / "log.parquet")
    both(tmp_path / "log.parquet", mapping, monkeypatch)


def test_most_rows_go_by_blocks(tmp_path: Path) -> None:
    """Otherwise the test above compares rows with rows."""
    path = tmp_path / "log.csv"
    path.write_text("user,item\n" + "u,i\n" * 20_000)
    kinds = [type(piece) for piece in open_table(path).pieces]
    assert kinds == [tables.RowBlock] * 3


def test_a_damaged_part_is_read_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b'user,item\nu,i\n\nu\n\xff,i\n"a\nb",i\nu"v,i\nw,i\rx,i\n"open,i\ny,i\n')
    events, report = both(path, Mapping(events=(parse_event_rule("read"),)), monkeypatch)
    assert [event.user for event in events] == ["u", "a\nb", 'u"v', "w", "x"]
    assert report.refused == 3


def test_a_record_longer_than_any_block_is_read_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandi.diet.csv_blocks.MAX_RECORD_BYTES", 1_000)
    monkeypatch.setattr("bandi.diet.csv_blocks.BLOCK_BYTES", 512)
    path = tmp_path / "log.csv"
    path.write_text("user,item\nu,i\n" + '"' + "v\n" * 2_000 + '",i\nw,i\n')
    pieces = list(open_table(path).pieces)
    assert [type(piece) for piece in pieces] == [tables.RowBlock, Row, Row]
    assert [piece.number for piece in pieces if isinstance(piece, Row)] == [2_003, 2_004]
    events, report = both(path, Mapping(events=(parse_event_rule("read"),)), monkeypatch)
    assert [len(event.user) for event in events] == [1, 4_000, 1]
    assert report.refused == 0


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_what_the_diet_wrote_is_loaded(tmp_path: Path, suffix: str) -> None:
    """Categories, dates and narrow numbers mean the same events as the text they came from."""
    path = tmp_path / "log.csv"
    path.write_text(
        "type,user,item,episode,coins,occurred_at\n"
        "read,1,t1,3,,2024-05-01 00:00:00\nread,2,t1,,,2024-05-01 00:00:01\npurchase,1,t2,4,2.5,2024-05-02 00:00:00\n"
        "read,2,t2,1,,2024-05-01 00:00:01\n"
    )
    source = open_source(path)
    plans = [plan(facts) for facts in survey(source).columns.values()]
    assert [column.form for column in plans] == ["category", "whole", "category", "whole", "decimal", "moment"]
    slim = path.with_suffix(suffix)
    narrow(source, plans, slim)
    memory, expected = Picky(), Picky()
    assert load_events(memory, slim).refused == load_events(expected, path).refused == 0
    without_ids = [msgspec.structs.replace(event, event_id=None) for event in memory.events]
    assert without_ids == [msgspec.structs.replace(event, event_id=None) for event in expected.events]
    assert isinstance(memory.events[2], Purchase)
    first = memory.events[0]
    assert isinstance(first, Read)
    assert (first.user, first.episode, first.occurred_at) == ("1", 3, datetime(2024, 5, 1, tzinfo=UTC))


def test_refusals_of_the_engine_find_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several blocks and batches, with rows between that need a look by themselves."""
    path = tmp_path / "log.csv"
    lines = [f"{'u2' if i % 997 == 0 else 'u'},i,{'x' if i % 1_009 == 5 else i % 7}\n" for i in range(30_000)]
    path.write_text("user,item,position\n" + "".join(lines))
    rules = (parse_event_rule("read"), parse_event_rule("click if position >= 3"))
    _, report = both(path, Mapping(events=rules), monkeypatch)
    assert report.rows == 30_000
    assert report.refused > 60
