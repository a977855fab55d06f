"""What is run: the world, who is encouraged to start what, and in which variants of the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, preset_file, read_funnel, resized

Outcome = Literal["own", "all", "elsewhere", "before"]
OUTCOMES: tuple[Outcome, ...] = ("own", "all", "elsewhere", "before")
"""own: the title itself was paid for; all: titles paid for of all that were started since the experiment began; elsewhere: all
but the title itself; before: titles paid for before the experiment, which nothing in it can have caused."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A variant of the truth, or of the design.

    coupling: how much those who come often are also able to pay, the correlation of the normal scores of activity and power,
    0 to 1. cause: "starts": whoever starts may pay; "wants": only what readers looked up of themselves is paid for, whether or
    not they were led there first, so being led causes nothing. withheld: what stands in the place of a withheld title.
    """

    name: str
    title: str
    coupling: float = 0.0
    cause: Literal["starts", "wants"] = "starts"
    withheld: Literal["nothing", "another title"] = "nothing"


SCENARIOS = (
    Scenario("plain", "as calibrated"),
    Scenario("coupled", "those who come often can pay more", coupling=0.5),
    Scenario("idle", "being led causes nothing", coupling=0.5, cause="wants"),
    Scenario("filled", "another title in the place", coupling=0.5, withheld="another title"),
)


@dataclass(frozen=True, slots=True)
class Design:
    """Sizes. Of `featured` titles each reader is shown each or not, by lot; `ordinary` ones are shown to all, below.

    days_before: observed before the draw; days: of the experiment; window_days: from a start to a payment that counts; draws: of
    the lot in one world; first_seed: of `seeds` worlds.
    """

    readers: int = 50_000
    days_before: int = 14
    days: int = 14
    featured: int = 4
    ordinary: int = 4
    window_days: int = 14
    draws: int = 10
    first_seed: int = 201
    seeds: int = 24
    world: str = "calibrated"

    def parameters(self) -> FunnelParameters:
        """Of the world, in this size."""
        whole = read_funnel(preset_file(self.world))
        return resized(whole, readers=self.readers, days=self.days_before + self.days)
