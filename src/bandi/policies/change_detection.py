"""Change detection: a title whose rate has jumped is judged by what came since (Besson, Kaufmann, Maillard and Seznec 2022).

Each title's past is a row of blocks of trials and successes, over all segments: the latest of 64 trials, older ones joined
to 128, 256 ... , two of a size, so that any past fits in 32 blocks. When a block is full, the generalised likelihood ratio
of "one rate" against "another rate since this border" is taken at every border, and the largest tested. On an alarm the
title's counts, and those of its blocks, keep what came since the border, in each segment the same share of it. The
rate of false alarms is bounded over a title's whole life (_change_kernels.is_change), for trials whose number does not
depend on the rewards; a bandit's does, a little.
"""

from __future__ import annotations

import numpy as np

from bandi.model.policy_config import ChangeDetection
from bandi.model.records import Array
from bandi.policies._change_kernels import BLOCKS, add_and_test
from bandi.policies.protocol import Outcomes, State
from bandi.policies.window import grown


class Changes:
    """blocks: float32[items, 32, 2]; progress: int32[items, 2], closed blocks and tests since an alarm; 264 bytes per title."""

    def __init__(self, config: ChangeDetection) -> None:
        self._false_alarms = config.false_alarms
        self._blocks = np.zeros((0, BLOCKS, 2), np.float32)
        self._progress = np.zeros((0, 2), np.int32)
        self._alarms = np.zeros(1, np.int64)

    @property
    def alarms(self) -> int:
        """How many there have been, over all titles."""
        return int(self._alarms[0])

    @property
    def nbytes(self) -> int:
        """Memory of blocks and progress."""
        return int(self._blocks.nbytes + self._progress.nbytes)

    def reserve(self, items: int) -> None:
        """Room for so many items."""
        self._blocks, self._progress = grown(self._blocks, items), grown(self._progress, items)

    def add(self, counts: Array, used: int, outcomes: Outcomes) -> None:
        """Add outcomes to `counts` (float32[items, segments, 2]). O(rows)."""
        add_and_test(
            counts, self._blocks, self._progress, self._alarms, outcomes.items, outcomes.segments, outcomes.trials,
            outcomes.rewards, self._false_alarms,
        )  # fmt: skip

    def merge(self, counts: Array, used: int, other: State) -> None:
        """Add another shard: what both knew of a title becomes one block, within which no change is found any more."""
        blocks, progress, alarms = _checked(other)
        counts[: len(blocks)] += np.asarray(other["counts"])
        both = np.flatnonzero(self._blocks[: len(blocks)].any(axis=(1, 2)) & blocks.any(axis=(1, 2)))
        sums = self._blocks[both].sum(axis=1) + blocks[both].sum(axis=1)
        self._blocks[: len(blocks)] += blocks
        self._progress[: len(blocks)] += progress
        self._blocks[both] = 0.0
        self._blocks[both, 0] = sums
        self._progress[both, 0] = 0
        self._alarms += alarms

    def dump(self, used: int) -> State:
        """Copy of blocks, progress and the number of alarms."""
        return {
            "blocks": self._blocks[:used].copy(),
            "progress": self._progress[:used].copy(),
            "alarms": self._alarms.copy(),
        }

    def load(self, state: State) -> None:
        """Replace by what `dump` gave. Raises ValueError where it does not fit."""
        blocks, progress, alarms = _checked(state)
        self._blocks, self._progress = np.array(blocks, np.float32), np.array(progress, np.int32)
        self._alarms[:] = alarms


def _checked(state: State) -> tuple[Array, Array, Array]:
    blocks, progress, alarms = (np.asarray(state.get(name)) for name in ("blocks", "progress", "alarms"))
    sound = blocks.dtype == np.float32 and blocks.shape[1:] == (BLOCKS, 2) and progress.shape == (len(blocks), 2)
    if not sound or alarms.shape != (1,) or (progress < 0).any() or (progress[:, 0] >= BLOCKS).any():
        raise ValueError(f"blocks: expected float32[items, {BLOCKS}, 2] and their progress, found {blocks.dtype}")
    return blocks, progress, alarms
