"""What learned examination is worth in the webtoon world: click rates with and without it; run: python -m bench.position.

8 worlds, 15,000 visits each; slot i is looked at with probability (1 + i)**-x.
"""

from __future__ import annotations

import msgspec
import numpy as np

from bandi.evaluation.intervals import t_interval
from bandi.evaluation.simulate import run_policy
from bandi.evaluation.worlds.parameters import WorldParameters, read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.policy_config import EpsilonGreedy, Learned, Thompson, Ucb1
from bandi.policies.registry import make_policy
from bench.measure import machine, table

VISITS, SEEDS = 15_000, 8
Kind = type[Thompson] | type[Ucb1] | type[EpsilonGreedy]


def main() -> None:
    print(machine(), "\n")
    rows = []
    for kind in (Thompson, Ucb1, EpsilonGreedy):
        for x in (0.35, 1.0):
            parameters = read_parameters()
            positions = msgspec.structs.replace(parameters.positions, examination=x)
            world = msgspec.structs.replace(parameters, positions=positions)
            ignored, learned = (click_rates(world, kind, position) for position in ("ignored", "learned"))
            gain = t_interval(learned / ignored - 1.0)
            rows.append(
                [
                    kind.__name__,
                    f"{x}",
                    f"{ignored.mean():.4f}",
                    f"{learned.mean():.4f}",
                    f"{gain.estimate:+.1%} ({gain.low:+.1%} to {gain.high:+.1%})",
                ]
            )
    print(table(["policy", "x", "ignored", "learned", "gain, 95 % interval"], rows))


def click_rates(parameters: WorldParameters, kind: Kind, position: Learned) -> np.ndarray:
    """Clicks per impression: float64[seeds]."""
    return np.array(
        [
            run_policy(position, make_policy(kind(position=position), 1), World(parameters, seed), seed, VISITS).ctr
            for seed in range(SEEDS)
        ]
    )


if __name__ == "__main__":
    main()
