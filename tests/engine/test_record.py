"""Telling: good events are taken, repeats counted once, bad ones refused by name; the next list is better."""

import math
import time
from datetime import UTC, datetime
from typing import Any

import pytest

import bandi

GOOD = {"user": "u", "item": "t1", "placement": "home"}


def test_a_click_is_visible_to_the_next_request(shop: bandi.Engine) -> None:
    ranking = shop.recommend(user="u", k=8)
    shop.record(*(bandi.Impression(user="u", item=slot.item, request=ranking.request_id) for slot in ranking))
    shop.record(bandi.Click(user="u", item="t5", request=ranking.request_id))
    arms = {arm.item: (arm.trials, arm.successes) for arm in shop.arms("home")}
    assert arms == {f"t{i}": (1.0, float(i == 5)) for i in range(8)}


def test_what_is_clicked_rises(shop: bandi.Engine) -> None:
    for i in range(300):
        ranking = shop.recommend(user=f"u{i}", k=8)
        shop.record(*(bandi.Impression(user=f"u{i}", item=slot.item, request=ranking.request_id) for slot in ranking))
        shop.record(bandi.Click(user=f"u{i}", item="t5", request=ranking.request_id))
    first = [shop.recommend(user="v", k=1)[0].item for _ in range(50)]
    assert first.count("t5") == 50


def test_a_repeat_counts_once(shop: bandi.Engine) -> None:
    click = bandi.Click(**GOOD, event_id="e1")
    assert shop.record(click).accepted == 1
    again = shop.record(click, click, bandi.Click(**GOOD, event_id="e2"), bandi.Click(**GOOD, event_id="e2"))
    assert (again.accepted, again.duplicates) == (1, 3)
    assert shop.stats().events["click"] == 2


BAD: list[tuple[Any, str]] = [
    (bandi.Click(user="u", item="nothing"), r"\$\.item"),
    (bandi.Click(user="", item="t1"), r"\$\.user"),
    (bandi.Click(user="u" * 300, item="t1"), r"\$\.user"),
    (bandi.Click(user="u\ud800", item="t1"), r"\$\.user"),
    (bandi.Click(user=None, item="t1"), r"\$\.user"),  # type: ignore[arg-type]
    (bandi.Click(user="u", item=3), r"\$\.item"),  # type: ignore[arg-type]
    (bandi.Click(user="u", item="t1", placement="nowhere"), r"\$\.placement.*home"),
    (bandi.Click(user="u", item="t1", placement=["home"]), r"\$\.placement"),  # type: ignore[arg-type]
    (bandi.Click(user="u", item="t1", request="zzz"), r"\$\.request"),
    (bandi.Click(user="u", item="t1", request=5), r"\$\.request"),  # type: ignore[arg-type]
    (bandi.Click(user="u", item="t1", position=-1), r"\$\.position"),
    (bandi.Click(user="u", item="t1", position=10**9), r"\$\.position"),
    (bandi.Click(user="u", item="t1", event_id=""), r"\$\.event_id"),
    (bandi.Click(user="u", item="t1", occurred_at=math.nan), r"\$\.occurred_at"),
    (bandi.Click(user="u", item="t1", occurred_at=math.inf), r"\$\.occurred_at"),
    (bandi.Click(user="u", item="t1", occurred_at=0.0), r"\$\.occurred_at.*1970"),
    (bandi.Click(user="u", item="t1", occurred_at=time.time() + 86_400), r"\$\.occurred_at"),
    (bandi.Click(user="u", item="t1", occurred_at=time.time() * 1000), r"\$\.occurred_at.*not milliseconds"),
    (bandi.Click(user="u", item="t1", occurred_at=datetime(1, 1, 1, tzinfo=UTC)), r"\$\.occurred_at"),
    (bandi.Purchase(user="u", item="t1", coins=-1.0), r"\$\.coins"),
    (bandi.Purchase(user="u", item="t1", coins=math.nan), r"\$\.coins"),
    (bandi.Purchase(user="u", item="t1", coins=math.inf), r"\$\.coins"),
    (bandi.Read(user="u", item="t1", episode=0), r"\$\.episode"),
    (bandi.Custom(user="u", item="t1", name=""), r"\$\.name"),
    (bandi.Custom(user="u", item="t1", name="stars", value=math.nan), r"\$\.value"),
    ({"type": "click"}, r"\$: expected one of"),
]


