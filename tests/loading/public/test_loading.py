"""Tiny files in the published layouts, and the real ones where there are any."""

import gzip
from itertools import islice
from pathlib import Path

import pytest

from bandi.loading.public import load_public, read_registry
from bandi.model.errors import InvalidInputError
from bandi.model.events import Click, Impression, Read, milliseconds

REGISTRY = read_registry()
PUBLISHED: dict[str, dict[str, bytes]] = {
    "movielens-small": {
        "movies.csv": b'movieId,title,genres\n1,"Toy, Story (1995)",Comedy|Fantasy\n2,Jumanji (1995),(no genres listed)\n',
        "ratings.csv": b"userId,movieId,rating,timestamp\n7,1,4.0,964982703\n7,2,3.5,964981247\n8,2,5.0,964982224\n",
    },
    "movielens-1m": {
        "movies.dat": "1::Misérables, Les (1995)::Drama|Musical\n2::Heat: A Film (1995)::Action\n".encode("latin-1"),
        "ratings.dat": b"7::1::4::978300760\n7::2::3::978302109\n8::2::5::978301968\n",
    },
    "movielens-100k": {
        "u.item": "1|Misérables (1995)|01-Jan-1995||url|0|0\n2|Heat (1995)|01-Jan-1995||url|0|1\n".encode("latin-1"),
        "u.data": b"7\t1\t4\t881250949\n7\t2\t3\t891717742\n8\t2\t5\t878887116\n",
    },
    "nsmc": {
        "reviews.tsv": "review_id\tmovie_id\trating\tdate\treview\n"
        "11\t1\t9\t14.08.01\t좋다\n12\t2\t8\t14.08.02\t\"열린 따옴표\"\n13\t2\t10\t09.01.31\t또 보고 싶다\n".encode(),
    },
    "kuairec": {
        "data/small_matrix.csv": b"user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
        b"7,1,9,4,2020-07-05 00:08:23.438,20200705,1593878903.438,2.25\n7,2,4,4,x,20200705,1593878904,2.0\n"
        b"8,2,9,3,x,20200705,1593878905,3.0\n",
    },
    "kuairand": {
        "data/log_random_4_22_to_5_08_pure.csv": b"user_id,video_id,date,hourmin,time_ms,is_click\n"
        b"7,1,20220421,400,1650485801301,1\n7,2,20220421,400,1650485801302,0\n8,2,20220421,400,1650485801303,1\n",
    },
    "amazon-reviews-2023": {
        "All_Beauty.csv": b"user_id,parent_asin,rating,timestamp\n7,1,4.0,1588687728923\n7,2,3.0,1588615855070\n8,2,5.0,1589665266052\n",
    },
    "lastfm-1k": {
        "userid-timestamp-artid-artname-traid-traname.tsv": "7\t2009-04-08T01:57:47Z\tx\t1\ty\tFall\n"
        '7\t2009-04-08T01:53:56Z\t\t2\ty\tSay "What\n8\t2009-04-08T01:53:57Z\tx\t2\ty\tCafé\n'.encode(),
    },
    "ratings": {"ratings.csv": b"user,item,rating,timestamp\n7,1,4,964982703\n7,2,3,964981247\n8,2,5,964982224\n"},
}  # fmt: skip


def publish(name: str, folder: Path, *, gzipped: bool = False) -> Path:
    for file, data in PUBLISHED[name].items():
        path = folder / (file + ".gz" if gzipped else file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if gzipped else data)
    return folder


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("name", PUBLISHED)
def test_three_rows_as_published_give_the_same_events(memory, tmp_path: Path, name: str, gzipped: bool) -> None:
    reports = load_public(memory, REGISTRY.format_of(name), publish(name, tmp_path, gzipped=gzipped), "shelf")
    assert [(report.refused, report.stopped) for report in reports] == [(0, ""), (0, "")]
    assert reports[-1].rows == 3
    assert all(Path(report.source).is_file() for report in reports)
    assert sorted(item.id for item in memory.items) == ["1", "2"]
    users = ["11", "13"] if name == "nsmc" else ["7", "8"]
    clicks = [event for event in memory.events if isinstance(event, Click)]
    if name == "lastfm-1k":
        assert len(clicks) == 3
    else:
        assert [(click.user, click.item) for click in clicks] == [(users[0], "1"), (users[1], "2")]
    others = [event for event in memory.events if not isinstance(event, Click)]
    assert len(others) == 3
    assert {type(event) for event in others} == {Impression if name == "kuairand" else Read}
    assert {event.placement for event in memory.events} == {"shelf"}
    assert len({event.event_id for event in memory.events}) == len(memory.events)


def test_titles_tags_and_times(memory, tmp_path: Path) -> None:
    load_public(memory, REGISTRY.format_of("movielens-1m"), publish("movielens-1m", tmp_path))
    assert memory.items[0].title == "Misérables, Les (1995)"
    assert memory.items[0].tags == ("Drama", "Musical")
    assert milliseconds(memory.events[0].occurred_at) == 978300760_000
    load_public(memory, REGISTRY.format_of("nsmc"), publish("nsmc", tmp_path))
    assert milliseconds(memory.events[-1].occurred_at) == 1233360000_000  # 2009-01-31


