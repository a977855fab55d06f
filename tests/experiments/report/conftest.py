"""Results to make reports of: as the figures of four weeks with three variants, and the odd ones."""

from __future__ import annotations

import math

import msgspec
import pytest

from bandi.experiments.result import (
    AgeLift,
    ExperimentResult,
    FunnelStep,
    GuardrailResult,
    Interval,
    LiftSeries,
    MetricResult,
    Sequence,
    VariantSeries,
)

BEGIN_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC
DAY_MS = 86_400_000
LOOKS = 28


def sequence(true: float, noise: float, judged_from: int = 2) -> Sequence:
    """A lift that wobbles about `true`, with an interval that narrows; no bounds before look `judged_from`."""
    lifts = [true + noise * math.sin(7.0 * look) / (look + 1) for look in range(LOOKS)]
    half = [4.0 * noise / math.sqrt(look + 1) for look in range(LOOKS)]
    low = [lift - h if look >= judged_from else None for look, (lift, h) in enumerate(zip(lifts, half, strict=True))]
    high = [lift + h if look >= judged_from else None for look, (lift, h) in enumerate(zip(lifts, half, strict=True))]
    p_values = [1.0] * LOOKS
    for look in range(LOOKS):
        p_values[look] = min(p_values[max(look - 1, 0)], math.exp(-((lifts[look] / half[look]) ** 2) * 3.0))
    return Sequence([*lifts], low, high, p_values)


def lift(true: float, noise: float) -> LiftSeries:
    plain = sequence(true, noise)
    estimate, p = plain.estimates[-1], plain.p_values[-1]
    assert estimate is not None
    fixed = Interval(estimate, estimate - 0.4 * noise, estimate + 0.4 * noise, p)
    return LiftSeries(plain, None, fixed, None, None, None, p, min(3 * p, 1.0), "too few readers yet")


def metric(
    name: str, base: float, lifts: dict[str, LiftSeries], immature: int = 0, words: str = "", **more
) -> MetricResult:
    readers = [300 * (look + 1) for look in range(LOOKS)]
    variants = [VariantSeries("control", readers, [base] * LOOKS)]
    for variant, one in lifts.items():
        variants.append(VariantSeries(variant, readers, [base * (1 + (e or 0.0)) for e in one.plain.estimates]))
    return MetricResult(
        name,
        more.get("kind", "mean"),
        more.get("unit", ""),
        more.get("better", "higher"),
        variants,
        lifts,
        immature,
        words,
    )


@pytest.fixture
def result() -> ExperimentResult:
    """Four weeks, two treatments: the first raises clicks, the effect of the second wears off."""
    metrics = [
        metric("ctr", 0.11, {"bold": lift(0.06, 0.03), "calm": lift(0.004, 0.03)}, kind="ratio"),
        metric("coins", 9.6, {"bold": lift(-0.01, 0.1), "calm": lift(0.02, 0.1)}, 1_204, "they wait for their 14 days", unit="coins"),
        metric("latency_p95", 41.0, {"bold": lift(0.2, 0.03), "calm": lift(0.0, 0.03)}, kind="quantile", unit="ms", better="lower"),
    ]  # fmt: skip
    steps = {"impression": (8_400, 8_390, 8_410), "click": (3_900, 4_150, 3_920), "read": (2_500, 2_650, 2_480),
             "continued": (900, 930, 905), "paid": (310, 305, 322)}  # fmt: skip
    ages = {
        "bold": [AgeLift(d, 8_000 - 200 * d, Interval(0.06, 0.03, 0.09, 0.001)) for d in range(14)],
        "calm": [AgeLift(d, 8_000 - 200 * d, Interval(0.1 / (d + 1), 0.1 / (d + 1) - 0.03, 0.1 / (d + 1) + 0.03, 0.2)) for d in range(14)],
    }  # fmt: skip
    return ExperimentResult(
        experiment="heads", state="running", control="control", variants=["control", "bold", "calm"], shares=[0.4, 0.3, 0.3],
        readers=[8_400, 6_310, 6_290], looks_ms=[BEGIN_MS + (look + 1) * DAY_MS for look in range(LOOKS)], mismatch=None,
        metrics=metrics, funnel=[FunnelStep(step, dict(zip(("control", "bold", "calm"), n, strict=True))) for step, n in steps.items()],
        by_exposure_day=ages,
        guardrails=[GuardrailResult("coins", "bold", "safe", BEGIN_MS + 20 * DAY_MS, 1.0, "a loss of 5 % is excluded"),
                    GuardrailResult("coins", "calm", "go on", None, 0.4, "neither harm nor safety is shown")],
        moved=12, corrections="Corrected over 3 metrics and 2 treatments (Benjamini and Hochberg 1995).", words=[],
    )  # fmt: skip


@pytest.fixture
def empty(result: ExperimentResult) -> ExperimentResult:
    """Declared, and nobody took part."""
    nothing = Sequence([], [], [], [])
    unknown = Interval(None, None, None, 1.0)
    lifts = {
        name: LiftSeries(nothing, None, unknown, None, None, None, 1.0, 1.0, "there are no readers")
        for name in ("bold", "calm")
    }
    variants = [VariantSeries(name, [], []) for name in ("control", "bold", "calm")]
    metrics = [msgspec.structs.replace(one, lifts=lifts, variants=variants, immature=0) for one in result.metrics]
    return msgspec.structs.replace(
        result,
        state="declared",
        readers=[0, 0, 0],
        looks_ms=[],
        metrics=metrics,
        funnel=[],
        by_exposure_day={},
        guardrails=[],
        moved=0,
    )
