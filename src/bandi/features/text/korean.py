"""Korean words to morphemes: kiwipiepy analyses the words that matter, a lexicon learned from it splits the others.

The analyser takes some 2 ms for 200 characters, four times what the speed that Bandi promises allows. But a catalogue's
words repeat: the most frequent distinct words (space to space) are analysed once and kept. From their analyses the lexicon
also learns *stems* (a word's beginning up to its last kept morpheme: 봤 of 봤는데) and *tails* (the particles and endings
behind it: 는데), and which tails follow which kind of stem. Any other word is split into known words and stem-tail pairs by
the most probable path (Viterbi 1967; a unigram model as in Kudo 2018, "Subword regularization", section 3.2). So a word's
morphemes depend on the lexicon and the word alone, and new texts are read without the analyser; what that costs in quality
stands in `docs/text-vectors.md`.

Kept: nouns, pronouns, numerals, predicates, roots, adverbs (안 and 못 among them), determiners, interjections. Dropped: particles,
endings, copulas, affixes. A predicate is written in its dictionary form (보다, 없다); 하다 behind a word of two or more
syllables goes, so that 지루하다 and 지루함 share 지루.
"""

from __future__ import annotations

import logging
import math
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

MAX_WORD = 40
"""Syllables; a longer stretch of Hangul without a space is cut into such pieces."""
MAX_PIECE, MAX_TAIL = 12, 8
JOINT_COST = 6.0
"""Negative log probability of a missing space between two words of a path; from 3 to 9 the paths hardly differ."""
_FEWEST_STEMS = 2
"""A tail seen behind fewer stems is more likely a slip of the analyser."""

Words = tuple[str, ...]


class Morpheme(NamedTuple):
    """A piece of a word. tag: Sejong tag, without the analyser's suffixes; first, stop: syllables that it touches."""

    form: str
    tag: str
    first: int
    stop: int


Analyse = Callable[[Sequence[str]], list[list[Morpheme]]]


@cache
def kiwi_analyser() -> Analyse | None:
    """The analyser kiwipiepy, loaded once (2 s); None where it is not installed, which is logged once."""
    try:
        from kiwipiepy import Kiwi  # noqa: PLC0415  an extra
    except ImportError:
        logging.getLogger(__name__).warning(
            "kiwipiepy is not installed: Korean falls back to pairs of syllables; pip install 'bandi[korean]'"
        )
        return None
    kiwi = Kiwi(num_workers=len(os.sched_getaffinity(0)))

    def analyse(words: Sequence[str]) -> list[list[Morpheme]]:
        return [[_read(token) for token in tokens] for tokens in kiwi.tokenize(words)]

    return analyse


def _read(token: Any) -> Morpheme:
    return Morpheme(token.form, token.tag.partition("-")[0], token.start, token.start + token.len)


def meaning(morphemes: Sequence[Morpheme]) -> Words:
    """The kept morphemes, as the module's first page says."""
    return tuple(_written(morpheme) for morpheme in morphemes if _kept(morpheme))


_KEPT = frozenset({"VV", "VA", "VX", "VCN", "XR", "MAG", "MAJ", "MM", "IC"})
_PREDICATES = frozenset({"VV", "VA", "VX", "VCN"})


def _kept(morpheme: Morpheme) -> bool:
    return (morpheme.tag[0] == "N" or morpheme.tag in _KEPT) and morpheme.form != "하"


def _written(morpheme: Morpheme) -> str:
    form = morpheme.form
    if morpheme.tag not in _PREDICATES:
        return form
    return form[:-1] if len(form) > 2 and form[-1] == "하" else form + "다"


