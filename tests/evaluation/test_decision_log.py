"""Decision logs as files."""

from pathlib import Path

import pytest

from bandi.evaluation.decision_log import Columns, read_decision_log
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
    with pytest.raises(InvalidInputError, match="propensity_score"):
        read_decision_log(path)
    path.write_text(HEADER)
    with pytest.raises(InvalidInputError, match="no rows"):
        read_decision_log(path)
    path.write_text("t,i,s,c,p\n0,a,1,1,0.5\n")
    assert len(read_decision_log(path, Columns("i", "s", "c", "p", "t"))) == 1
