"""Placements whose main objective is a read or a purchase: journeys say what it follows from, attribution counts it."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.learning.attribution import Attribution, PlacementRule
from bandi.learning.journeys import Journeys, LaterObjective, PlacementSteps
from bandi.model.records import EVENT, Events, Stretch

IMPRESSION, CLICK, READ, PURCHASE, REFUND = 1, 2, 3, 4, 6
HOME, DEEP = 0, 1
DAY = 86_400_000
OBJECTIVES = [LaterObjective("coins", PURCHASE, 1, 14 * DAY, "coins"), LaterObjective("continued", READ, 4, 7 * DAY)]
Event = tuple[int, int, float, int, int]


class Folded:
    def __init__(self) -> None:
        self.journeys = Journeys(
            OBJECTIVES, [PlacementSteps(HOME, (), "coins"), PlacementSteps(DEEP, (), "continued")], 1_000
        )
        rules = [PlacementRule(HOME, "reported", PURCHASE, 14 * DAY), PlacementRule(DEEP, "reported", READ, 7 * DAY, 4)]
        self.attribution = Attribution(rules, 1_000)
        self.position = 0
        self.totals = np.zeros((2, 2))

    def fold(self, *events: Event) -> "Folded":
        """Events of (kind, request, day, coins, episode), of one reader and title."""
        rows = np.zeros(len(events), EVENT)
        rows["placement"], rows["item"] = -1, 7
        for row, (kind, request, day, coins, episode) in zip(rows, events, strict=True):
            row["kind"], row["request"], row["occurred_ms"] = kind, request, round(day * DAY)
            row["value"], row["episode"] = coins, episode
        positions = np.arange(self.position, self.position + len(rows))
        stretch = Stretch(self.position, self.position + len(rows), Events(positions, rows))
        self.position += len(rows)
        followed = self.journeys.fold(rows)
        credited = replace(stretch, events=Events(positions[followed.at], followed.rows))
        for placement, made in self.attribution.fold(credited).items():
            self.totals[placement] += made.trials.sum(), made.rewards.sum()
        return self


def request(number: int, placement: int = HOME) -> int:
    return (1 << 44) | (number << 10) | placement


def shown(number: int, placement: int = HOME, day: float = 0) -> list[Event]:
    """An impression and its click."""
    return [(IMPRESSION, request(number, placement), day, 0, 0), (CLICK, request(number, placement), day, 0, 0)]


def test_a_purchase_days_later_without_a_request_is_the_impressions_reward() -> None:
    folded = Folded().fold(*shown(1)).fold((PURCHASE, 0, 5, 20, 0))
    assert folded.totals[HOME].tolist() == [1, 1]
    assert folded.attribution.counters().orphans == 0


def test_an_organic_purchase_is_nobodys() -> None:
    folded = Folded().fold((READ, 0, 0, 0, 1), (PURCHASE, 0, 5, 20, 0), (IMPRESSION, request(1), 6, 0, 0))
    assert folded.totals[HOME].tolist() == [1, 0]


def test_the_latest_click_is_credited_once() -> None:
    folded = Folded().fold(*shown(1), *shown(2, day=3), (PURCHASE, 0, 5, 20, 0), (PURCHASE, 0, 6, 20, 0))
    assert folded.totals[HOME].tolist() == [2, 1]


def test_only_the_episode_that_counts_is_a_reward() -> None:
    folded = Folded().fold(*shown(1, DEEP), *[(READ, 0, 0.1, 0, e) for e in (1, 2, 3)])
    assert folded.totals[DEEP].tolist() == [1, 0]
    assert folded.fold((READ, request(1, DEEP), 1, 0, 3)).totals[DEEP].tolist() == [1, 0]
    assert folded.fold((READ, 0, 1, 0, 4)).totals[DEEP].tolist() == [1, 1]


def test_reads_without_episodes_are_counted_up_to_it() -> None:
    folded = Folded().fold(*shown(1, DEEP), *[(READ, 0, 0.1, 0, 0)] * 3)
    assert folded.totals[DEEP].tolist() == [1, 0]
    assert folded.fold((READ, 0, 0.2, 0, 0)).totals[DEEP].tolist() == [1, 1]


def test_a_refund_takes_the_reward_back_when_nothing_is_left_of_it() -> None:
    folded = Folded().fold(*shown(1), (PURCHASE, 0, 5, 20, 1), (PURCHASE, 0, 6, 20, 2))
    assert folded.fold((REFUND, 0, 7, 20, 1)).totals[HOME].tolist() == [1, 1]
    assert folded.fold((REFUND, request(1), 7, 5, 2)).totals[HOME].tolist() == [1, 1]
    assert folded.fold((REFUND, 0, 7, 15, 2)).totals[HOME].tolist() == [1, 0]
    assert folded.fold((PURCHASE, 0, 8, 20, 3)).totals[HOME].tolist() == [1, 1]


def test_a_refund_finds_the_request_of_its_own_purchase() -> None:
    folded = Folded().fold(*shown(1), (PURCHASE, 0, 1, 20, 1), *shown(2, day=2), (PURCHASE, 0, 3, 20, 2))
    assert folded.totals[HOME].tolist() == [2, 2]
    assert folded.fold((REFUND, 0, 4, 20, 1), (REFUND, 0, 4, 5, 0)).totals[HOME].tolist() == [2, 1]
    made = folded.fold((REFUND, 0, 5, 15, 0))
    assert made.totals[HOME].tolist() == [2, 0]


def test_a_refund_of_an_orphan_leaves_nothing() -> None:
    folded = Folded().fold((PURCHASE, request(1), 1, 20, 1))
    assert folded.totals[HOME].tolist() == [1, 1]
    assert folded.fold((REFUND, 0, 2, 20, 1)).totals[HOME].tolist() == [0, 0]
    assert folded.attribution.counters().orphans == 0


def test_one_refund_of_two_credited_purchases_takes_back_both() -> None:
    """And counts as one event; less than all of the earlier purchase leaves that one its reward."""
    bought = [*shown(1), (PURCHASE, 0, 1, 20, 1), *shown(2, day=2), (PURCHASE, 0, 3, 20, 2)]
    folded = Folded().fold(*bought, (REFUND, 0, 4, 39, 0))
    assert folded.totals[HOME].tolist() == [2, 1]
    assert folded.fold((REFUND, 0, 5, 1, 0)).totals[HOME].tolist() == [2, 0]
    at_once = Folded().fold(*bought).fold((REFUND, 0, 4, 40, 0))
    assert at_once.totals[HOME].tolist() == [2, 0]
    assert at_once.attribution.counters().events["refund"] == 1
    assert at_once.attribution.counters().successes == 0


@given(
    bought=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 30)), min_size=1, max_size=8),
    refunds=st.lists(st.integers(1, 60), max_size=5),
    cuts=st.sets(st.integers(0, 40)),
)
@settings(max_examples=80, deadline=None)
def test_rewards_are_the_lists_of_which_something_paid_is_left(
    bought: list[tuple[int, int]], refunds: list[int], cuts: set[int]
) -> None:
    """Purchases of a list each name it; refunds, latest purchase first, may empty several lists at once; any cut does."""
    events = [event for number in range(1, 5) for event in shown(number)]
    left = []
    for day, (number, coins) in enumerate(bought):
        events.append((PURCHASE, request(number), 1 + day, coins, 0))
        left.append([number, coins])
    for i, owed in enumerate(refunds):
        events.append((REFUND, 0, 10 + i, owed, 0))
        remaining = owed
        for purchase in reversed(left):
            taken = min(purchase[1], remaining)
            purchase[1], remaining = purchase[1] - taken, remaining - taken
    folded = Folded()
    bounds = sorted({0, len(events), *(min(cut, len(events)) for cut in cuts)})
    for first, stop in zip(bounds, bounds[1:], strict=False):
        folded.fold(*events[first:stop])
    assert folded.totals[HOME].tolist() == [4, len({number for number, coins in left if coins > 0})]
