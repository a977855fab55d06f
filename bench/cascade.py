"""Which model of examination fits which reader: clicks and learned rates of Thompson sampling; run: python -m bench.cascade.

8 worlds of 200 titles, half of them of a genre that gets clicks; 15,000 lists of 10, a third each from all titles and from
one genre's. A cascade reader goes on below a click with probability 0.3; a position-based one looks at slot i with
probability (1 + i)**-0.8. Beside them: impressions counted whole.
"""

import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.model.policy_config import Position, Thompson
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy
from bench.measure import machine, table

TITLES, SLOTS, LISTS, BATCH, SEEDS = 200, 10, 15_000, 20, 8
HOT = np.arange(TITLES) < TITLES // 2
POSITIONS: tuple[Position, ...] = ("cascade", "learned", "ignored")


def looks(reader: str, wanted: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Which slots are looked at. wanted: bool[slots], whether each title would be clicked there."""
    if reader == "cascade":
        stops = wanted & (random.random(SLOTS) >= 0.3)
        return np.asarray(np.cumsum(stops) - stops == 0)
    return np.asarray(random.random(SLOTS) < 1.0 / (1.0 + np.arange(SLOTS)) ** 0.8)


def run(reader: str, position: Position, seed: int) -> tuple[float, float, float]:
    """Clicks per list; relative error of learned rates, weighed by trials, of the hot genre and of the other."""
    random = np.random.default_rng(seed)
    appeal = np.where(HOT, random.beta(3, 9, TITLES), random.beta(1, 14, TITLES))
    policy, request = make_policy(Thompson(position=position), 1), Request(np.ones(1, np.float32), 0)
    pages = [np.arange(TITLES), np.flatnonzero(HOT), np.flatnonzero(~HOT)]
    clicks = 0
    shown, clicked = np.empty((BATCH, SLOTS), np.int32), np.empty((BATCH, SLOTS), np.bool_)
    for first in range(0, LISTS, BATCH):
        for visit in range(BATCH):
            page = Candidates(pages[random.integers(3)].astype(np.int32))
            shown[visit] = policy.rank(request, page, SLOTS, (seed << 32) + first + visit).items
            wanted = random.random(SLOTS) < appeal[shown[visit]]
            clicked[visit] = wanted & looks(reader, wanted, random)
        clicks += int(clicked.sum())
        rows = BATCH * SLOTS
        policy.update(
            Outcomes(
                shown.ravel(), np.zeros(rows, np.int32), np.ones(rows, np.float32), clicked.ravel().astype(np.float32),
                np.zeros(rows, np.int64), slots=np.tile(np.arange(SLOTS, dtype=np.int32), BATCH),
                requests=np.repeat(np.arange(first + 1, first + BATCH + 1, dtype=np.uint64), SLOTS),
            )
        )  # fmt: skip
    believed = policy.posterior(np.arange(TITLES, dtype=np.int32), 0, 0)
    expected = believed.trials * appeal
    hot, cold = ((believed.successes - expected)[part].sum() / expected[part].sum() for part in (HOT, ~HOT))
    return clicks / LISTS, float(hot), float(cold)


def main() -> None:
    print(machine(), "\n")
    rows = []
    for reader in ("cascade", "position-based"):
        found = {position: np.array([run(reader, position, seed) for seed in range(SEEDS)]) for position in POSITIONS}
        for position, runs in found.items():
            gain, *errors = (
                t_interval(numbers) for numbers in (runs[:, 0] / found["ignored"][:, 0] - 1.0, runs[:, 1], runs[:, 2])
            )
            cells = [f"{each.estimate:+.1%} ({each.low:+.1%} to {each.high:+.1%})" for each in (gain, *errors)]
            rows.append([reader, position, f"{runs[:, 0].mean():.3f}", *cells])
    print(table(["reader", "position", "clicks a list", "against `ignored`", "error, hot genre", "error, other"], rows))


if __name__ == "__main__":
    main()
