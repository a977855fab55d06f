"""Text to tokens: segmentation by script for every language, morphemes for Korean.

A text is made compatible and small (Unicode NFKC, case folding), then cut into runs of one kind:

- Hangul syllables: a Korean word, to morphemes by kiwipiepy and what was learned from it (`korean`); without it, and where
  nothing that was learned covers the word, to pairs of syllables within it;
- single Hangul letters (ㅋㅋㅋ, ㅠㅠ): one token, at most two letters of it kept;
- scripts written without spaces (Han, kana, Thai, Lao, Burmese, Khmer): pairs of characters;
- letters and digits of any other script, with their combining marks: one token.

Signs, punctuation and emoji are no tokens. In mixed text (아이폰15를) each run goes its own way.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

from bandi.features.text.korean import MAX_WORD, Lexicon, Words, kiwi_analyser, learn_lexicon

MAX_CHARACTERS = 20_000
"""Of one text; what stands behind them is not read."""
MAX_TOKEN = 64
"""Characters; a longer run of letters and digits is cut short."""
_MAX_REMEMBERED = 1_000_000
"""Runs whose tokens are kept in memory, some 200 bytes each."""

_HANGUL = "가-힣"
_JAMO = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97f\ud7b0-\ud7ff"
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_JAMO_RUN = re.compile("([\u3131-\u318e]+)")


@cache
def _runs() -> re.Pattern[str]:
    marks = "".join(
        re.escape(chr(code))
        for code in range(0x300, 0x1F000)
        if unicodedata.category(chr(code)) in ("Mn", "Mc") and not 0xFE00 <= code <= 0xFE0F  # faces of emoji
    )
    other = f"[^\\W_{_HANGUL}{_JAMO}{_UNSPACED}]"
    signs = "".join(chr(code) for code in range(0xE00, 0x3200) if unicodedata.category(chr(code))[0] in "PS")
    unspaced = f"(?:(?![{re.escape(signs)}])[{_UNSPACED}])+"
    return re.compile(f"[{_HANGUL}]+|[{_JAMO}]+|{unspaced}|{other}(?:{other}|[{marks}])*")


def segments(text: str) -> list[str]:
    """The runs of a text, in order; linear in its length, of which MAX_CHARACTERS are read.

    >>> segments("아이폰15를 샀다! Ｔhe 東京 ㅋㅋㅋㅋ 😀")
    ['아이폰', '15', '를', '샀다', 'the', '東京', 'ㅋㅋㅋㅋ']
    """
    text = text[:MAX_CHARACTERS]
    if not unicodedata.is_normalized("NFKC", text):
        # NFKC would turn ㅋ into a conjoining letter and glue it to its neighbours
        parts = _JAMO_RUN.split(text)
        text = "".join(part if i % 2 else unicodedata.normalize("NFKC", part) for i, part in enumerate(parts))
    runs: list[str] = _runs().findall(text.casefold())
    return runs


def pairs(run: str) -> Words:
    """Neighbouring characters, two and two; the run itself where it is shorter.

    >>> pairs("東京都")
    ('東京', '京都')
    """
    return tuple(run[i : i + 2] for i in range(len(run) - 1)) if len(run) > 1 else (run,)


class Tokeniser:
    """Tokens of texts. Learn it on the texts of the collection first; a run's tokens never change from then on."""

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        """lexicon: of Korean words, as `learn_tokeniser` makes it; None: pairs of syllables."""
        self._lexicon = lexicon
        self._known = _Known(lexicon)

    @property
    def analyser(self) -> str:
        """What reads Korean."""
        return "pairs of syllables" if self._lexicon is None else "kiwipiepy"

    def tokens(self, text: str) -> list[str]:
        """The tokens of one text, in order."""
        known = self._known
        if len(known) > _MAX_REMEMBERED:
            known.clear()
        found: list[str] = []
        for run in segments(text):
            found.extend(known[run])
        return found


def learn_tokeniser(texts: Iterable[str], most: int = 60_000) -> Tokeniser:
    """A tokeniser for a collection. most: Korean words that kiwipiepy analyses, the most frequent first; some 100 µs each.

    Without kiwipiepy or without Korean it needs no learning.
    """
    runs: Counter[str] = Counter()
    for text in texts:
        runs.update(segments(text))
    counts: Counter[str] = Counter()
    for run, times in runs.items():
        if "가" <= run[0] <= "힣":
            counts[run[:MAX_WORD]] += times
    if not counts:
        return Tokeniser(Lexicon())
    analyse = kiwi_analyser()
    return Tokeniser(None if analyse is None else learn_lexicon(counts, analyse, most))


class _Known(dict[str, Words]):
    """Runs to their tokens, filled as runs are met."""

    def __init__(self, lexicon: Lexicon | None) -> None:
        super().__init__()
        self._lexicon = lexicon

    def __missing__(self, run: str) -> Words:
        tokens = self[run] = self._tokens(run)
        return tokens

    def _tokens(self, run: str) -> Words:
        first = run[0]
        if "가" <= first <= "힣":
            words = (run[at : at + MAX_WORD] for at in range(0, len(run), MAX_WORD))
            return tuple(token for word in words for token in self._korean(word))
        if re.match(f"[{_JAMO}]", first):
            return (run[:2],)
        if re.match(f"[{_UNSPACED}]", first):
            return pairs(run)
        return (run[:MAX_TOKEN],)

    def _korean(self, word: str) -> Words:
        if self._lexicon is None:
            return pairs(word)
        found = self._lexicon.split(word)
        return pairs(word) if found is None else found
