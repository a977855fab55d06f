"""How many different texts a column holds: exactly while they are few, by HyperLogLog beyond; bounded memory."""

from __future__ import annotations

import numpy as np
import polars as pl

from bandi.diet._distinct_kernel import PRECISION, add_hashes

MAX_CATEGORIES = 65_535
"""Most different texts that are kept; one more than 16 bits can number (polars keeps one code for null)."""


class Distinct:
    """Counts different texts. known: the texts while they are at most `MAX_CATEGORIES`, None beyond."""

    def __init__(self) -> None:
        self.known: pl.Series | None = pl.Series(dtype=pl.String)
        self.known_bytes = 0
        self._registers = np.zeros(1 << PRECISION, np.uint8)

    def add(self, texts: pl.Series) -> None:
        """Fold texts without nulls; O(n)."""
        if self.known is None:
            self._estimate(texts)
            return
        here = texts.unique()
        new = here.filter(~here.is_in(self.known.implode())) if len(self.known) else here
        if not len(new):
            return
        self.known = pl.concat([self.known, new.rename(self.known.name)]).rechunk()
        self.known_bytes = int(self.known.str.len_bytes().sum()) + 16 * len(self.known)
        if len(self.known) > MAX_CATEGORIES:
            self.forget()

    def forget(self) -> None:
        """Keep an estimate alone."""
        if self.known is not None:
            self._estimate(self.known)
            self.known, self.known_bytes = None, 0

    def _estimate(self, texts: pl.Series) -> None:
        add_hashes(self._registers, texts.hash(1).to_numpy())

    @property
    def count(self) -> int:
        """How many; beyond `known` the raw estimate of Flajolet, Fusy, Gandouet and Meunier (2007, equation 3).

        Their correction for small counts is linear counting; with 64-bit hashes none is needed for large ones (Heule,
        Nunkesser and Hall 2013, section 5).
        """
        if self.known is not None:
            return len(self.known)
        size = self._registers.size
        raw = 0.7213 / (1 + 1.079 / size) * size * size / float(np.exp2(-self._registers.astype(np.float64)).sum())
        empty = int((self._registers == 0).sum())
        return round(size * np.log(size / empty)) if raw <= 2.5 * size and empty else round(raw)
