"""`bandi push` in processes of its own."""

import json
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import bandi

BANDI = [sys.executable, "-m", "bandi"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop.bandi"
    folder.mkdir()
    text = '[placements.home]\n[placements.push]\npush = { quiet = "00:00-00:00", holdout = 0.3, window = "1d" }\n'
    (folder / "bandi.toml").write_text(text)
    with bandi.open(folder) as shop:
        shop.items.put([bandi.Item(id="t0", free_episodes=4)])
        shop.record(
            *[bandi.Read(user=f"u{i}", item="t0", episode=4, occurred_at=time.time() - 172_800) for i in range(60)]
        )
    return folder


def push(folder: Path, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*BANDI, "push", str(folder), *options], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


def test_a_list_is_written_and_the_budget_of_the_day_is_spent_once(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.parquet"
    said = push(folder, "--budget", "20", "--out", str(out)).stdout
    assert "20 messages to send" in said and "0 left of the day's budget" in said
    frame = pl.read_parquet(out)
    assert frame.filter(~pl.col("held_out")).height == 20 and frame["held_out"].any()
    assert frame["title"].unique().to_list() == ["t0"] and frame["reader"].n_unique() == len(frame)
    assert json.loads(push(folder, "--budget", "20", "--json").stdout)["run"]["sent"] == 0
    again = tmp_path / "again.csv"
    push(folder, "--again", "--out", str(again))
    assert len(pl.read_csv(again)) == 0  # the latest run chose nobody
    push(folder, "--again", "--run", "1", "--out", str(again))
    assert pl.read_csv(again)["reader"].to_list() == frame["reader"].to_list()
    assert "one of 1 to 2" in push(folder, "--again", "--run", "3", status=2).stderr


def test_the_report_says_what_is_not_known_yet(folder: Path) -> None:
    push(folder, "--budget", "20", "--at", "2020-01-01")
    assert "not known yet" in push(folder, "--report").stdout
    assert json.loads(push(folder, "--report", "--json").stdout)["uplift"] is None


def test_mistakes_are_one_message_and_nothing_is_chosen(folder: Path, tmp_path: Path) -> None:
    assert "--budget" in push(folder, status=2).stderr
    assert "--budget" in push(folder, "--budget", "5", "--report", status=2).stderr
    assert "from 1 to" in push(folder, "--budget", "0", status=2).stderr
    assert ".parquet, .csv, .jsonl" in push(folder, "--budget", "5", "--out", str(tmp_path / "x.xls"), status=2).stderr
    assert "no run in the log" in push(folder, "--again", status=2).stderr
