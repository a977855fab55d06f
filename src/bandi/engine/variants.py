"""Variants as placements: what each experiment serves, made from the configuration (docs/decisions/0022)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bandi.catalog.interning import Interner
from bandi.engine.by_reader_state import divide
from bandi.experiments.assignment import Split, split
from bandi.experiments.exposures import Exposures
from bandi.experiments.standings import Standings
from bandi.learning.reader_states import ReaderState
from bandi.model.config import Config, Placement
from bandi.model.experiment_config import Experiment
from bandi.model.variants import (
    all_variants,
    experiment_salt,
    layer_salt,
    moment_ms,
    owns_statistics,
    variant_name,
    variant_version,
    varied,
)
from bandi.policies.carrying import share_arms
from bandi.policies.registry import make_policy, policy_version
from bandi.targeters.registry import make_targeter

if TYPE_CHECKING:
    from bandi.engine.state import PlacementState

_EVER = 1 << 62


@dataclass(frozen=True, slots=True)
class PlacedExperiment:
    """One experiment at its placement. variants: in the order of their names, as `split` numbers them.

    states: codes of `ReaderState`; regions: texts; both empty: all readers. It runs from starts_ms to ends_ms at most.
    """

    name: str
    config: Experiment
    split: Split
    names: tuple[str, ...]
    variants: tuple[PlacementState, ...]
    states: frozenset[int]
    regions: frozenset[str]
    starts_ms: int
    ends_ms: int


def variant_versions(config: Config) -> dict[str, str]:
    """What decisions for each variant say in place of the policy's version, by the variant's name (`bold.treatment`)."""
    found = {}
    for name, inner, experiment, variant in all_variants(config):
        placement = varied(config, experiment, variant)
        version = policy_version(placement.policy, placement.seen)
        found[variant_name(name, inner)] = variant_version(name, inner, version)
    return found


def split_of(config: Config, name: str) -> Split:
    """Whom an experiment takes, and how it divides them."""
    experiment = config.experiments[name]
    low, high = experiment.buckets
    weights = [variant.weight for _, variant in sorted(experiment.variants.items())]
    taking_part = layer_salt(experiment.layer, config.layers[experiment.layer].salt)
    return split(taking_part, experiment_salt(name, experiment.salt), (low, high), weights)


class Experiments:
    """What the state keeps of experiments: who started which, and whom each reader met."""

    def __init__(self) -> None:
        self.standings = Standings()
        self.exposures = Exposures()
        self.by_layer: dict[str, tuple[PlacedExperiment, ...]] = {}

    def configure(self, config: Config, placements: dict[str, PlacementState], interner: Interner) -> None:
        """Hang every experiment on its placement, whose variants with statistics of their own are made already."""
        self.standings.keep(config.experiments)
        self.by_layer = dict.fromkeys(config.layers, ())
        met: dict[int, tuple[str, str]] = {}
        for name, experiment in sorted(config.experiments.items()):
            made = tuple(_variants(config, name, placements, interner))
            names = tuple(sorted(experiment.variants))
            met |= {place.version_index: (name, inner) for inner, place in zip(names, made, strict=True)}
            place = placements[experiment.placement]
            placed = _placed(config, name, names, made)
            place.experiments = (*place.experiments, placed)
            self.by_layer[experiment.layer] += (placed,)
        self.exposures.configure(met)


def _placed(config: Config, name: str, names: tuple[str, ...], made: tuple[PlacementState, ...]) -> PlacedExperiment:
    experiment = config.experiments[name]
    return PlacedExperiment(
        name=name,
        config=experiment,
        split=split_of(config, name),
        names=names,
        variants=made,
        states=frozenset(int(ReaderState[state.upper()]) for state in experiment.states),
        regions=frozenset(experiment.regions),
        starts_ms=0 if experiment.starts_at is None else moment_ms(experiment.starts_at),
        ends_ms=_EVER if experiment.ends_at is None else moment_ms(experiment.ends_at),
    )


def _sharing(place: PlacementState, made: Placement, version: str, version_index: int) -> PlacementState:
    """Another list from the arms of `place`, which learns from it."""
    policy = place.policy
    if made.policy != place.config.policy:
        policy = make_policy(made.policy, 1)
        share_arms(place.policy, policy)
    place.sharing[version_index] = replace(
        place,
        config=made,
        policy=policy,
        version=version,
        version_index=version_index,
        targeters=tuple(make_targeter(targeter) for targeter in made.targeters),
        experiments=(),
        sharing={},
    )
    return place.sharing[version_index]


def _variants(
    config: Config, name: str, placements: dict[str, PlacementState], interner: Interner
) -> Iterator[PlacementState]:
    """The placements that an experiment's variants are served from, in the order of their names."""
    experiment, versions = config.experiments[name], variant_versions(config)
    for inner, variant in sorted(experiment.variants.items()):
        full = variant_name(name, inner)
        source = full if owns_statistics(variant) else variant.use_placement or experiment.placement
        place = placements[source]
        if not owns_statistics(variant):
            made = varied(config, experiment, variant)
            place = _sharing(place, made, versions[full], interner.lookup("policy", versions[full]))
        place.variant, place.variant_of, place.give_up = full, experiment.placement, variant.give_up
        place.by_state, place.passed_on = {}, {}
        divide(place)
        yield place
