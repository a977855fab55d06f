"""The experiment over many worlds and draws of the lot: bias, coverage and false alarms of each way of comparing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bandi.evaluation.intervals import Interval, t_interval
from bandi.evaluation.puzzle.design import SCENARIOS, Design, Outcome, Scenario
from bandi.evaluation.puzzle.estimating import Answers, answers, drawn, rows_of, units
from bandi.evaluation.puzzle.payments import Payments
from bandi.evaluation.puzzle.starts import potential_starts
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.experiments.inference.proportions import share_interval
from bandi.model.records import Array


class Answered(NamedTuple):
    """Answers of one draw in one world. rows: readers and titles drawn for."""

    scenario: str
    seed: int
    draw: int
    rows: int
    answers: Answers


class Judged(NamedTuple):
    """One method over all worlds and draws, for one scenario and outcome; intervals of 95 %.

    effect: by the truth, of a row for the intention to treat, else of a start; estimate: its mean; bias: mean over worlds of
    the mean error over draws; spread: standard deviation of estimates; covers: share of intervals that hold the effect; found:
    share that exclude 0; width: median of the intervals'.
    """

    effect: float
    estimate: float
    bias: Interval
    spread: float
    covers: Interval
    found: Interval
    width: float


def run_study(
    design: Design, scenarios: Sequence[Scenario] = SCENARIOS, progress: Callable[[int], None] | None = None
) -> list[Answered]:
    """All draws in all worlds. progress: called with the draws done since. A tenth of a second a draw of 50,000 readers."""
    found = []
    for seed in range(design.first_seed, design.first_seed + design.seeds):
        world = FunnelWorld(design.parameters(), seed)
        starts = potential_starts(world, design)
        rows, texts = rows_of(starts), units(starts)
        lots = [drawn(texts, design.featured, f"puzzle-{seed}-{draw}") for draw in range(design.draws)]
        for scenario in scenarios:
            payments = Payments(world, starts, scenario, design)
            for draw, encouraged in enumerate(lots):
                for one in answers(payments, rows, starts, encouraged):
                    found.append(Answered(scenario.name, seed, draw, len(rows.readers), one))
                if progress is not None:
                    progress(1)
    return found


def judge(answered: Sequence[Answered], scenario: str, outcome: Outcome, method: str) -> Judged:
    """One method's record. Raises ValueError where nothing was answered."""
    own = [one for one in answered if one.scenario == scenario and one.answers.outcome == outcome]
    if not own:
        raise ValueError(f"nothing of {scenario}, {outcome}")
    truth = np.array([one.answers.intention if method == "intention" else one.answers.effect for one in own])
    said = np.array([one.answers.methods[method] for one in own])
    estimate, low, high = said[:, 0], said[:, 1], said[:, 2]
    seeds = np.array([one.seed for one in own])
    errors = np.array([(estimate - truth)[seeds == seed].mean() for seed in np.unique(seeds)])
    return Judged(
        float(truth.mean()),
        float(estimate.mean()),
        t_interval(errors),
        float(estimate.std(ddof=1)) if len(own) > 1 else 0.0,
        _share((low <= truth) & (truth <= high)),
        _share((low > 0.0) | (high < 0.0)),
        float(np.median(high - low)),
    )


def _share(happened: Array) -> Interval:
    bounds = share_interval(np.asarray(float(happened.sum())), np.asarray(float(len(happened))))
    return Interval(float(bounds.estimates), float(bounds.low), float(bounds.high))
