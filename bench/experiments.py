"""Whether experiments may be watched: false alarms of daily looks, and what watching costs; run: python -m bench.experiments.

1. A/A: 2,000 experiments without any effect, 4,000 readers each, looked at on 28 evenings. Readers return: the active come
   first, come often and see more; 8 % ever pay, amounts are log-normal. Every look counts, from 100 readers a variant on.
   And the hardest case for a sequence that takes readers for time: the same readers for a year, each day unrelated.
2. Power: readers that find an effect in 80 % of experiments, by one test at the end and by a confidence sequence with 28
   looks, as planned and as it comes out in 1,000 simulated experiments of the planned size.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bandi.experiments.inference.bounds import standard_scores
from bandi.experiments.inference.comparing import Comparison, compare_means, compare_ratios
from bandi.experiments.inference.fixed_horizon import difference_test
from bandi.experiments.inference.msprt import mixture_test
from bandi.experiments.inference.planning import Baseline, mean_baseline, plan, ratio_baseline
from bandi.experiments.inference.proportions import share_interval
from bandi.experiments.inference.sample_ratio import mismatch_p_values
from bandi.experiments.inference.sequences import (
    FEWEST,
    difference_sequence,
    judged_looks,
    lift_sequence,
    multipliers,
    tuned_rho2,
)
from bandi.experiments.inference.totals import Totals, accumulated
from bandi.model.records import Array
from bench.measure import machine, table

DAYS, YEAR, READERS, WINDOW, CHUNK = 28, 365, 4_000, 7, 50
ALPHA, POWER = 0.05, 0.8
EFFECTS = (0.01, 0.05, 0.20)
TYPES = 200
Compare = Callable[[Totals, Totals], Comparison]


@dataclass(frozen=True)
class Looks:
    """Totals of float64[experiments, days] of one metric in both variants."""

    treatment: Totals
    control: Totals


def simulate(random: np.random.Generator, experiments: int) -> dict[str, Looks]:
    """Metrics of experiments whose variants are alike."""
    readers = experiments * READERS
    experiment = np.repeat(np.arange(experiments), READERS)
    variant = random.integers(0, 2, readers)
    activity = random.gamma(0.7, 1.0 / 0.7, readers)
    # Whoever comes often comes early: the first visit of a Poisson process, of those who come at all.
    arrival = np.floor(random.exponential(3.0 / (activity + 0.1), readers)).astype(np.int64)
    arrival = np.where(arrival < DAYS, arrival, random.integers(0, DAYS, readers))
    cell = (experiment * 2 + variant) * DAYS
    clicks = _visits(random, cell, arrival, activity, experiments)
    pays = np.where(random.random(readers) < 0.08, activity * random.gamma(1.0, 1.0, readers), 0.0)
    before = _bought(random, pays, readers)
    reader, day, coins = _purchases(random, arrival, pays)
    so_far = _growing(cell, arrival, reader, day, [coins], experiments)
    within = day < arrival[reader] + WINDOW
    value = np.bincount(reader[within], weights=coins[within], minlength=readers)
    closed = _closed(cell, arrival + WINDOW - 1, np.stack([value, before], axis=1), experiments)
    return {"ctr": clicks, "coins so far": so_far, "coins within 7 days": closed}


def _visits(random: np.random.Generator, cell: Array, arrival: Array, activity: Array, experiments: int) -> Looks:
    """[clicks, impressions]: a reader's rate of clicks is their own."""
    rate = random.beta(2.0, 18.0, len(cell))
    counts = 1 + random.poisson(activity * (DAYS - arrival) * 0.15)
    reader = np.repeat(np.arange(len(cell)), counts)
    day = arrival[reader] + np.floor(random.random(len(reader)) * (DAYS - arrival[reader])).astype(np.int64)
    impressions = 1 + random.geometric(0.1, len(reader))
    clicked = random.binomial(impressions, rate[reader])
    return _growing(cell, arrival, reader, day, [clicked.astype(float), impressions.astype(float)], experiments)


