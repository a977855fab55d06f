"""What `seen` is worth where readers tire, and where not: expected clicks against the bare policy; run: python -m bench.fatigue.

Worlds of 40 titles, 150 readers and lists of 5, 15,000 requests over 31 days, feedback every 10 requests, seeds 0 to 3. Thompson
sampling; all slots are looked at alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.config import Seen
from bandi.model.policy_config import Thompson
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy
from bench.measure import machine, table

TITLES, READERS, K = 40, 150, 5
ROUNDS, BATCH = 1_500, 10
STEP_DAYS = 1 / 48
DAY_MS = 86_400_000
SEEDS = 4
STEEP = (1.0, 0.7, 0.5, 0.35, 0.35, 0.25, 0.25, 0.25, 0.25, 0.2)
MILD = (1.0, 0.9, 0.85, 0.8, 0.75, 0.7)
NEVER = (1.0,)


@dataclass(frozen=True, slots=True)
class World:
    """tiring: what is left of a click rate after 0, 1, ... showings; recovery: half-life in days; taste: its log-normal sigma."""

    name: str
    tiring: tuple[float, ...]
    recovery_days: float
    taste: float


WORLDS = (
    World("tires, recovers by half in 3 days", STEEP, 3.0, 0.0),
    World("tires, recovers by half in a day", STEEP, 1.0, 0.0),
    World("tires, recovers in 3 days, tastes differ", STEEP, 3.0, 0.5),
    World("tires little, recovers in 3 days", MILD, 3.0, 0.0),
    World("never tires, readers alike", NEVER, 1_000.0, 0.0),
    World("never tires, tastes differ", NEVER, 1_000.0, 0.7),
    World("tires and never recovers", STEEP, 1_000.0, 0.0),
)


def main() -> None:
    print(machine(), "\n")
    rows = []
    for world in WORLDS:
        half_life = f"{world.recovery_days:g}d"
        row = [world.name]
        bare = np.array([expected_clicks(world, None, seed) for seed in range(SEEDS)])
        for seen in (Seen(half_life=half_life), Seen(strength=0.3, half_life=half_life)):
            gains = np.array([expected_clicks(world, seen, seed) for seed in range(SEEDS)]) / bare - 1.0
            row.append(f"{gains.mean():+.1%} ({gains.min():+.1%} to {gains.max():+.1%})")
        rows.append(row)
    print(table(["world", "seen, learned: mean (least to most)", "strength = 0.3"], rows))


def expected_clicks(world: World, seen: Seen | None, seed: int) -> float:
    """Sum of true click probabilities over all lists of a run."""
    random = np.random.default_rng(seed)
    policy = make_policy(Thompson(), 1, seen)
    spread = np.exp(world.taste * random.normal(size=(READERS, TITLES)) - world.taste**2 / 2)
    appeal = np.clip(random.beta(2, 10, TITLES) * spread, 0.0, 0.9)
    tiring, shown, total = np.array(world.tiring), np.zeros((READERS, TITLES)), 0.0
    candidates, weights = Candidates(np.arange(TITLES, dtype=np.int32)), np.ones(1, np.float32)
    rows, slots = BATCH * K, np.tile(np.arange(K, dtype=np.int32), BATCH)
    for step in range(ROUNDS):
        now = int(step * STEP_DAYS * DAY_MS)
        shown *= 2.0 ** -(STEP_DAYS / world.recovery_days)
        readers = random.integers(0, READERS, BATCH).astype(np.int32)
        lists = np.empty((BATCH, K), np.int32)
        for i, reader in enumerate(readers):
            request = Request(weights, now, int(reader))
            lists[i] = policy.rank(request, candidates, K, (seed << 32) + step * BATCH + i).items
        before = np.minimum(np.round(shown[readers[:, None], lists]).astype(int), len(tiring) - 1)
        chances = appeal[readers[:, None], lists] * tiring[before]
        clicks = random.random(lists.shape) < chances
        total += float(chances.sum())
        for i, reader in enumerate(readers):
            shown[reader, lists[i]] = np.where(clicks[i], 0.0, shown[reader, lists[i]] + 1.0)
        policy.update(
            Outcomes(
                lists.ravel(), np.zeros(rows, np.int32), np.ones(rows, np.float32), clicks.ravel().astype(np.float32),
                np.full(rows, now), users=np.repeat(readers, K), slots=slots,
            )
        )  # fmt: skip
    return total


if __name__ == "__main__":
    main()
