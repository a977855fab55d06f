"""Files to records: the good rows are taken, the bad ones named, whatever is wrong with the file."""

import gzip
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest

from bandi.loading import LoadReport, Mapping, load_events, load_items, load_users
from bandi.loading.mapping import Condition, EventRule, parse_event_rule, parse_pairs
from bandi.model.answers import Receipt
from bandi.model.catalog import Item, User
from bandi.model.errors import InvalidInputError
from bandi.model.events import Click, Event, Purchase, Read

AS_READ = Mapping(events=(EventRule("read"),))


class Memory:
    """Takes everything."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.users: list[User] = []
        self.events: list[Event] = []

    def put_items(self, items: Sequence[Item]) -> Receipt:
        self.items += items
        return Receipt(len(items))

    def put_users(self, users: Sequence[User]) -> Receipt:
        self.users += users
        return Receipt(len(users))

    def record_many(self, events: Sequence[Event]) -> Receipt:
        self.events += events
        return Receipt(len(events))


@pytest.fixture
def memory() -> Memory:
    return Memory()


def write(path: Path, text: str | bytes) -> Path:
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def refused(report: LoadReport) -> list[str]:
    assert report.refused == len(report.examples)
    return [str(problem) for problem in report.examples]


@pytest.mark.parametrize("name", ["films.csv", "films.csv.gz", "films.tsv"])
def test_items_from_text(memory: Memory, tmp_path: Path, name: str) -> None:
    text = '\ufeffmovieId,name,genres\n1,"Toy, Story",a|b\n2,반딧불,\n'
    path = write(
        tmp_path / name, text.replace('"Toy, Story"', "Toy").replace(",", "\t") if name.endswith("tsv") else text
    )
    report = load_items(
        memory, path, Mapping({"id": "movieId", "title": "name", "tags": "genres"}, {"language": "en"}, {"tags": "|"})
    )
    assert (report.rows, report.taken, report.refused) == (2, 2, 0)
    assert memory.items[0].tags == ("a", "b")
    assert memory.items[0].language == "en"
    assert memory.items[1] == Item(id="2", title="반딧불", language="en")
    assert {use.field: use.read_as for use in report.columns} == {
        "id": "whole numbers",
        "title": "text",
        "tags": "text",
        "language": "text",
    }


def test_items_from_json_lines_and_parquet_and_structs(memory: Memory, tmp_path: Path) -> None:
    rows = [
        {"id": 1, "title": "A", "active": True, "editor_rank": 2, "launched_at": 1.5e9},
        {"id": "b", "title": "B", "active": False},
    ]
    lines = write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    assert load_items(memory, lines).taken == 2
    assert memory.items[0] == Item(id="1", title="A", editor_rank=2, launched_at=1.5e9)
    pl.DataFrame({"id": [1, 2], "title": ["A", None], "price": [1.5, 2.0]}).write_parquet(tmp_path / "t.parquet")
    assert load_items(memory, tmp_path / "t.parquet", Mapping({"fields.price": "price"})).taken == 2
    assert memory.items[-1] == Item(id="2", fields={"price": 2.0})
    report = load_items(memory, [Item(id="x"), {"id": "y"}, {"id": 5}, "nonsense"])
    assert (report.rows, report.taken, report.refused) == (4, 2, 2)
    assert load_users(memory, write(tmp_path / "u.csv", "id,age\nu1,30\n"), Mapping({"fields.age": "age"})).taken == 1
    assert memory.users == [User(id="u1", fields={"age": "30"})]


def test_one_row_gives_several_events_by_condition(memory: Memory, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,11,3.5,964981247\n")
    mapping = Mapping(
        {"user": "userId", "item": "movieId", "occurred_at": "timestamp"}, {"placement": "home"},
        events=(parse_event_rule("read"), parse_event_rule("click if rating >= 4")),
    )  # fmt: skip
    report = load_events(memory, path, mapping)
    assert (report.rows, report.taken) == (2, 3)
    assert [type(event) for event in memory.events] == [Read, Click, Read]
    assert memory.events[1].occurred_at == 964982703.0
    assert memory.events[1].placement == "home"
    assert "seconds since 1970, the first 2000-07-30" in next(
        use.read_as for use in report.columns if use.field == "occurred_at"
    )
    ids = [event.event_id for event in memory.events]
    assert len(set(ids)) == 3
    load_events(memory, path, mapping)
    assert [event.event_id for event in memory.events[3:]] == ids  # the same file again: the same ids


def test_typed_times_are_said_to_be_such(memory: Memory, tmp_path: Path) -> None:
    """As `bandi diet --out` writes a column of seconds."""
    at = datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)
    table = pl.DataFrame({"user": ["u"], "item": ["i"], "occurred_at": [at]})
    table.with_columns(pl.col("occurred_at").dt.cast_time_unit("ms")).write_parquet(tmp_path / "r.parquet")
    report = load_events(memory, tmp_path / "r.parquet", Mapping(events=(parse_event_rule("read"),)))
    read_as = {use.field: use.read_as for use in report.columns}
    assert read_as["occurred_at"] == "times, typed so in the file, the first 2000-07-30 18:45:03Z"
    assert report.taken == 1


def test_kinds_from_a_column(memory: Memory, tmp_path: Path) -> None:
    rows = "type,user,item,coins,occurred_at\npurchase,u,i,2.5,2024-05-01T00:00:00Z\nclick,u,i,,2024-05-01 00:00:01+09:00\nclack,u,i,,2024-05-01\npurchase,u,i,,2024-05-01\n"
    report = load_events(memory, write(tmp_path / "e.csv", rows))
    assert [type(event) for event in memory.events] == [Purchase, Click]
    assert [problem.where for problem in report.examples] == ["e.csv:4: type", "e.csv:5: coins"]


@pytest.mark.parametrize(
    ("cell", "unit", "seconds"),
    [
        ("1600000000", None, 1.6e9),
        ("1600000000000", None, 1.6e9),
        ("1600000000.5", None, 1.6000000005e9),
        ("5000", "ms", 5.0),
    ],
)
def test_units_of_time_are_told_apart(
    memory: Memory, tmp_path: Path, cell: str, unit: str | None, seconds: float
) -> None:
    path = write(tmp_path / "e.csv", f"user,item,occurred_at\nu,i,{cell}\n")
    load_events(memory, path, Mapping(events=(EventRule("read"),), time_unit=unit))
    assert memory.events[0].occurred_at == pytest.approx(seconds)


def test_a_title_has_two_times_and_lists_to_split(memory: Memory, tmp_path: Path) -> None:
    write(
        tmp_path / "titles.csv",
        "id,launched_at,available_until,regions,reviews,age_rating\n"
        "a,1500000000,2024-05-01T00:00:00Z,KR|JP,good|so so,15\nb,1500000001,,,,\nc,1500000002,soon,,,\n",
    )
    mapping = Mapping(separators={"regions": "|", "reviews": "|"})
    report = load_items(memory, tmp_path / "titles.csv", mapping)
    first, second = memory.items
    assert (first.regions, first.reviews, first.age_rating) == (("KR", "JP"), ("good", "so so"), 15)
    assert isinstance(first.available_until, datetime)
    assert (first.launched_at, first.available_until.isoformat()) == (1.5e9, "2024-05-01T00:00:00+00:00")
    assert (second.launched_at, second.available_until, second.regions) == (1_500_000_001.0, None, ())
    assert (report.taken, report.refused) == (2, 1)
    assert report.examples[0].where == "titles.csv:4: available_until"
    kinds = {use.field: use.read_as for use in report.columns}
    assert kinds["launched_at"].startswith("seconds") and kinds["available_until"].startswith("RFC 3339")


def test_titles_say_what_is_free_and_readers_whether_they_want_messages(memory: Memory, tmp_path: Path) -> None:
    text = "id,episodes,free_episodes,wait_free\na,90,3,24h\nb,,,\nc,90,-1,\nd,0,1,\ne,9,3,soon\n"
    write(tmp_path / "titles.csv", text)
    write(tmp_path / "readers.csv", "id,push,time_zone\nu1,false,Asia/Seoul\nu2,,\n")
    report = load_items(memory, tmp_path / "titles.csv", Mapping())
    load_users(memory, tmp_path / "readers.csv", Mapping())
    assert [(i.episodes, i.free_episodes, i.wait_free) for i in memory.items] == [(90, 3, "24h"), (None, None, None)]
    assert (report.taken, report.refused) == (2, 3)
    assert [(user.push, user.time_zone) for user in memory.users] == [(False, "Asia/Seoul"), (True, "")]


def test_mixed_units_ask_which(memory: Memory, tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", "user,item,occurred_at\nu,i,1600000000\nu,i,1600000000000\n")
    with pytest.raises(InvalidInputError, match="--time-unit"):
        load_events(memory, path, AS_READ)


def test_bad_rows_are_named_and_the_good_ones_kept(memory: Memory, tmp_path: Path) -> None:
    rows = [
        b"id,title,editor_rank", b"a,A,1", b"b,B", b"c,C,3,4", b"d,\xff\xfe,5", b"e,E,x", b"a,again,6", b",G,7",
        b"h," + b"x" * (2 << 20) + b",8", b"i,I,0", b"j,J,9",
    ]  # fmt: skip
    aside = tmp_path / "aside.jsonl"
    report = load_items(memory, write(tmp_path / "t.csv", b"\n".join(rows)), None, aside)
    assert [item.id for item in memory.items] == ["a", "j"]
    assert report.refused == 8
    lines = [msgspec.json.decode(line) for line in aside.read_bytes().splitlines()]
    assert [line["where"] for line in lines] == [
        "t.csv:3", "t.csv:4", "t.csv:5: title", "t.csv:6: editor_rank", "t.csv:7: id", "t.csv:8: id", "t.csv:9: title", "t.csv:10: editor_rank",
    ]  # fmt: skip
    assert "no earlier row has" in lines[4]["expected"]
    assert report.refused_file == str(aside)


def test_json_lines_that_are_not(memory: Memory, tmp_path: Path) -> None:
    lines = [
        b'{"id": "a"}',
        b'{"id": ',
        b"[1]",
        b'{"id": "b", "x": ' + b"[" * 100_000 + b"}",
        b'{"id": "\xff"}',
        b'{"id": "c", "title": 1e999}',
        b'{"id": "d", "title": NaN}',
        b'{"id": "e"}',
    ]
    report = load_items(memory, write(tmp_path / "t.jsonl", b"\n".join(lines)))
    assert [item.id for item in memory.items] == ["a", "e"]
    assert report.refused == 6


def test_events_with_bad_cells(memory: Memory, tmp_path: Path) -> None:
    text = "user,item,position,occurred_at\nu,i,0,1600000000\n,i,0,1600000000\nu,i,x,1600000000\nu,i,1.5,1600000000\nu,i,1,nan\nu,i,2,1600000001\n"
    report = load_events(memory, write(tmp_path / "e.csv", text), AS_READ)
    assert len(memory.events) == report.taken == 3  # NaN is left to the engine, which refuses it
    assert refused(report)[0].startswith("e.csv:3: user: expected an id")
    assert refused(report)[1].startswith("e.csv:4: position: expected a whole number")


def test_a_truncated_gz_gives_its_rows_and_says_where_it_ended(memory: Memory, tmp_path: Path) -> None:
    whole = gzip.compress(("id,title\n" + "".join(f"t{i},{time.time_ns()}\n" for i in range(20_000))).encode())
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    report = load_items(memory, tmp_path / "t.csv.gz")
    assert 1_000 < report.taken == len(memory.items) < 20_000
    assert "a whole .gz file" in report.stopped


def test_files_that_are_no_tables(memory: Memory, tmp_path: Path) -> None:
    pl.DataFrame({"id": ["a"] * 1000}).write_parquet(tmp_path / "cut.parquet")
    data = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) - 20])
    write(tmp_path / "text.parquet", "hello")
    write(tmp_path / "empty.csv", "")
    write(tmp_path / "empty.jsonl", "")
    write(tmp_path / "twice.csv", "id,id\n1,2\n")
    write(tmp_path / "other.xlsx", "x")
    expected = {
        "cut.parquet": "a Parquet file", "text.parquet": "a Parquet file", "empty.csv": "a header line", "empty.jsonl": "one JSON object",
        "twice.csv": "different names", "other.xlsx": "a name that ends in", "absent.csv": "a file that can be read",
    }  # fmt: skip
    for name, words in expected.items():
        with pytest.raises(InvalidInputError, match=words):
            load_items(memory, tmp_path / name)
    assert load_items(memory, write(tmp_path / "header.csv", "id,title\n")).rows == 0


def test_columns_and_fields_that_do_not_exist_offer_the_nearest(memory: Memory, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "movieId,title\n1,A\n")
    with pytest.raises(InvalidInputError, match="did you mean movieId"):
        load_items(memory, path, Mapping({"id": "movieID"}))
    with pytest.raises(InvalidInputError, match="did you mean title"):
        load_items(memory, path, Mapping({"id": "movieId", "titel": "title"}))
    with pytest.raises(InvalidInputError, match="--map id=COLUMN"):
        load_items(memory, path)
    with pytest.raises(InvalidInputError, match="--as read"):
        load_events(memory, path, Mapping({"user": "movieId", "item": "title"}))
    with pytest.raises(InvalidInputError, match="--map user=COLUMN"):
        load_events(memory, path, AS_READ)
    with pytest.raises(InvalidInputError, match="no such column"):
        load_events(
            memory,
            path,
            Mapping({"user": "movieId", "item": "title"}, events=(parse_event_rule("click if stars > 3"),)),
        )


def test_rules_are_read_not_evaluated() -> None:
    assert parse_event_rule("click if rating >= 4") == EventRule("click", Condition("rating", ">=", 4.0))
    assert parse_event_rule("click if kind = 'good one'") == EventRule("click", Condition("kind", "=", "good one"))
    for bad in ("clack", "click if", "click if x", "click if __import__('os')", ""):
        with pytest.raises(InvalidInputError):
            parse_event_rule(bad)
    rule = parse_event_rule("click if a != 3")
    assert rule.condition is not None
    assert [rule.condition.holds({"a": value}) for value in ("3.0", "4", None, "x")] == [False, True, False, False]
    assert parse_pairs(["a=b=c"], "--map") == {"a": "b=c"}
    with pytest.raises(InvalidInputError):
        parse_pairs(["a"], "--map")