def _bought(random: np.random.Generator, pays: Array, readers: int) -> Array:
    """Coins of the four weeks before."""
    reader = np.repeat(np.arange(readers), random.poisson(pays * 4.0))
    return np.bincount(reader, weights=np.exp(random.normal(0.0, 1.0, len(reader))), minlength=readers)


def _purchases(random: np.random.Generator, arrival: Array, pays: Array) -> tuple[Array, Array, Array]:
    reader = np.repeat(np.arange(len(arrival)), random.poisson(pays * (DAYS - arrival) / 7.0))
    day = arrival[reader] + np.floor(random.random(len(reader)) * (DAYS - arrival[reader])).astype(np.int64)
    return reader, day, np.exp(random.normal(0.0, 1.0, len(reader)))


def _growing(cell: Array, arrival: Array, reader: Array, day: Array, values: list[Array], experiments: int) -> Looks:
    """Totals so far at each look of readers whose columns grow by `values` (one array a column) on `day`."""
    order = np.lexsort((day, reader))
    reader, day, values = reader[order], day[order], [column[order] for column in values]
    first = np.concatenate([[True], reader[1:] != reader[:-1]]) if len(reader) else np.zeros(0, bool)
    group = np.cumsum(first) - 1
    so_far = []
    for column in values:
        total = np.cumsum(column)
        so_far.append(total - (total - column)[first][group])
    at, columns = cell[reader] + day, len(values)
    sums, products, cubes = _empty(experiments, columns)
    earlier = [after - value for after, value in zip(so_far, values, strict=True)]
    for i in range(columns):
        sums[..., i] = _binned(at, values[i], experiments)
        for j in range(columns):
            products[..., i, j] = _binned(at, so_far[i] * so_far[j] - earlier[i] * earlier[j], experiments)
            for k in range(columns):
                gain = so_far[i] * so_far[j] * so_far[k] - earlier[i] * earlier[j] * earlier[k]
                cubes[..., i, j, k] = _binned(at, gain, experiments)
    return _looks(_binned(cell + arrival, None, experiments), sums, products, cubes)


def _closed(cell: Array, day: Array, rows: Array, experiments: int) -> Looks:
    """Totals so far at each look of readers whose final columns are counted on `day`."""
    some = day < DAYS
    at, rows = (cell + day)[some], rows[some]
    columns = rows.shape[1]
    sums, products, cubes = _empty(experiments, columns)
    for i in range(columns):
        sums[..., i] = _binned(at, rows[:, i], experiments)
        for j in range(columns):
            products[..., i, j] = _binned(at, rows[:, i] * rows[:, j], experiments)
            for k in range(columns):
                cubes[..., i, j, k] = _binned(at, rows[:, i] * rows[:, j] * rows[:, k], experiments)
    return _looks(_binned(at, None, experiments), sums, products, cubes)


def _empty(experiments: int, columns: int) -> tuple[Array, Array, Array]:
    shape = (experiments, 2, DAYS, columns)
    return np.zeros(shape), np.zeros((*shape, columns)), np.zeros((*shape, columns, columns))


def _binned(at: Array, weights: Array | None, experiments: int) -> Array:
    return (
        np.bincount(at, weights=weights, minlength=experiments * 2 * DAYS).reshape(experiments, 2, DAYS).astype(float)
    )


def _looks(readers: Array, sums: Array, products: Array, cubes: Array) -> Looks:
    """From what each day adds to what there is so far; a day alone is no totals, for its readers may be of earlier days."""
    so_far = [array.cumsum(axis=2) for array in (readers, sums, products, cubes)]
    one, other = (Totals(*(array[:, v] for array in so_far)) for v in (1, 0))
    return Looks(one, other)


