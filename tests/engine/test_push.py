"""`engine.push`: who is messaged, under which bounds, and what the log remembers of it."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.engine.conftest import write_config

import bandi
from bandi.engine.push_list import PushList
from bandi.engine.recovery import SNAPSHOTS
from bandi.learning.push._message_kernels import MESSAGE
from bandi.learning.push.messages import Run
from bandi.model.errors import InvalidInputError

CONFIG = """
[placements.home]

[placements.push]
push = { quiet = "00:00-00:00", stopped_for = "1d", holdout = 0.25 }
"""
NOW = 1_800_000_000.0
DAY = 86_400.0


def read(user: str, item: str = "t0", episode: int = 3, ago_days: float = 2.0) -> bandi.Read:
    return bandi.Read(user=user, item=item, episode=episode, occurred_at=NOW - ago_days * DAY)


@pytest.fixture
def push_shop(folder: Path) -> bandi.Engine:
    write_config(folder, CONFIG)
    engine = bandi.open(folder)
    engine._clock_ms = lambda: int(NOW * 1000)  # the clock of the tests
    engine._writer._clock_ms = engine._clock_ms
    engine.items.put(
        [
            bandi.Item(id="t0"),
            bandi.Item(id="walled", free_episodes=5, episodes=20),
            bandi.Item(id="ended", episodes=3),
            bandi.Item(id="hidden", active=False),
        ]
    )
    return engine


def test_only_readers_who_read_on_stopped_and_want_messages_are_chosen(push_shop: bandi.Engine) -> None:
    with push_shop as shop:
        shop.users.put([bandi.User(id="opted-out", push=False)])
        shop.record(
            read("yes"), read("opted-out"), read("barely", episode=2), read("reading", ago_days=0.5),
            read("long-gone", ago_days=31), read("finished", "ended"), read("unshown", "hidden"),
            read("far", "walled", 3), read("near", "walled", 4), read("at", "walled", 5),
            bandi.Dismiss(user="tired", item="t0"), read("dismissed"), bandi.Dismiss(user="dismissed", item="t0"),
        )  # fmt: skip
        assert {message.user for message in shop.push(100, NOW)} == {"yes", "near", "at"}


def test_the_budget_of_a_day_holds_over_its_runs_and_held_ones_cost_nothing(push_shop: bandi.Engine) -> None:
    with push_shop as shop:
        shop.record(*[read(f"u{i}") for i in range(200)])
        first = list(shop.push(30, NOW))
        second = list(shop.push(50, NOW + 60))
        assert [sum(not m.held_out for m in run) for run in (first, second)] == [30, 20]
        assert len(shop.push(50, NOW + 120)) == 0
        assert not {m.user for m in first} & {m.user for m in second}
        assert all((m.request == "") == m.held_out for m in first)
        assert 0 < sum(m.held_out for m in first) < 30


def test_a_restart_remembers_runs_from_the_snapshot_and_from_the_log_alone(
    push_shop: bandi.Engine, folder: Path
) -> None:
    with push_shop as shop:
        shop.record(*[read(f"u{i}") for i in range(50)])
        listed = list(shop.push(20, NOW))
        bytes_before = {name: array.tobytes() for name, array in shop._state.dump().items()}
    for again in (1, 2):
        with bandi.open(folder) as shop:
            assert list(shop.push_again()) == listed
            if again == 2:
                assert {name: array.tobytes() for name, array in shop._state.dump().items()} == bytes_before
        for path in (folder / SNAPSHOTS).iterdir():
            path.unlink()


def test_a_message_asked_again_is_the_same(push_shop: bandi.Engine) -> None:
    with push_shop as shop:
        shop.record(*[read(f"u{i}") for i in range(50)])
        sent = [message for message in shop.push(20, NOW, seed=7) if not message.held_out]
        shop.record(*[read(f"u{i}", ago_days=1.5) for i in range(50)])
        ranking = shop.ask_again(sent[3].request)
        assert [(slot.item, round(slot.score, 5)) for slot in ranking] == [(sent[3].item, round(sent[3].uplift, 5))]
        assert ranking.placement == "push"
        with pytest.raises(InvalidInputError, match="holdout"):
            shop.propensities(sent[3].request)


def test_what_follows_a_message_is_counted_for_it_and_for_its_title(push_shop: bandi.Engine) -> None:
    with push_shop as shop:
        shop.record(*[read(f"u{i}") for i in range(12)])
        messages = list(shop.push(8, NOW))
        sent = next(message for message in messages if not message.held_out)
        held = next(message for message in messages if message.held_out)
        shop._clock_ms = shop._writer._clock_ms = lambda: int((NOW + 20 * DAY) * 1000)
        shop.record(
            bandi.Click(user=sent.user, item="t0", request=sent.request, occurred_at=NOW + DAY),
            bandi.Purchase(user=sent.user, item="t0", coins=5, occurred_at=NOW + 2 * DAY),
            bandi.Purchase(user=sent.user, item="walled", coins=2, occurred_at=NOW + 2 * DAY),
            bandi.Purchase(user=sent.user, item="t0", coins=9, occurred_at=NOW + 9 * DAY),
            bandi.Purchase(user=held.user, item="t0", coins=3, occurred_at=NOW + 2 * DAY),
            bandi.Refund(user=held.user, item="t0", coins=1, occurred_at=NOW + 3 * DAY),
        )
        rows = {row["user"]: row for row in shop._state.messages.of_run(1)}
        user = shop._state.interner.lookup
        assert (rows[user("user", sent.user)]["coins"], rows[user("user", sent.user)]["credited"]) == (7.0, 5.0)
        assert (rows[user("user", held.user)]["coins"], rows[user("user", held.user)]["credited"]) == (2.0, 0.0)
        assert shop.arms("push", ["t0"])[0].successes == 1.0


def test_a_reader_taken_out_is_in_no_list(push_shop: bandi.Engine) -> None:
    with push_shop as shop:
        shop.users.put([bandi.User(id="u0")])
        shop.record(*[read(f"u{i}") for i in range(3)])
        assert {m.user for m in shop.push(9, NOW)} == {"u0", "u1", "u2"}
        shop.users.delete(["u0"])
        assert {m.user for m in shop.push_again()} == {"", "u1", "u2"}
        assert "u0" not in {m.user for m in shop.push(9, NOW + 40 * DAY)}


def test_an_operator_may_block_and_where_may_leave_out(folder: Path) -> None:
    write_config(folder, CONFIG.replace("[placements.push]", "[placements.push]\nwhere = 'free_episodes >= 5'"))
    with bandi.open(folder) as shop:
        shop.items.put([bandi.Item(id="a", free_episodes=3), bandi.Item(id="b", free_episodes=5)])
        now = time.time()
        events = [bandi.Read(user=f"u{i}", item="ab"[i % 2], episode=5, occurred_at=now - 2 * DAY) for i in range(8)]
        shop.record(*events)
        assert Counter(m.item for m in shop.push(100, now)) == {"b": 4}


@pytest.mark.parametrize("budget", [0, -1, True, 1.5, 10_000_001, "9"])
def test_a_bad_budget_is_refused(push_shop: bandi.Engine, budget: object) -> None:
    with push_shop as shop, pytest.raises(InvalidInputError, match="budget"):
        shop.push(budget)  # type: ignore[arg-type]


def test_without_a_placement_with_messages_there_is_none(shop: bandi.Engine) -> None:
    with pytest.raises(InvalidInputError, match=r"placements\.push"):
        shop.push(5)
    with pytest.raises(InvalidInputError, match="run"):
        shop.push_again()


def test_an_unknown_time_zone_is_refused(shop: bandi.Engine) -> None:
    receipt = shop.users.put([bandi.User(id="a", time_zone="Asia/Seoul"), bandi.User(id="b", time_zone="../etc/x")])
    assert receipt.accepted == 1
    assert "time_zone" in str(receipt.refused[0].problem)


def a_list(rows: int) -> PushList:
    made = np.zeros(rows, MESSAGE)
    made["send_ms"], made["request"], made["held"] = 1_800_000_000_000, 1 << 50, np.arange(rows) % 4 == 0
    made["request"][made["held"] == 1] = 0
    made["uplift"] = 0.5
    return PushList(Run(1, 0, 0, 0, rows, 1, 0, rows, rows, 0), made, ["u"], ["t"])


@pytest.mark.parametrize(("suffix", "read_back"), [(".parquet", pl.read_parquet), (".csv", pl.read_csv), (".jsonl", pl.read_ndjson)])  # fmt: skip
def test_the_three_formats_say_the_same(tmp_path: Path, suffix: str, read_back: object) -> None:
    path = tmp_path / f"list{suffix}"
    a_list(8).write(path)
    frame = read_back(path)  # type: ignore[operator]
    assert frame["held_out"].to_list() == [True, False, False, False] * 2
    assert frame["send_at"][1] == "2027-01-15T08:00:00Z"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["list.txt", "list", "no/folder/list.csv"])
def test_a_bad_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError):
        a_list(1).write(tmp_path / name)


def test_a_killed_process_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    code = f"from tests.engine.test_push import a_list; from pathlib import Path\nrows = a_list(50_000)\nprint(flush=True)\nwhile True: rows.write(Path({str(path)!r}))"
    for delay in (0.0, 0.05, 0.2, 0.35):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if path.exists():
            assert len(pl.read_csv(path)) == 50_000
    assert {entry.name for entry in tmp_path.iterdir()} <= {path.name, ".list.csv.partial"}
    a_list(3).write(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
