"""The kernels that requests use are those that were warmed."""

import numpy as np

from bandi.arrangement._arrangement_kernels import arrange_list
from bandi.arrangement._diversity_kernels import choose
from bandi.arrangement.arranging import arrange
from bandi.arrangement.diversity import Caps, Diversity, Mmr, Quotas, diversify
from bandi.arrangement.rules import compile_rules, in_force
from bandi.arrangement.warm import warm
from bandi.model.rules import Boost, Pin
from bandi.policies.protocol import Ranked


def test_no_request_compiles_a_kernel() -> None:
    warm()
    before = [len(kernel.signatures) for kernel in (arrange_list, choose)]
    vectors = np.eye(9, dtype=np.float32)
    vectors.flags.writeable = False  # as those mapped from a file
    everything = Diversity(
        Caps(np.ones((2, 9), np.int64), np.array([0.5, 1.0])),
        Quotas(np.array([0.1]), np.array([1.0])),
        Mmr(vectors, 0.5),
    )
    pin = Pin(id="p", owner="o", reason="r", ends_at=2.0, item="3", slot=1)
    boost = Boost(id="b", owner="o", reason="r", ends_at=2.0, items=("4",), factor=2.0)
    rules = in_force(compile_rules([pin, boost], int, "home"), 0)
    pool = Ranked(np.arange(9, dtype=np.int32), np.ones(9, np.float32))
    arrange(pool, 3, rules, everything, np.ones(9, np.uint8), np.array([True]))
    arrange(pool, 3, rules, Diversity(mmr=Mmr(np.eye(9), 0.5)))
    arrange(pool, 3, rules, Diversity())
    diversify(pool, 3, everything)
    assert [len(kernel.signatures) for kernel in (arrange_list, choose)] == before
