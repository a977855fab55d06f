"""The editors' pick: items in the order the editors gave them; the baseline that everything is compared with.

Items with an `editor_rank` come first, rank 1 foremost, then the others in the order in which the catalogue first named
them. It learns nothing, but counts, so that its arms can be looked at beside the others'.

>>> import numpy as np
>>> from bandi.model.policy_config import Editor
>>> from bandi.policies.protocol import Candidates, Ranked, Request, Request
>>> from bandi.policies.registry import make_policy
>>> shown = Candidates(np.arange(3, dtype=np.int32), np.array([0, 2, 1], np.int32))
>>> make_policy(Editor(), segments=1).rank(Request(np.ones(1, np.float32), 0), shown, k=3, seed=1).items.tolist()
[2, 1, 0]
"""

from __future__ import annotations

import numpy as np

from bandi.policies.arms import BetaArms
from bandi.policies.protocol import Candidates, Ranked, Request

_UNRANKED = np.iinfo(np.int32).max


class EditorRule:
    """Scores are posterior means: what is known of the item, though it does not decide."""

    def choose(self, arms: BetaArms, request: Request, candidates: Candidates, k: int, seed: np.uint64) -> Ranked:
        """O(candidates) and a sort of the k chosen."""
        posterior = arms.gather(request, candidates)
        n = len(candidates.items)
        ranks = np.zeros(n, np.int32) if candidates.editor_ranks is None else candidates.editor_ranks
        order = np.where(ranks > 0, ranks, _UNRANKED).astype(np.int64) * n + np.arange(
            n
        )  # equal ranks: catalogue order
        chosen = np.argpartition(order, k - 1)[:k] if k < n else np.arange(n)
        chosen = chosen[np.argsort(order[chosen])]
        return Ranked(candidates.items[chosen], posterior.mean[chosen].astype(np.float32))
