"""What a placement's chain says of titles: coins expected of a start, and what that rests on."""

from __future__ import annotations

import numpy as np

from bandi.engine.state import PlacementState
from bandi.model.answers import ChainSummary, CoinsArm
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array
from bandi.policies._chain_kernels import COINS_EACH, RATE, READER_SHAPE
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import StepPriors
from bandi.policies.seen import within


def chain_of(placement: PlacementState) -> ChainStatistics | None:
    """The chain of a placement's policy; None where it looks at clicks alone."""
    policy = within(placement.policy)
    return policy.chain if isinstance(policy, ChainPolicy) else None


def coins_arms(
    placement: PlacementState, items: Array, texts: list[str], now_ms: int, priors: StepPriors | None = None
) -> list[CoinsArm]:
    """One for each of `items` (int32[n]), in their order. priors: what titles start from, None: all from the average.

    Raises InvalidInputError where the policy has no chain.
    """
    chain = chain_of(placement)
    if chain is None:
        found, expected = f"the policy {placement.version}", "a policy with `then`, such as earning or value"
        raise InvalidInputError(Problem("$.placement", found, expected))
    chain, last = chain.believing(priors), chain.steps - 1
    columns = (
        chain.values_of(items, now_ms, 0.0, np.uint64(0)), chain.payments_of(items, now_ms), chain.factors_of(items, last, now_ms),
        chain.payers_of(items), chain.exposure_of(items, last, now_ms),
    )  # fmt: skip
    rows = zip(items.tolist(), *(column.tolist() for column in columns), strict=True)
    return [CoinsArm(placement.name, texts[item], *figures) for item, *figures in rows]


def chain_summary(chain: ChainStatistics) -> ChainSummary:
    """What all titles of a chain share."""
    return ChainSummary(
        rates=[float(rate) for rate in chain.shared[:, RATE]],
        rewards=[float(total) for total in chain.rewards.clip(min=0.0).sum(axis=0)],
        coins_each=float(chain.globals_[COINS_EACH]),
        reader_spread=1.0 / float(chain.globals_[READER_SHAPE]),
    )