def cohort(random: np.random.Generator, experiments: int) -> Looks:
    """200 readers a variant, all there on the first day, whose values grow by unrelated amounts each day of a year."""
    readers = 200
    values = random.standard_normal((experiments, 2, readers, YEAR), np.float32) + np.float32(0.2)
    values = values.cumsum(axis=-1, dtype=np.float32)
    sums, squares = values.sum(axis=2, dtype=float), np.einsum("evrd,evrd->evd", values, values, dtype=float)
    count = np.full((experiments, YEAR), float(readers))
    one, other = (Totals(count, sums[:, v, :, None], squares[:, v, :, None, None]) for v in (1, 0))
    return Looks(one, other)


def alarms(comparison: Comparison, planned: float) -> dict[str, Array]:
    """Whether each experiment raised a false alarm at any look, by method: bool[experiments]."""
    fixed = difference_test(comparison, ALPHA).p_values <= ALPHA
    enough = np.minimum(comparison.treatment_readers, comparison.control_readers) >= FEWEST
    sequence = difference_sequence(comparison, planned, ALPHA)
    usual = 0.05 * float(comparison.control[:, -1].mean())
    by_readers = multipliers(np.where(enough, comparison.readers, 0.0) * tuned_rho2(planned, ALPHA), ALPHA)
    return {
        "sequence": sequence.p_values[:, -1] <= ALPHA,
        "mSPRT": mixture_test(comparison, usual, ALPHA).p_values[:, -1] <= ALPHA,
        "sequence, time = readers": np.any(np.abs(standard_scores(comparison)) >= by_readers, axis=-1),
        "t-test, every day": np.any(fixed & enough, axis=-1),
        "t-test, last day": fixed[:, -1],
    }


