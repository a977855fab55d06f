"""Guardrails stop harm, leave the harmless alone at every look, and say what they mean."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandi.experiments.inference import (
    Comparison,
    Guardrail,
    Totals,
    compare_means,
    judge,
    judge_all,
)
from bandi.model.errors import InvalidInputError

DAYS, DAILY, EXPERIMENTS = 28, 400, 400
PLANNED = 2.0 * DAYS * DAILY


def compared(population: Any, seed: int, lift: float) -> list[Comparison]:
    random = np.random.default_rng(seed)
    treatment = population.looks(random, EXPERIMENTS, DAYS, DAILY, lift).take([0])
    control = population.looks(random, EXPERIMENTS, DAYS, DAILY).take([0])
    return [compare_means(_one(treatment, i), _one(control, i)) for i in range(EXPERIMENTS)]


def _one(totals: Totals, at: int) -> Totals:
    return Totals(totals.readers[at], totals.sums[at], totals.products[at])


@pytest.mark.parametrize("worse", ["lower", "higher"])
def test_false_stops(population: Any, worse: str) -> None:
    """Exactly at the tolerated loss at most 5 % of 400 stop: 7.9 % at most but for 1 in 100 where 5 % is true."""
    lift = -0.1 if worse == "lower" else 0.1
    guardrail = Guardrail("coins", 0.1, worse)
    stops = [judge(guardrail, comparison, PLANNED).decision == "stop" for comparison in compared(population, 1, lift)]
    assert np.mean(stops) <= 0.05


def test_harm_stops_and_harmlessness_is_shown(population: Any) -> None:
    guardrail = Guardrail("coins", 0.1)
    harmed = [judge(guardrail, comparison, PLANNED) for comparison in compared(population, 2, -0.4)]
    assert np.mean([verdict.decision == "stop" for verdict in harmed]) > 0.8
    stopped = next(verdict for verdict in harmed if verdict.decision == "stop")
    assert 0 <= stopped.look < DAYS
    assert stopped.harm_p <= 0.05
    assert stopped.words.startswith("coins: stop; ")
    assert "beyond the tolerated fall of 10.0%" in stopped.words
    better = [judge(guardrail, comparison, PLANNED) for comparison in compared(population, 3, 0.3)]
    assert np.mean([verdict.decision == "safe" for verdict in better]) > 0.8
    assert not any(verdict.decision == "stop" for verdict in better)


def test_several_guardrails_share_their_alarms(population: Any) -> None:
    """Ten guardrails, each at its tolerated loss: any stops in at most 5 % of 40 families (4 of 40 would be 1 in 100)."""
    comparisons = compared(population, 4, -0.1)
    guardrails = [Guardrail(f"metric {i}", 0.1) for i in range(10)]
    families = [judge_all(guardrails, comparisons[10 * i : 10 * i + 10], PLANNED) for i in range(40)]
    assert sum(any(v.decision == "stop" for v in family) for family in families) <= 4
    alone = judge(guardrails[0], comparisons[0], PLANNED)
    assert families[0][0].harm_p >= alone.harm_p
    assert families[0][0].safe_p == alone.safe_p


def test_no_evidence_goes_on() -> None:
    same = Totals(np.full(3, 500.0), np.full((3, 1), 500.0), np.full((3, 1, 1), 500.0))
    verdict = judge(Guardrail("reads", 0.0), compare_means(same, same), PLANNED)
    assert (verdict.decision, verdict.look, verdict.harm_p, verdict.safe_p) == ("go on", -1, 1.0, 1.0)
    assert "every reader has the same value" in verdict.words


def test_bad_guardrails(population: Any) -> None:
    with pytest.raises(InvalidInputError, match="bound"):
        Guardrail("reads", 1.0)
    with pytest.raises(InvalidInputError, match="bound"):
        Guardrail("reads", float("nan"))
    comparison = compared(population, 5, 0.0)[0]
    with pytest.raises(InvalidInputError, match="a comparison for each"):
        judge_all([Guardrail("reads", 0.0)], [], PLANNED)
    shorter = Totals(np.ones(2), np.ones((2, 1)), np.ones((2, 1, 1)))
    with pytest.raises(InvalidInputError, match="the same looks"):
        judge_all([Guardrail("a", 0.0)] * 2, [comparison, compare_means(shorter, shorter)], PLANNED)
    flat = replace(comparison, states=np.asarray(0, np.int8))
    with pytest.raises(InvalidInputError, match="looks"):
        judge(Guardrail("reads", 0.0), flat, PLANNED)
