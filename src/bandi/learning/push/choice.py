"""Who gets a message: the pairs of most uplift under a budget, one a reader, and a random share of them held back.

Every message costs the same, so taking the pairs in the order of their uplift until the budget is spent solves the
knapsack exactly (Dantzig 1957). The order is by a draw from each stratum's posterior (Thompson 1933): what is little known is
tried. A stratum whose posterior mean and draw are both not above 0 is left out: messages seem to do harm there. Within a
stratum the order is random.
"""

from __future__ import annotations

import numpy as np

from bandi.learning.push._message_kernels import MESSAGE
from bandi.learning.push.pairs import Pairs
from bandi.learning.push.uplift import Uplift
from bandi.model.records import Array


def choose(
    pairs: Pairs, strata: Array, send_ms: Array, learned: Uplift, scores: Array, budget: int, holdout: float, seed: int
) -> Array:
    """The messages, most uplift first: MESSAGE[m], of which at most `budget` are sent; the others are marked as held.

    scores: float64[strata], drawn; strata: int16[n] and send_ms: int64[n] of the pairs; holdout: share held back; seed: all
    the randomness. `request` and `until_ms` are still to be filled in. O(n log n).
    """
    random = np.random.default_rng(seed)
    values, noise = scores[strata], random.random(len(strata))
    order = np.lexsort((noise, -values))
    order = order[(values > 0)[order] | (learned.mean[strata] > 0)[order]]
    _, firsts = np.unique(pairs.users[order], return_index=True)
    order = order[np.sort(firsts)]
    held = random.random(len(order)) < holdout
    spent = np.cumsum(~held)
    stop = int(np.searchsorted(spent, budget)) + 1 if budget > 0 else 0
    order, held = order[:stop], held[:stop]
    rows = np.zeros(len(order), MESSAGE)
    chosen = strata[order]
    rows["user"], rows["item"], rows["send_ms"] = pairs.users[order], pairs.items[order], send_ms[order]
    rows["stratum"], rows["held"] = chosen, held
    rows["anyway"], rows["uplift"] = learned.anyway[chosen], learned.mean[chosen]
    return rows
