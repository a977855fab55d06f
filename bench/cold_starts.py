"""What priors by content are worth in the funnel worlds: on all impressions, and on those of titles in their first days.

Run: python -m bench.cold_starts [--world calibrated] [--first-seed 101] [--seeds 4] [--visits N] [--constant]

In one world all policies meet the same readers with the same luck. CTR and coins are those that the truth expected of the
impressions shown. A title is new in its first week from its launch, where it launched during the run; what an impression of
it is worth is the population's mean attraction, and that times the coins expected of a start. With --constant also priors
that know nothing of titles: level and strength are learned all the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from unittest import mock

import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.talk.watched import steps_to_send
from bandi.evaluation.worlds.funnel.beliefs import ByContent, believe_by_content
from bandi.evaluation.worlds.funnel.parameters import preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.running import Plan, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.learning.content_features import Content, level_alone
from bandi.model.policy_config import Earning, Thompson
from bandi.model.records import Array
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request
from bandi.policies.registry import make_policy
from bench.measure import machine, table

NEW_DAYS = 7
MEASURES = (
    "CTR",
    "coins a reader",
    "impressions on new titles",
    "CTR of new titles",
    "coins of 1,000 impressions of new titles",
)
Case = tuple[Thompson | Earning, ByContent | None]
CASES: dict[str, Case] = {
    "thompson": (Thompson(), None),
    "thompson, clicks by content": (Thompson(), "clicks"),
    "earning": (Earning(give_up=0.05), None),
    "earning, clicks by content": (Earning(give_up=0.05), "clicks"),
    "earning, steps by content": (Earning(give_up=0.05), "steps"),
    "earning, both by content": (Earning(give_up=0.05), "clicks and steps"),
}


class Counting:
    """A policy whose impressions are counted by day and title."""

    def __init__(self, policy: BernoulliPolicy | ChainPolicy, days: int, titles: int) -> None:
        self.policy, self.shown = policy, np.zeros((days, titles), np.int64)

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        ranked = self.policy.rank(request, candidates, k, seed)
        self.shown[(request.occurred_ms - START_MS) // DAY_MS, ranked.items] += 1
        return ranked

    def update(self, outcomes: Outcomes) -> None:
        self.policy.update(outcomes)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--world", default="calibrated")
    asked.add_argument("--first-seed", type=int, default=101)
    asked.add_argument("--seeds", type=int, default=4)
    asked.add_argument("--visits", type=int)
    asked.add_argument("--constant", action="store_true")
    asked.add_argument("--only", nargs="*", help="names of policies as in the table; their bases are needed too")
    options = asked.parse_args()
    parameters = resized(read_funnel(preset_file(options.world)), visits=options.visits)
    cases: dict[str, tuple[Case, Callable[..., Content] | None]] = {name: (case, None) for name, case in CASES.items()}
    if options.constant:
        constant = {name: case for name, case in CASES.items() if case[1] is not None}
        cases |= {name.replace("by content", "by level"): (case, _level) for name, case in constant.items()}
    if options.only:
        cases = {name: case for name, case in cases.items() if name in options.only}
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in cases}
    began = time.perf_counter()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        world = FunnelWorld(parameters, seed)
        for name, (case, content) in cases.items():
            if content is None:
                found[name].append(measured(world, *case))
            else:
                with mock.patch("bandi.evaluation.worlds.funnel.beliefs.visible_content", content):
                    found[name].append(measured(world, *case))
        print(report(found), f"\n{time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    print(machine(), f"\n\nworld {options.world}, {options.seeds} worlds from seed {options.first_seed}\n")
    print(report(found))


def measured(world: FunnelWorld, config: Thompson | Earning, by_content: ByContent | None) -> tuple[float, ...]:
    """MEASURES of one run."""
    policy = make_policy(config, 1)
    assert isinstance(policy, BernoulliPolicy | ChainPolicy)
    parameters = world.parameters
    counting = Counting(policy, parameters.run.days, parameters.titles.count)
    steps = steps_to_send(config)[0][: len(getattr(config, "then", ()))]
    believe = None if by_content is None else believe_by_content(policy, config.prior, by_content, world.catalogue)
    result = run_funnel("", counting, world, Plan(steps=steps), believe=believe)  # type: ignore[arg-type]
    return (result.expected_ctr, result.expected_coins_per_reader, *_of_new(world, counting.shown))


def _of_new(world: FunnelWorld, shown: Array) -> tuple[float, float, float]:
    """Share of impressions on titles in their first days, what such an impression is worth in clicks, and 1,000 in coins."""
    launch = (world.catalogue.launched_ms - START_MS) // DAY_MS
    age = np.arange(len(shown))[:, None] - launch
    new = np.where((launch > 0) & (age >= 0) & (age < NEW_DAYS), shown, 0)
    attraction = np.array([world.population(day) for day in range(len(shown))])
    clicks = (new * attraction).sum() / new.sum()
    coins = 1_000.0 * (new * attraction * world.population_values()).sum() / new.sum()
    return float(new.sum() / shown.sum()), float(clicks), float(coins)


def _level(catalogue: object, now_ms: int) -> Content:
    return level_alone(len(catalogue.genres))  # type: ignore[attr-defined]


def report(found: dict[str, list[tuple[float, ...]]]) -> str:
    """Means; in brackets the relative difference to the same policy without priors by content, with 95 % t-intervals."""
    rows = []
    for name, runs in found.items():
        base = np.array(found[name.partition(",")[0]][: len(runs)])
        values = np.array(runs)
        cells = [_cell(values[:, n], None if "," not in name else base[:, n], n) for n in range(len(MEASURES))]
        rows.append([name, *cells])
    return table(["policy", *MEASURES], rows)


def _cell(values: Array, base: Array | None, measure: int) -> str:
    text = f"{values.mean():.2%}" if measure in (0, 2, 3) else f"{values.mean():.3g}"
    if base is None:
        return text
    change = 100.0 * (values / base - 1.0)
    if len(change) < 2:
        return f"{text} ({change[0]:+.1f} %)"
    found = t_interval(change)
    return f"{text} ({found.estimate:+.1f} %: {found.low:+.1f} to {found.high:+.1f})"


if __name__ == "__main__":
    main()
