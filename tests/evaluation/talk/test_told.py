"""The dial told a part of the truth: what it is told is the truth, and the rest is what the chain has learned."""

from __future__ import annotations

import numpy as np
import pytest

from bandi.evaluation.talk.frozen import Frozen
from bandi.evaluation.talk.told import ToldReaders, ToldTitles, tell
from bandi.evaluation.worlds.funnel.parameters import preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.policy_config import Earning
from bandi.policies._chain_kernels import FACTORS
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import Candidates, Request
from bandi.policies.registry import make_policy


@pytest.fixture(scope="module")
def world() -> FunnelWorld:
    return FunnelWorld(resized(read_funnel(preset_file("calibrated")), readers=300, days=3, visits=300), 201)


def test_what_is_told_is_the_truth_and_the_rest_is_the_chain(world: FunnelWorld) -> None:
    chain, items = ChainStatistics(), np.arange(50, dtype=np.int32)
    titles = ToldTitles(chain, world.population_values())
    assert (titles.values_of(items, 0, 1.0, np.uint64(1)) == world.population_values()[items]).all()
    assert titles.factor_of(7) == chain.factor_of(7) and titles.reader_shares is chain.reader_shares
    factors = world.power / world.power.mean()
    readers = ToldReaders(chain, factors, np.full(len(FACTORS), 1 / len(FACTORS)))
    assert readers.factor_of(7) == factors[7]
    assert (readers.values_of(items, 0, 0.0, np.uint64(1)) == chain.values_of(items, 0, 0.0, np.uint64(1))).all()


def test_told_of_titles_the_dial_at_its_end_shows_those_worth_most(world: FunnelWorld, tiny: Frozen) -> None:
    """Nothing is known of clicks, so all titles have the same mean: over many draws lists bring more coins than untold ones."""
    config = Earning(give_up=0.9)
    plain = make_policy(config, 1)
    assert isinstance(plain, ChainPolicy)
    told = tell(plain, config, world, "titles")
    shown, request = Candidates(np.arange(400, dtype=np.int32)), Request(np.ones(1, np.float32), 0)
    values = world.population_values()
    brought = [
        np.mean([values[p.rank(request, shown, 10, seed).items].sum() for seed in range(30)]) for p in (told, plain)
    ]
    assert brought[0] > 2 * brought[1]
    assert "titles" in tiny.told.parts and "readers" in tiny.told.parts
