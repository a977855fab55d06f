"""What a run in the funnel world came to, by day, measured by the truth."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Days:
    """Sums by day, float64[days] each.

    visits: home requests. impressions, clicks (each is a start), wasted: of lists; wasted impressions are those on titles
    that cannot win. expected_clicks, expected_coins: what the truth expected of the impressions shown. continued, payers,
    coins, delay_days: of the starts from lists, by the day of the start, all eventual ones, also after the run (delay_days:
    summed over payers, from the start to the first payment). coins_arrived: the same coins by the day on which they were
    paid, within the run. organic_*: the same of organic starts.
    """

    visits: Array
    impressions: Array
    clicks: Array
    expected_clicks: Array
    expected_coins: Array
    wasted: Array
    continued: Array
    payers: Array
    coins: Array
    delay_days: Array
    coins_arrived: Array
    organic_starts: Array
    organic_continued: Array
    organic_payers: Array
    organic_coins: Array
    organic_expected_coins: Array

    @classmethod
    def none(cls, days: int) -> Days:
        """All sums 0."""
        return cls(**{name: np.zeros(days) for name in COLUMNS})


COLUMNS = tuple(field.name for field in fields(Days))


@dataclass(frozen=True, slots=True)
class FunnelResult:
    """One policy in one world.

    title_impressions, title_clicks, title_payers: int64[titles], of lists. lost, late, duplicated: events; duplicates never
    reach a policy.
    """

    policy: str
    seed: int
    readers: int
    days: Days
    title_impressions: Array
    title_clicks: Array
    title_payers: Array
    lost: int
    late: int
    duplicated: int

    @property
    def ctr(self) -> float:
        """Clicks per impression."""
        return float(self.days.clicks.sum() / max(1.0, self.days.impressions.sum()))

    @property
    def expected_ctr(self) -> float:
        """Clicks that the truth expected of the impressions shown, per impression: `ctr` with less noise."""
        return float(self.days.expected_clicks.sum() / max(1.0, self.days.impressions.sum()))

    @property
    def waste(self) -> float:
        """Share of impressions on titles that cannot win."""
        return float(self.days.wasted.sum() / max(1.0, self.days.impressions.sum()))

    @property
    def paid_conversion(self) -> float:
        """Payers per impression."""
        return float(self.days.payers.sum() / max(1.0, self.days.impressions.sum()))

    @property
    def continuation(self) -> float:
        """Share of the starts from lists that reach episode four."""
        return float(self.days.continued.sum() / max(1.0, self.days.clicks.sum()))

    @property
    def mean_delay_days(self) -> float:
        """From the start to the first payment, over payers from lists, of whatever day."""
        return float(self.days.delay_days.sum() / max(1.0, self.days.payers.sum()))

    @property
    def coins_per_reader(self) -> float:
        """Coins of starts from lists and of organic ones, per reader of the service."""
        return float((self.days.coins.sum() + self.days.organic_coins.sum()) / self.readers)

    @property
    def list_coins_per_reader(self) -> float:
        """Coins of starts from lists, per reader of the service."""
        return float(self.days.coins.sum() / self.readers)

    @property
    def expected_coins_per_reader(self) -> float:
        """Coins that the truth expected of the impressions shown, per reader: `list_coins_per_reader` with less noise."""
        return float(self.days.expected_coins.sum() / self.readers)

    @property
    def all_expected_coins_per_reader(self) -> float:
        """The same with what was expected of organic starts: what lists take from them is not a gain."""
        return float((self.days.expected_coins.sum() + self.days.organic_expected_coins.sum()) / self.readers)
