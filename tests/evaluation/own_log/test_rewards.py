"""Which slots were rewarded: by request and item, once, within the window of the impression or else of the decision."""

import numpy as np
import pytest

from bandi.evaluation.own_log.rewards import RewardRule, reward_rule, rewards_of
from bandi.evaluation.own_log.sampling import Sample
from bandi.model.config import Objective
from bandi.model.events import EventKind
from bandi.model.records import DECISION, EVENT, Array, Decisions, Events, Stretch

RULE = RewardRule(int(EventKind.CLICK), 0, 1_000)


def sample() -> Sample:
    """Requests 70 and 50, at 0 and 100 ms, with titles 3, 4 and 4, 9."""
    headers = np.zeros(2, DECISION)
    headers["request"], headers["occurred_ms"] = [70, 50], [0, 100]
    decisions = Decisions(
        np.arange(2), headers, np.array([0, 2, 4]), np.array([3, 4, 4, 9], np.int32), np.zeros(4, np.float32)
    )
    return Sample(decisions, 2, 0)


def rewarded(*events: tuple[EventKind, int, int, int, int], rule: RewardRule = RULE) -> Array:
    """events: kind, request, item, time, episode."""
    rows = np.zeros(len(events), EVENT)
    for row, (kind, request, item, at, episode) in zip(rows, events, strict=True):
        row["kind"], row["request"], row["item"], row["occurred_ms"], row["episode"] = kind, request, item, at, episode
    halves = (
        Stretch(0, 1, Events(np.arange(len(part)), part)) for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :])
    )
    return rewards_of(halves, sample(), rule).rewards


CLICK, SEEN, READ = EventKind.CLICK, EventKind.IMPRESSION, EventKind.READ


def test_a_click_counts_for_the_slot_of_its_request_and_item() -> None:
    assert rewarded((CLICK, 50, 4, 200, 0)).tolist() == [0, 0, 1, 0]
    assert rewarded((CLICK, 70, 4, 200, 0), (CLICK, 70, 4, 300, 0)).tolist() == [0, 1, 0, 0]
    assert rewarded((CLICK, 60, 4, 200, 0), (CLICK, 70, 9, 200, 0), (CLICK, 0, 3, 5, 0)).tolist() == [0, 0, 0, 0]
    assert rewarded().tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("at", "counts"), [(1_000, 1), (1_001, 0)])
def test_the_window_begins_with_the_decision_where_no_impression_is_known(at: int, counts: int) -> None:
    assert rewarded((CLICK, 70, 3, at, 0)).tolist() == [counts, 0, 0, 0]


def test_else_with_the_earliest_impression_whenever_it_is_told() -> None:
    late = (CLICK, 70, 3, 2_500, 0)
    assert rewarded(late, (SEEN, 70, 3, 1_600, 0)).tolist() == [1, 0, 0, 0]
    assert rewarded((SEEN, 70, 3, 1_600, 0), late, (SEEN, 70, 3, 900, 0)).tolist() == [0, 0, 0, 0]


def test_reads_count_from_their_episode_on() -> None:
    rule = reward_rule(Objective(event="read", count=4, window="1s"))
    assert rule == RewardRule(int(READ), 4, 1_000)
    events = ((READ, 70, 3, 10, 3), (READ, 50, 9, 110, 4), (CLICK, 70, 4, 10, 4))
    assert rewarded(*events, rule=rule).tolist() == [0, 0, 0, 1]
