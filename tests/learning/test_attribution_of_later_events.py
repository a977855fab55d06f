"""Placements whose main objective is a read or a purchase: journeys say what it follows from, attribution counts it."""

from dataclasses import replace

import numpy as np

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
        credited = replace(stretch, events=Events(positions, self.journeys.fold(rows).rows))
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