OPEN_BANDIT = (
    b",timestamp,item_id,position,click,propensity_score,user_feature_0\n"
    b"0,2019-11-24 00:00:03.5+00:00,14,3,0,0.029,aa\n1,2019-11-24 00:00:04+00:00,5,1,1,0.029,aa\n"
)
CONTEXT = (
    b",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n"
    b"0,5,-0.67,ce,eb,79\n1,14,0.5,ce,eb,79\n"
)  # fmt: skip


@pytest.mark.parametrize("items", ["item_context.csv", "men-items.csv"])
def test_slots_of_the_open_bandit_dataset(memory, tmp_path: Path, items: str) -> None:
    (tmp_path / "men.csv").write_bytes(OPEN_BANDIT)
    (tmp_path / items).write_bytes(CONTEXT)
    reports = load_public(memory, REGISTRY.format_of("open-bandit"), tmp_path / "men.csv")
    assert [report.taken for report in reports] == [2, 3]
    assert [(type(event), event.user, event.item, event.position) for event in memory.events] == [
        (Impression, "1", "14", 2), (Impression, "2", "5", 0), (Click, "2", "5", 0),
    ]  # fmt: skip
    assert memory.items[0].fields["feature_1"] == "ce"


def test_bad_rows_are_refused_and_the_others_taken(memory, tmp_path: Path) -> None:
    (tmp_path / "movies.dat").write_bytes(b"1::One::Drama\n1::Again::Drama\n2::Two\n3::Three::x\n")
    (tmp_path / "ratings.dat").write_bytes(
        b"7::1::4::978300760\n7::1\n\xff::1::4::978300760\n8::3::5::soon\n8::3::5::978301968\n"
    )
    reports = load_public(memory, REGISTRY.format_of("movielens-1m"), tmp_path, refused=tmp_path)
    assert [(report.taken, report.refused) for report in reports] == [(2, 2), (4, 3)]
    lines = (tmp_path / "ratings.dat.events.refused.jsonl").read_text().splitlines()
    assert len(lines) == 3


def test_a_date_that_is_none_is_refused(memory, tmp_path: Path) -> None:
    (tmp_path / "reviews.tsv").write_bytes(
        b"review_id\tmovie_id\trating\tdate\treview\n1\t1\t9\t14.13.01\tx\n2\t1\t9\t14.12.01\tx\n"
    )
    reports = load_public(memory, REGISTRY.format_of("nsmc"), tmp_path)
    assert (reports[1].taken, reports[1].refused) == (2, 1)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no events file"),
        (["ratings.csv"], "no items file"),
        (["ratings.csv", "ratings.csv.gz", "movies.csv"], "ratings.csv, ratings.csv.gz"),
    ],
)
def test_missing_and_doubled_files_are_named(memory, tmp_path: Path, files: list[str], message: str) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InvalidInputError, match=message):
        load_public(memory, REGISTRY.format_of("movielens-small"), tmp_path)
    assert not memory.items


def test_a_file_of_another_layout_is_refused_by_its_columns(memory, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_bytes(b"reader,title\n1,2\n")
    with pytest.raises(InvalidInputError, match="column 'item'"):
        load_public(memory, REGISTRY.format_of("ratings"), tmp_path)
    (tmp_path / "reviews.tsv").write_bytes(b"movie_id\treview_id\n1\t2\n")
    with pytest.raises(InvalidInputError, match="column 'date'"):
        load_public(memory, REGISTRY.format_of("nsmc"), tmp_path)


def test_a_file_that_breaks_off_is_named(memory, tmp_path: Path) -> None:
    whole = gzip.compress(PUBLISHED["movielens-1m"]["ratings.dat"] * 500, mtime=0)
    (tmp_path / "movies.dat").write_bytes(PUBLISHED["movielens-1m"]["movies.dat"])
    (tmp_path / "ratings.dat.gz").write_bytes(whole[:-40])
    with pytest.raises(InvalidInputError, match=r"ratings\.dat\.gz"):
        load_public(memory, REGISTRY.format_of("movielens-1m"), tmp_path)


@pytest.mark.data
def test_movielens_small_and_the_open_bandit_sample(memory, public_data: Path) -> None:
    films = load_public(memory, REGISTRY.format_of("movielens-small"), public_data / "movielens-small")
    assert [(report.rows, report.refused) for report in films] == [(9_742, 0), (100_836, 0)]
    slots = load_public(memory, REGISTRY.format_of("open-bandit"), public_data / "open-bandit" / "bts-men.csv.gz")
    assert [(report.taken, report.refused) for report in slots] == [(34, 0), (10_069, 0)]


@pytest.mark.data
def test_the_first_reviews_of_nsmc(memory, public_data: Path, tmp_path: Path) -> None:
    with gzip.open(public_data / "nsmc" / "reviews.tsv.gz", "rb") as reviews:
        (tmp_path / "reviews.tsv").write_bytes(b"".join(islice(reviews, 2_001)))
    reports = load_public(memory, REGISTRY.format_of("nsmc"), tmp_path)
    assert (reports[1].rows, reports[1].refused) == (2_000, 0)
    assert reports[1].taken > 2_000
