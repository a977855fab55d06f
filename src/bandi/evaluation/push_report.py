"""What messages brought: those sent against those held back at random, with intervals, beside last-touch credit."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from bandi.evaluation.intervals import Interval, t_quantile, wilson_of
from bandi.learning.push.messages import Moments
from bandi.learning.push.strata import described
from bandi.learning.push.uplift import Uplift
from bandi.model.records import Array

_Z = 1.959963984540054


class StratumReport(msgspec.Struct, frozen=True):
    """One kind of reader: what is believed of a message to them, in coins. low, high: mean -/+ 1.96 deviations."""

    state: str
    stopped: str
    wall: str
    sent: int
    held: int
    anyway: float
    uplift: float
    low: float
    high: float


class PushReport(msgspec.Struct, frozen=True):
    """Of messages whose window has passed. Coins and shares are per message; the intervals are 95 % ones.

    uplift: coins of those sent less those held back (Welch 1947); payers: the same for the share of readers who paid (Newcombe
    1998, method 10); both nothing while one of the arms has fewer than two messages. credited: coins that last touch gives a
    sent message; gap: credited - uplift, what last touch credits beyond what messages caused.
    """

    sent: int
    held: int
    coins_sent: float
    coins_held: float
    uplift: Interval | None
    payers: Interval | None
    credited: float
    gap: float | None
    strata: tuple[StratumReport, ...]


def push_report(moments: Moments, learned: Uplift) -> PushReport:
    """The report; strata with the most messages first. O(strata)."""
    held, sent = moments.sums.sum(axis=0)
    means = [float(arm[1] / max(arm[0], 1.0)) for arm in (held, sent)]
    credited = float(sent[4] / max(sent[0], 1.0))
    uplift = welch(sent[:3], held[:3])
    return PushReport(
        sent=int(sent[0]),
        held=int(held[0]),
        coins_sent=means[1],
        coins_held=means[0],
        uplift=uplift,
        payers=newcombe(sent[3], sent[0], held[3], held[0]) if min(sent[0], held[0]) >= 2 else None,
        credited=credited,
        gap=None if uplift is None else credited - uplift.estimate,
        strata=_strata(moments, learned),
    )


def welch(one: Array, other: Array) -> Interval | None:
    """Difference of means of two samples given as (count, sum, sum of squares); None below two values each (Welch 1947)."""
    if min(one[0], other[0]) < 2:
        return None
    means = [arm[1] / arm[0] for arm in (one, other)]
    errors = [max(arm[2] / arm[0] - mean**2, 0.0) / (arm[0] - 1) for arm, mean in zip((one, other), means, strict=True)]
    error = sum(errors)
    difference = float(means[0] - means[1])
    if error == 0.0:
        return Interval(difference, difference, difference)
    freedom = error**2 / sum(e**2 / (arm[0] - 1) for e, arm in zip(errors, (one, other), strict=True))
    half = t_quantile(max(int(freedom), 1)) * math.sqrt(error)
    return Interval(difference, difference - half, difference + half)


def newcombe(one: float, of_one: float, other: float, of_other: float) -> Interval:
    """Difference of two shares by Wilson's intervals of each (Newcombe 1998, method 10); counts above 0."""
    p, low_p, high_p = _wilson(one, of_one)
    q, low_q, high_q = _wilson(other, of_other)
    below = math.sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
    above = math.sqrt((high_p - p) ** 2 + (q - low_q) ** 2)
    return Interval(p - q, p - q - below, p - q + above)


def _wilson(successes: float, trials: float) -> tuple[float, float, float]:
    rate = wilson_of(float(successes), float(trials))
    return rate.estimate, rate.low, rate.high


def _strata(moments: Moments, learned: Uplift) -> tuple[StratumReport, ...]:
    counts = moments.sums[:, :, 0]
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    found = []
    for stratum in order[: int((counts.sum(axis=1) > 0).sum())].tolist():
        mean, reach = float(learned.mean[stratum]), _Z * float(learned.deviation[stratum])
        found.append(
            StratumReport(
                *described(stratum),
                sent=int(counts[stratum, 1]),
                held=int(counts[stratum, 0]),
                anyway=float(learned.anyway[stratum]),
                uplift=mean,
                low=mean - reach,
                high=mean + reach,
            )
        )
    return tuple(found)
