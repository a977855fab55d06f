"""How many segments: for each number, what they foretell and whether they would be found again.

Two kinds of evidence, on a sample of readers. *Foretelling*: the held-out log-likelihood of each reader's newest title
(`held_out`), under segments fitted to what was read before it. *Stability*: the segments are fitted to two bootstrap samples,
each of half of the readers' number (4,000 at most), all readers are put into their heaviest segment by both, and the two partitions
are compared by the adjusted Rand index (Hubert and Arabie 1985, eq. 5): 1 for equal ones, 0 as by chance.

The rule: the smallest number whose log-likelihood falls short of the best by no more than one standard error of the
difference between the two, which is taken over readers. This is the one-standard-error rule (Breiman, Friedman, Olshen and
Stone 1984, section 3.4.3) for paired samples: readers differ far more from each other than two numbers of segments do.
Stability is shown beside it and decides nothing: it falls with every further segment, and an earlier partition is kept from
training to training where it is as good (`fit_segments`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array
from bandi.segments.fitting import fit_segments
from bandi.segments.held_out import READERS, HeldOut, hold_out
from bandi.segments.model import MAX_SEGMENTS, Method
from bandi.segments.softness import soften

KS = (1, 2, 4, 6, 8, 12, 16, 24)
PAIRS, HALF = 5, 4_000
"""Pairs of bootstrap samples, and the readers in each at most."""
RULE = "the smallest k whose log-likelihood is within one standard error of the best"

OnK = Callable[[int], None]
"""Called after each number of segments with it."""


class Evidence(msgspec.Struct, frozen=True):
    """What speaks for k segments.

    used: segments with readers; log_likelihood: nats a read, mean over readers, and its standard_error; perplexity:
    exp(-log_likelihood), titles among which the next read is as good as drawn; shortfall: of the best log-likelihood, and
    shortfall_error, the standard error of that difference; stability: mean adjusted Rand index, and its standard deviation
    over pairs of fits.
    """

    k: int
    used: int
    log_likelihood: float
    standard_error: float
    perplexity: float
    shortfall: float
    shortfall_error: float
    stability: float
    stability_deviation: float


class Choice(msgspec.Struct, frozen=True):
    """The number of segments that the rule suggests, with the evidence for all. readers: how many it rests on."""

    suggested: int
    readers: int
    rule: str
    evidence: list[Evidence]


def choose_k(
    recent: Array,
    titles: Array,
    ks: Sequence[int] = KS,
    method: Method = "soft",
    seed: int = 1,
    readers: int = READERS,
    on_k: OnK | None = None,
) -> Choice:
    """Weigh the numbers `ks` (each 1 to 64). O(fits of at most `readers` readers); seconds for 20,000 (docs/segments.md).

    recent: int32[n, m], newest first, -1 where there is none; titles: float32[items, d]. To be honest, titles' vectors that
    were learned from reads should be learned without the newest one of each reader. Where nobody has two titles, 1 is
    suggested without evidence. Raises InvalidInputError.
    """
    numbers = sorted(set(ks))
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= MAX_SEGMENTS:
        raise InvalidInputError(Problem("segments.k", repr(list(ks)), f"one or more numbers from 1 to {MAX_SEGMENTS}"))
    held_out = hold_out(recent, titles, readers, seed)
    if not len(held_out.newest):
        return Choice(1, 0, RULE, [])
    found: list[tuple[int, Array, Array]] = []
    for k in numbers:
        model = soften(fit_segments(held_out.vectors, k, method, seed), held_out)
        scores = held_out.log_likelihoods(model.memberships(held_out.vectors))
        found.append((int((model.shares > 0).sum()), scores, _stability(held_out, k, method, seed)))
        if on_k is not None:
            on_k(k)
    best = max((scores for _, scores, _ in found), key=lambda scores: float(scores.mean()))
    evidence = [_evidence(k, *facts, best) for k, facts in zip(numbers, found, strict=True)]
    return Choice(suggest(evidence), len(held_out.newest), RULE, evidence)


def suggest(evidence: Sequence[Evidence]) -> int:
    """The k of the module's rule. evidence: one or more, by ascending k."""
    return next(row.k for row in evidence if row.shortfall <= row.shortfall_error)


def adjusted_rand_index(first: Array, second: Array) -> float:
    """How far two partitions agree: int[n] each, labels from 0; 1 for the same, 0 expected by chance. O(n + labels**2).

    Hubert and Arabie (1985), "Comparing partitions", eq. 5. Two partitions without any division agree: 1.
    """
    table = np.zeros((int(first.max(initial=0)) + 1, int(second.max(initial=0)) + 1))
    np.add.at(table, (first, second), 1.0)
    together = _pairs(table).sum()
    rows, columns = _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
    expected = rows * columns / max(float(_pairs(np.float64(len(first)))), 1.0)
    most = (rows + columns) / 2.0
    return 1.0 if most <= expected else float((together - expected) / (most - expected))


def _pairs(counts: Array | np.float64) -> Array:
    return np.asarray(counts * (counts - 1.0) / 2.0)


def _stability(held_out: HeldOut, k: int, method: Method, seed: int) -> Array:
    """Adjusted Rand indexes of PAIRS pairs of fits: float64[PAIRS]."""
    vectors = held_out.vectors
    half = min(max(len(vectors) // 2, 1), HALF)
    found = []
    for pair in range(PAIRS):
        random = np.random.default_rng([seed, pair])
        labels = [
            fit_segments(vectors[random.integers(0, len(vectors), half)], k, method, seed + 2 * pair + side)
            .memberships(vectors)
            .argmax(axis=1)
            for side in (0, 1)
        ]
        found.append(adjusted_rand_index(labels[0], labels[1]))
    return np.array(found)


def _evidence(k: int, used: int, scores: Array, stabilities: Array, best: Array) -> Evidence:
    mean, root = float(scores.mean()), math.sqrt(len(scores))
    return Evidence(
        k,
        used,
        mean,
        float(scores.std()) / root,
        math.exp(-mean),
        float(best.mean()) - mean,
        float((best - scores).std()) / root,
        float(stabilities.mean()),
        float(stabilities.std()),
    )