@pytest.mark.parametrize(("bad", "words"), BAD)
def test_a_bad_event_is_named_and_the_good_ones_around_it_are_kept(shop: bandi.Engine, bad: Any, words: str) -> None:
    receipt = shop.record(bandi.Click(**GOOD, event_id="a"), bad, bandi.Click(**GOOD, event_id="b"))
    assert receipt.accepted == 2
    assert [refusal.index for refusal in receipt.refused] == [1]
    with pytest.raises(bandi.InvalidInputError, match=words):
        raise bandi.InvalidInputError(receipt.refused[0].problem)
    assert shop.stats().events == {"click": 2}
    assert shop.record(bandi.Click(**GOOD, event_id="a")).duplicates == 1


def test_receipts_of_a_group_go_to_their_own_senders(shop: bandi.Engine) -> None:
    """Many senders share a commit; each hears of its own events only."""
    answers: dict[int, Any] = {}
    for i in range(200):
        events = [bandi.Click(**GOOD, event_id=f"{i}-{j}") for j in range(i % 4)]
        events += [bandi.Click(user="u", item="nothing")] * (i % 3) + [bandi.Click(**GOOD, event_id="same")]
        shop.submit(events, lambda answer, i=i: answers.__setitem__(i, answer))  # type: ignore[misc]
    shop.record(bandi.Click(**GOOD))
    for i in range(200):
        receipt = answers[i]
        assert receipt.accepted == i % 4 + (i == 0)
        assert receipt.duplicates == (i > 0)
        assert [refusal.index for refusal in receipt.refused] == [i % 4 + j for j in range(i % 3)]


def test_an_orphan_click_counts_by_the_placement_it_names(shop: bandi.Engine) -> None:
    shop.record(bandi.Click(**GOOD))
    assert [(arm.item, arm.trials, arm.successes) for arm in shop.arms(items=["t1"])] == [("t1", 1.0, 1.0)]
    stats = shop.stats()
    assert (stats.orphans, stats.trials, stats.successes) == (1, 1, 1)


def test_a_click_without_request_or_placement_is_kept_but_counts_for_no_arm(shop: bandi.Engine) -> None:
    assert shop.record(bandi.Click(user="u", item="t1")).accepted == 1
    assert shop.stats().unattributed == 1
    assert shop.stats().trials == 0


def test_a_late_click_is_kept_but_not_counted(shop: bandi.Engine) -> None:
    now = time.time()
    ranking = shop.recommend(user="u", k=8)
    request = ranking.request_id
    shop.record(bandi.Impression(user="u", item="t1", request=request, occurred_at=now - 7200))
    shop.record(bandi.Click(user="u", item="t1", request=request, occurred_at=now))
    stats = shop.stats()
    assert (stats.trials, stats.successes, stats.late) == (1, 0, 1)


def test_custom_events_are_counted_by_kind(shop: bandi.Engine) -> None:
    shop.record(bandi.Custom(user="u", item="t1", name="bookmark"), bandi.Read(user="u", item="t1", episode=4))
    assert shop.stats().events["read"] == 1
    assert sum(shop.stats().events.values()) == 2


def test_an_asker_who_cannot_be_told_does_not_stop_the_others(
    shop: bandi.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(_: object) -> None:
        raise RuntimeError("Event loop is closed")

    shop.submit([bandi.Click(**GOOD, event_id="a")], gone)
    assert shop.record(bandi.Click(**GOOD, event_id="b")).accepted == 1
    assert shop.failure is None
    assert shop.stats().events == {"click": 2}
    assert "could not be delivered" in capsys.readouterr().err