class _Stem(NamedTuple):
    kind: int
    cost: float
    words: Words


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What was learned of a collection's words. Costs are negative log probabilities.

    whole: word to its cost and morphemes; stems: beginning to its kinds; tails: end to its cost behind each kind of stem
    (twice the kind, and 1 more behind a syllable with a final consonant).
    """

    whole: dict[str, tuple[float, Words]] = field(default_factory=dict)
    stems: dict[str, list[_Stem]] = field(default_factory=dict)
    tails: dict[str, dict[int, float]] = field(default_factory=dict)
    least: float = 0.0
    """No known word and no stem costs less."""

    def split(self, word: str) -> Words | None:
        """The morphemes of `word` by the most probable path; None where known pieces do not cover it. Some 10 µs."""
        known = self.whole.get(word)
        if known is not None:
            return known[1]
        n = len(word)
        costs = [math.inf] * (n + 1)
        came: list[tuple[int, Words]] = [(0, ())] * (n + 1)
        costs[0] = 0.0
        whole, stems = self.whole.get, self.stems.get
        for i in range(n):
            before = costs[i] + (JOINT_COST if i else 0.0)
            if before + self.least >= costs[n]:
                continue  # no path through here is better than one that is known
            for j in range(i + 1, min(n, i + MAX_PIECE) + 1):
                piece = word[i:j]
                found = whole(piece) if i == 0 or j > i + 1 else None  # a lone syllable inside is mostly a slip
                if found is not None and before + found[0] < costs[j]:
                    costs[j], came[j] = before + found[0], (i, found[1])
                if j < n and (kinds := stems(piece)) is not None:
                    self._extend(word, (i, j), before, kinds, costs, came)
        if costs[n] == math.inf:
            return None
        parts: list[Words] = []
        while n:
            n, words = came[n]
            parts.append(words)
        return tuple(word for words in reversed(parts) for word in words)

    def _extend(
        self, word: str, piece: tuple[int, int], before: float, stems: list[_Stem], costs: list[float],
        came: list[tuple[int, Words]],
    ) -> None:  # fmt: skip
        first, stop = piece
        final = _has_final(word[stop - 1])
        for k in range(stop + 1, min(len(word), stop + MAX_TAIL) + 1):
            tails = self.tails.get(word[stop:k])
            if tails is None:
                continue
            best = costs[k]
            for kind, stem_cost, words in stems:
                tail_cost = tails.get(2 * kind + final)
                if tail_cost is not None and before + stem_cost + tail_cost < best:
                    best = before + stem_cost + tail_cost
                    costs[k], came[k] = best, (first, words)


def learn_lexicon(counts: Mapping[str, int], analyse: Analyse, most: int) -> Lexicon:
    """Learn from the `most` most frequent words of `counts` (word to how often). Some 100 µs a word and core."""
    words = sorted(sorted(counts), key=counts.__getitem__, reverse=True)[:most]  # of equals the first by code points
    total = float(sum(counts[word] for word in words))
    whole: dict[str, tuple[float, Words]] = {}
    stems: dict[str, dict[int, list[Any]]] = defaultdict(dict)
    tails: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    kinds: dict[tuple[str, str], int] = {}
    for word, morphemes in zip(words, analyse(words), strict=True):
        count = counts[word]
        whole[word] = (math.log(total / count), meaning(morphemes))
        joint = _joint(word, morphemes)
        if joint is None:
            continue
        at, last, fused = joint
        kind = kinds.setdefault((morphemes[last].tag[:2], fused), len(kinds))
        stem = stems[word[:at]].setdefault(kind, [0, meaning(morphemes[: last + 1])])
        stem[0] += count
        if at == len(word):
            continue
        tail = tails[word[at:]][2 * kind + _has_final(word[at - 1])]
        tail[0] += count
        tail[1] += 1
    stem_costs = _stem_costs(stems, total)
    least = min(
        chain((cost for cost, _ in whole.values()), (stem.cost for found in stem_costs.values() for stem in found)),
        default=0.0,
    )
    return Lexicon(whole, stem_costs, _tail_costs(tails), least)


def _joint(word: str, morphemes: Sequence[Morpheme]) -> tuple[int, int, str] | None:
    """Where the tail begins, the last kept morpheme, and the tag of what is fused into its syllable ("" for none).

    None where nothing is kept, or the pieces do not lie side by side.
    """
    last = max((i for i, morpheme in enumerate(morphemes) if _kept(morpheme)), default=-1)
    if last < 0:
        return None
    at = morphemes[last].stop
    rest = morphemes[last + 1 :]
    fused = [morpheme.tag for morpheme in rest if morpheme.first < at]
    if not 0 < at <= len(word) or any(morpheme.first < at < morpheme.stop for morpheme in rest):
        return None
    return at, last, fused[0] if fused else ""


def _stem_costs(stems: Mapping[str, Mapping[int, Sequence[Any]]], total: float) -> dict[str, list[_Stem]]:
    return {
        text: [_Stem(kind, math.log(total / count), words) for kind, (count, words) in found.items()]
        for text, found in stems.items()
    }


def _tail_costs(tails: Mapping[str, Mapping[int, Sequence[int]]]) -> dict[str, dict[int, float]]:
    totals: dict[int, float] = defaultdict(float)
    for found in tails.values():
        for kind, (count, _) in found.items():
            totals[kind] += count
    costs = {
        text: {kind: math.log(totals[kind] / count) for kind, (count, seen) in found.items() if seen >= _FEWEST_STEMS}
        for text, found in tails.items()
    }
    return {text: found for text, found in costs.items() if found}


def _has_final(syllable: str) -> int:
    """Whether a Hangul syllable ends in a consonant: particles and endings differ by it."""
    return int((ord(syllable) - 0xAC00) % 28 > 0)
