"""Decision logs as files."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.evaluation import decision_log
from bandi.evaluation.decision_log import Columns, read_decision_log
from bandi.loading.tables import open_table
from bandi.model.errors import InvalidInputError

HEADER = "timestamp,item_id,position,click,propensity_score\n"


def test_bad_rows_of_a_log_are_refused_one_by_one(tmp_path: Path) -> None:
    rows = [
        "2019-11-24 00:00:02+00:00,3,1,0,0.5", "2019-11-24 00:00:01+00:00,10,2,1,0.25", "1574553600,3,1,0,0", "1574553600,3,1,0,1.5",
        "1574553600,3,1,0,nan", "1574553600,3,1,0,x", "1574553600,3,1,2,0.5", "1574553600,3,0,1,0.5", "never,3,1,1,0.5", "1574553600,3,1",
    ]  # fmt: skip
    path = tmp_path / "log.csv"
    path.write_text(HEADER + "\n".join(rows))
    log = read_decision_log(path, refused=tmp_path / "aside.jsonl")
    assert (len(log), log.refused, log.slots) == (2, 8, 2)
    assert log.item_names == ("3", "10")
    assert log.clicks.tolist() == [1, 0]  # by time
    assert "log.csv:4: propensity_score" in str(log.problems[0])
    assert len((tmp_path / "aside.jsonl").read_text().splitlines()) == 8


def test_a_log_without_its_columns_or_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInputError, match=r"propensity_score.*tells nothing of other policies"):
        read_decision_log(path)
    path.write_text(HEADER)
    with pytest.raises(InvalidInputError, match="no rows"):
        read_decision_log(path)
    path.write_text("t,i,s,c,p\n0,a,1,1,0.5\n")
    assert len(read_decision_log(path, Columns("i", "s", "c", "p", "t"))) == 1


TIMES = (
    "1574553600",
    "1574553600.0015",
    "2019-11-24 00:00:01.979311+00:00",
    "2019-11-24T01:00:01+01:00",
    "2019-11-24",
    "never",
    "",
)
CELLS = st.tuples(
    st.sampled_from(TIMES),
    st.sampled_from(("3", "10", "x", "", "0x")),
    st.sampled_from(("1", "2", " 2", "1_0", "0", "1.5", "1001", "")),
    st.sampled_from(("0", "1", "1.0", "1e0", "2", "nan", "")),
    st.sampled_from(("0.5", "0.1234567890123456789", ".25", "1", "0", "1.5", "inf", "nan", "x")),
)


@given(st.lists(CELLS, min_size=1, max_size=12))
@settings(deadline=None)
def test_columns_read_at_once_are_those_read_row_by_row(rows: list[tuple[str, ...]]) -> None:
    """The same rows taken in the same order, the same refused, whichever way: by blocks, or every row looked at by itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        path.write_text(HEADER + "\n".join(",".join(row) for row in rows) + "\n")
        found = []
        for table in (open_table, lambda path: replace(t := open_table(path), pieces=t.rows)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(decision_log, "open_table", table)
                try:
                    found.append(read_decision_log(path))
                except InvalidInputError as error:
                    found.append(str(error))
        one, other = found
        if isinstance(one, str) or isinstance(other, str):
            assert one == other
            return
        assert (one.item_names, one.refused, one.problems) == (other.item_names, other.refused, other.problems)
        for name in ("items", "positions", "clicks", "propensities", "times_ms"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist()
            assert getattr(one, name).dtype == getattr(other, name).dtype


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_typed_columns(tmp_path: Path, kind: str) -> None:
    """Whole numbers, truth values and times with a zone, as Parquet has them."""
    moment = datetime(2019, 11, 24, 0, 0, 1, 979311, UTC)
    rows = [(moment, 3, 1, True, 0.5), (moment, 10, 2, False, 0.25), (moment, 10, 2, False, None)]
    frame = pl.DataFrame(rows, HEADER.strip().split(","), orient="row")
    path = tmp_path / f"log.{kind}"
    if kind == "parquet":
        frame.write_parquet(path)
    else:
        frame.with_columns(pl.col("timestamp").dt.to_string("iso:strict")).write_ndjson(path)
    log = read_decision_log(path)
    assert (log.item_names, log.refused) == (("3", "10"), 1)
    assert log.times_ms.tolist() == [1574553601979] * 2
    assert (log.positions.tolist(), log.clicks.tolist(), log.propensities.tolist()) == ([0, 1], [1.0, 0.0], [0.5, 0.25])