def false_alarms(experiments: int) -> list[list[str]]:
    """A row for each metric: share of experiments with a false alarm, and its 95 % interval."""
    random = np.random.default_rng(1)
    found: dict[str, list[dict[str, Array]]] = {}
    mismatches = []
    for _ in range(experiments // CHUNK):
        looks = simulate(random, CHUNK)
        metrics: dict[str, tuple[Looks, Compare, list[int]]] = {
            "clicks per impression, so far": (looks["ctr"], compare_ratios, [0, 1]),
            "coins per reader, so far": (looks["coins so far"], compare_means, [0]),
            "coins within 7 days, closed": (looks["coins within 7 days"], compare_means, [0]),
            "coins within 7 days, closed, CUPED": (looks["coins within 7 days"], compare_means, [0, 1]),
        }
        for name, (metric, compare, columns) in metrics.items():
            comparison = compare(metric.treatment.take(columns), metric.control.take(columns))
            found.setdefault(name, []).append(alarms(comparison, READERS))
        same = cohort(random, CHUNK)
        compared = compare_means(same.treatment, same.control)
        found.setdefault("a fixed cohort, 365 days", []).append(alarms(compared, 400))
        counts = np.stack([looks["ctr"].treatment.readers, looks["ctr"].control.readers], axis=-1)
        mismatches.append({"sequence": mismatch_p_values(counts, np.array([0.5, 0.5]))[:, -1] <= ALPHA})
    found["sample ratio mismatch at 5 %"] = mismatches
    methods = list(found["coins per reader, so far"][0])
    return [
        [name, *(_share(np.concatenate([one[m] for one in each])) if m in each[0] else "" for m in methods)]
        for name, each in found.items()
    ]


def _share(alarm: Array) -> str:
    interval = share_interval(np.array(alarm.sum()), np.array(len(alarm)))
    return f"{float(alarm.mean()):.1%} ({float(interval.low):.1%} to {float(interval.high):.1%})"


@dataclass(frozen=True)
class Panel:
    """A population of finitely many kinds of readers: rows float64[kinds, columns], shares float64[kinds].

    Totals of any number of its readers are exact draws: how many of each kind come is multinomial.
    """

    rows: Array
    shares: Array
    compare: Compare

    def looks(self, random: np.random.Generator, experiments: int, looks: int, readers: int, lift: float) -> Totals:
        """Totals at each look of experiments with so many readers a variant by the last, the metric raised by `lift`."""
        counts = random.multinomial(max(readers // looks, 1), self.shares, (experiments, looks)).astype(float)
        rows = self.rows.copy()
        rows[:, 0] *= 1.0 + lift
        columns = rows.shape[1]
        squares = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
        cubes = (squares[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
        products = (counts @ squares).reshape(experiments, looks, columns, columns)
        third = (counts @ cubes).reshape(experiments, looks, columns, columns, columns)
        return accumulated(Totals(counts.sum(axis=-1), counts @ rows, products, third))

    def baseline(self, columns: list[int]) -> Baseline:
        """What planning knows, from all kinds at their shares."""
        scaled = self.rows[:, columns]
        weights = self.shares * 1e9
        totals = Totals(np.asarray(weights.sum()), weights @ scaled, scaled.T @ (scaled * weights[:, None]))
        return mean_baseline(totals) if self.compare is compare_means else ratio_baseline(totals)


def coin_panel() -> Panel:
    """[coins within 7 days, coins of the four weeks before]: 92 % never pay."""
    random = np.random.default_rng(7)
    pays = random.gamma(0.7, 1.0 / 0.7, TYPES) * random.gamma(1.0, 1.0, TYPES)
    reader, _, coins = _purchases(random, np.full(TYPES, DAYS - WINDOW), pays)
    value = np.bincount(reader, weights=coins, minlength=TYPES)
    rows = np.stack([value, _bought(random, pays, TYPES)], axis=1)
    shares = np.append(np.full(TYPES, 0.08 / TYPES), 0.92)
    return Panel(np.vstack([rows, np.zeros((1, 2))]), shares, compare_means)


def click_panel() -> Panel:
    """[clicks, impressions, rate of clicks before]: of four weeks of each reader."""
    random = np.random.default_rng(8)
    rate = random.beta(2.0, 18.0, TYPES)
    visits = 1 + random.poisson(random.gamma(0.7, 1.0 / 0.7, TYPES) * 4.0)
    impressions = visits + random.negative_binomial(visits, 0.1)
    clicked = random.binomial(impressions, rate)
    earlier = random.binomial(60, rate) / 60.0
    return Panel(np.stack([clicked, impressions, earlier], axis=1), np.full(TYPES, 1.0 / TYPES), compare_ratios)


def unequal_rows(experiments: int) -> list[list[str]]:
    """False alarms where one variant is small and few readers pay: with looks from 100 readers on, and with none too early."""
    random, panel, rows = np.random.default_rng(5), coin_panel(), []
    for readers, share in ((40_000, 0.02), (40_000, 0.1), (40_000, 0.3), (200_000, 0.1)):
        treatment = panel.looks(random, experiments, DAYS, round(readers * share), 0.0).take([0])
        control = panel.looks(random, experiments, DAYS, round(readers * (1.0 - share)), 0.0).take([0])
        comparison = compare_means(treatment, control)
        judged = difference_sequence(comparison, readers, ALPHA).p_values[:, -1] <= ALPHA
        every = np.full(comparison.contributors.shape, np.inf)
        early = difference_sequence(replace(comparison, contributors=every), readers, ALPHA).p_values[:, -1] <= ALPHA
        fixed = difference_test(comparison, ALPHA).p_values[:, -1] <= ALPHA
        looks = judged_looks(comparison).sum(axis=-1).mean()
        rows.append([f"{readers:,}", f"{share:.0%}", _share(early), _share(judged), f"{looks:.0f}", _share(fixed)])
    return rows


Draw = Callable[[np.random.Generator, int], Array]


def _bursts(chance: float) -> Draw:
    def draw(random: np.random.Generator, readers: int) -> Array:
        return (100.0 + random.normal(size=readers) + 1_000.0 * (random.random(readers) < chance))[:, None]

    return draw


def _bursts_of_a_ratio(random: np.random.Generator, readers: int) -> Array:
    below = 1.0 + random.poisson(5.0, readers)
    return np.stack([below + 50.0 * (random.random(readers) < 0.002), below], axis=1)


ANY_DATA: tuple[tuple[str, Draw, Compare, int, int], ...] = (
    ("100 + N(0, 1), 1,000 more in 0.2 %", _bursts(0.002), compare_means, 25, 475),
    ("100 + N(0, 1), 1,000 more in 0.1 %", _bursts(0.001), compare_means, 50, 450),
    ("100 + N(0, 1), 1,000 more in 2 %", _bursts(0.02), compare_means, 50, 450),
    ("y = x, 50 more in 0.2 %; y / x", _bursts_of_a_ratio, compare_ratios, 25, 475),
    ("N(0, 1)", lambda random, readers: random.normal(size=(readers, 1)), compare_means, 50, 450),
    (
        "exponential, less 5",
        lambda random, readers: random.exponential(size=(readers, 1)) - 5.0,
        compare_means,
        25,
        475,
    ),
)
"""What is measured of a reader, and how many come to the treatment and to the control each day."""


def any_data_rows(experiments: int) -> list[list[str]]:
    """As unequal_rows, of amounts far from zero, of both signs, and of ratios."""
    random, rows = np.random.default_rng(6), []
    for name, draw, compare, treated, held in ANY_DATA:
        one, other = (_drawn(random, draw, experiments, daily) for daily in (treated, held))
        comparison = compare(one, other)
        readers = float(DAYS * (treated + held))
        judged = difference_sequence(comparison, readers, ALPHA).p_values[:, -1] <= ALPHA
        every = replace(comparison, contributors=np.full(comparison.contributors.shape, np.inf))
        early = difference_sequence(every, readers, ALPHA).p_values[:, -1] <= ALPHA
        fixed = difference_test(comparison, ALPHA).p_values[:, -1] <= ALPHA
        looks = judged_looks(comparison).sum(axis=-1).mean()
        share = treated / (treated + held)
        rows.append([name, f"{share:.0%}", _share(early), _share(judged), f"{looks:.0f}", _share(fixed)])
    return rows


def _drawn(random: np.random.Generator, draw: Draw, experiments: int, daily: int) -> Totals:
    each = []
    for _ in range(experiments):
        days = draw(random, DAYS * daily).reshape(DAYS, daily, -1)
        squares = np.einsum("dni,dnj->dij", days, days)
        cubes = np.einsum("dni,dnj,dnk->dijk", days, days, days)
        each.append((np.full(DAYS, float(daily)), days.sum(axis=1), squares, cubes))
    return accumulated(Totals(*(np.stack(parts) for parts in zip(*each, strict=True))))


def power_rows(name: str, panel: Panel, experiments: int) -> list[list[str]]:
    """A row for each effect, with and without covariates."""
    random = np.random.default_rng(2)
    columns = panel.rows.shape[1]
    rows = []
    for effect in EFFECTS:
        for label, chosen in (("no", list(range(columns - 1))), ("yes", list(range(columns)))):
            planned = plan(panel.baseline(chosen), effect, np.array([1e6]), np.array([0.5, 0.5]), ALPHA, POWER)
            fixed, sequence = planned.fixed_adjusted, planned.sequence_adjusted
            at_end = _at_end(random, panel, chosen, experiments, fixed.readers, effect)
            watched, stopped, missed = _watched(random, panel, chosen, experiments, sequence.readers, effect)
            rows.append(
                [
                    name, f"{effect:.0%}", label, f"{fixed.readers:,}", f"{at_end:.1%}", f"{sequence.readers:,}",
                    f"{watched:.1%}", f"{sequence.expected_readers:,}", f"{stopped:,.0f}",
                    f"{sequence.readers / fixed.readers:.2f}", f"{stopped / fixed.readers:.2f}", f"{missed:.1%}",
                ]
            )  # fmt: skip
    return rows


def _at_end(
    random: np.random.Generator, panel: Panel, columns: list[int], experiments: int, readers: int, effect: float
) -> float:
    """Power of one test at the end."""
    comparison = _compared(random, panel, columns, experiments, 1, readers, effect)
    return float((difference_test(comparison, ALPHA).p_values[:, -1] <= ALPHA).mean())


def _watched(
    random: np.random.Generator, panel: Panel, columns: list[int], experiments: int, readers: int, effect: float
) -> tuple[float, float, float]:
    """(power of the sequence, readers when it stops, share of experiments whose true lift it ever leaves out)."""
    comparison = _compared(random, panel, columns, experiments, DAYS, readers, effect)
    p = difference_sequence(comparison, readers, ALPHA).p_values <= ALPHA
    lifts = lift_sequence(comparison, readers, ALPHA)
    missed = np.any((lifts.low > effect) | (lifts.high < effect), axis=-1)
    look = np.where(p[:, -1], np.argmax(p, axis=-1), DAYS - 1)
    stopped = comparison.readers[np.arange(experiments), look].mean()
    return float(p[:, -1].mean()), float(stopped), float(missed.mean())


def _compared(
    random: np.random.Generator,
    panel: Panel,
    columns: list[int],
    experiments: int,
    looks: int,
    readers: int,
    lift: float,
) -> Comparison:
    treatment = panel.looks(random, experiments, looks, readers // 2, lift)
    control = panel.looks(random, experiments, looks, readers // 2, 0.0)
    return panel.compare(treatment.take(columns), control.take(columns))


def plan_rows() -> list[list[str]]:
    """What a sequence costs beside a fixed horizon, whatever the metric, by the number of looks."""
    baseline = Baseline(1.0, 1.0)
    rows = []
    for looks in (7, 14, 28, 56, 200):
        one = plan(baseline, 0.01, np.array([1e9]), np.array([0.5, 0.5]), ALPHA, POWER, looks=looks)
        rows.append(
            [
                str(looks),
                f"{one.sequence.readers / one.fixed.readers:.3f}",
                f"{one.sequence.expected_readers / one.fixed.readers:.3f}",
            ]
        )
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--experiments", type=int, default=2_000, help="A/A experiments; a multiple of 50")
    experiments = arguments.parse_args().experiments
    margin = 1.96 * math.sqrt(ALPHA * (1.0 - ALPHA) / experiments)
    start = time.perf_counter()
    print(machine())
    print(f"\n## False alarms of {experiments:,} A/A experiments (a true 5 % is seen as 5 % +- {margin:.1%})\n")
    header = ["metric", "sequence", "mSPRT", "sequence, time = readers", "t-test, every day", "t-test, last day"]
    print(table(header, false_alarms(experiments)))
    print("\n## Coins within 7 days, a small treatment\n")
    header = [
        "readers",
        "treated",
        "sequence from 100 readers on",
        "sequence",
        "looks judged of 28",
        "t-test, last day",
    ]
    print(table(header, unequal_rows(experiments)))
    print(f"\n## Any data, 14,000 readers, {experiments // 2:,} experiments\n")
    print(table(["metric", *header[1:]], any_data_rows(experiments // 2)))
    print(f"\n{time.perf_counter() - start:.0f} s\n\n## Readers for {POWER:.0%} power, both variants together\n")
    header = [
        "metric", "effect", "CUPED", "fixed", "power, simulated", "sequence, at most", "power, simulated",
        "sequence, expected", "simulated", "at most / fixed", "simulated / fixed", "true lift ever left out",
    ]  # fmt: skip
    rows = power_rows("coins per reader", coin_panel(), experiments // 2)
    rows += power_rows("clicks per impression", click_panel(), experiments // 2)
    print(table(header, rows))
    for name, panel in (("coins", coin_panel()), ("clicks", click_panel())):
        explained = panel.baseline(list(range(panel.rows.shape[1]))).explained
        print(f"\nthe covariate explains {explained:.0%} of the variance of {name}")
    print("\n## By number of looks\n")
    print(table(["looks", "readers at most / fixed", "expected / fixed"], plan_rows()))
    print(f"\n{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
