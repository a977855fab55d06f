"""Guardrails stop harm, leave the harmless alone at every look, and say what they mean."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandi.experiments.inference import (
    Comparison,
    Guardrail,
    Totals,
    accumulated,
    compare_means,
    judge,
    judge_all,
)
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array

DAYS, DAILY, EXPERIMENTS = 28, 400, 400
PLANNED = 2.0 * DAYS * DAILY


def compared(population: Any, seed: int, lift: float) -> list[Comparison]:
    random = np.random.default_rng(seed)
    treatment = population.looks(random, EXPERIMENTS, DAYS, DAILY, lift).take([0])
    control = population.looks(random, EXPERIMENTS, DAYS, DAILY).take([0])
    return [compare_means(_one(treatment, i), _one(control, i)) for i in range(EXPERIMENTS)]


def _one(totals: Totals, at: int) -> Totals:
    return Totals(totals.readers[at], totals.sums[at], totals.products[at], totals.cubes[at])


@pytest.mark.parametrize("worse", ["lower", "higher"])
def test_false_stops(population: Any, worse: str) -> None:
    """Exactly at the tolerated loss at most 5 % of 400 stop: 7.9 % at most but for 1 in 100 where 5 % is true."""
    lift = -0.1 if worse == "lower" else 0.1
    guardrail = Guardrail("coins", 0.1, worse)
    stops = [judge(guardrail, comparison, PLANNED).decision == "stop" for comparison in compared(population, 1, lift)]
    assert np.mean(stops) <= 0.05


def of_normal(seed: int, control: float, treatment: float) -> list[Comparison]:
    """Experiments of 300 A/B comparisons with 5 looks at up to 4,000 readers of each variant, standard deviation 3."""
    random = np.random.default_rng(seed)
    one, other = (random.normal(mean, 3.0, (300, 5, 800)) for mean in (treatment, control))
    variants = [
        accumulated(Totals(np.full((300, 5), 800.0), *(powers(rows, power) for power in (1, 2, 3))))
        for rows in (one, other)
    ]
    return [compare_means(*(_one(variant, i) for variant in variants)) for i in range(300)]


def powers(rows: Array, power: int) -> Array:
    total: Array = np.prod([rows] * power, axis=0).sum(axis=-1)
    return total.reshape(total.shape + (1,) * power)


def decisions(guardrail: Guardrail, comparisons: list[Comparison]) -> dict[str, float]:
    found = [judge(guardrail, comparison, 8_000.0).decision for comparison in comparisons]
    return {decision: found.count(decision) / len(found) for decision in ("stop", "safe", "go on")}


@pytest.mark.parametrize(("worse", "sign"), [("lower", -1.0), ("higher", 1.0)])
@pytest.mark.parametrize("control", [-2.0, -0.02, 2.0])
def test_a_control_of_any_sign(worse: str, sign: float, control: float) -> None:
    """At the tolerated loss of 300 experiments at most 5 % stop and at most 5 % are safe (8 % but for 1 in 100)."""
    guardrail = Guardrail("net coins", 0.1, worse)
    edge = decisions(guardrail, of_normal(6, control, control + sign * 0.1 * abs(control)))
    assert edge["stop"] <= 0.08
    assert edge["safe"] <= 0.08
    assert decisions(guardrail, of_normal(7, control, control))["stop"] <= 0.05
    assert decisions(guardrail, of_normal(8, control, control + sign * 0.6))["stop"] > 0.9
    assert decisions(guardrail, of_normal(9, control, control - sign * 0.6))["safe"] > 0.9


def test_a_loss_below_zero_in_words() -> None:
    verdict = judge(Guardrail("net coins", 0.1), of_normal(8, -2.0, -3.0)[0], 8_000.0)
    assert verdict.decision == "stop"
    assert "%) is beyond the tolerated fall of 10.0%" in verdict.words
    assert "(-" in verdict.words


def test_latency_may_double() -> None:
    """A rise of 150 % is tolerated: twice the control is safe, four times stops."""
    guardrail = Guardrail("latency", 1.5, "higher")
    assert decisions(guardrail, of_normal(10, 2.0, 4.0))["safe"] > 0.9
    assert decisions(guardrail, of_normal(11, 2.0, 8.0))["stop"] > 0.9


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
    for bound in (float("nan"), float("inf"), -0.1):
        with pytest.raises(InvalidInputError, match="bound"):
            Guardrail("reads", bound, "higher")
    with pytest.raises(InvalidInputError, match="worse"):
        Guardrail("reads", 0.1, "up")
    comparison = compared(population, 5, 0.0)[0]
    with pytest.raises(InvalidInputError, match="a comparison for each"):
        judge_all([Guardrail("reads", 0.0)], [], PLANNED)
    shorter = Totals(np.ones(2), np.ones((2, 1)), np.ones((2, 1, 1)))
    with pytest.raises(InvalidInputError, match="the same looks"):
        judge_all([Guardrail("a", 0.0)] * 2, [comparison, compare_means(shorter, shorter)], PLANNED)
    flat = replace(comparison, states=np.asarray(0, np.int8))
    with pytest.raises(InvalidInputError, match="looks"):
        judge(Guardrail("reads", 0.0), flat, PLANNED)
