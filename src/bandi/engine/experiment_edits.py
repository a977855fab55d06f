"""What an edit of bandi.toml does to experiments that were started: told when the folder is opened."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bandi.engine.carrying_on import clicks_carry_over, counted
from bandi.experiments.standings import Standings
from bandi.model.config import Config
from bandi.model.experiment_config import Experiment, Variant
from bandi.model.variants import experiment_salt, layer_salt, varied

_DRAWING = ("placement", "layer", "buckets", "states", "regions", "sticky")


def notes_of_edits(old: Config, new: Config, standings: Standings) -> Iterator[str]:
    """A note for each experiment that runs or is stopped, and that compares something else from now on."""
    for name, experiment in new.experiments.items():
        status, before = standings.get(name).status, old.experiments.get(name)
        if before is not None and status in ("running", "stopped"):
            changed = [*_variants_edited(before, experiment), *_drawing_edited(name, before, old, experiment, new)]
            if changed:
                yield (
                    f"experiment {name}: {', '.join(changed)} changed while {status}; "
                    "figures from before and after are of two experiments"
                )


def beginning(experiment: Experiment, variant: Variant, config: Config, started: bool) -> str:
    """Where the arms of a variant with statistics of its own begin that was not in the file before."""
    placement, own = config.placements[experiment.placement], varied(config, experiment, variant)
    if started and counted(placement, config) == counted(own, config):
        return f"its arms start from those of {experiment.placement}"
    if started and clicks_carry_over(placement, config, own, config):
        return f"its clicks start from those of {experiment.placement}, the rest at the prior"
    return "its arms start at the prior"


def _variants_edited(before: Experiment, after: Experiment) -> Iterator[str]:
    both = before.variants.keys() & after.variants.keys()
    if before.variants.keys() != after.variants.keys():
        yield "variants"
    if any(before.variants[name].weight != after.variants[name].weight for name in both):
        yield "weights"
    if any(_list(before.variants[name]) != _list(after.variants[name]) for name in both):
        yield "lists"


def _list(variant: Variant) -> Variant:
    return msgspec.structs.replace(variant, weight=1.0)


def _drawing_edited(name: str, before: Experiment, old: Config, after: Experiment, new: Config) -> Iterator[str]:
    if experiment_salt(name, before.salt) != experiment_salt(name, after.salt):
        yield "salt"
    salts = [layer_salt(each.layer, config.layers[each.layer].salt) for each, config in ((before, old), (after, new))]
    if before.layer == after.layer and salts[0] != salts[1]:
        yield "the layer's salt"
    yield from (key for key in _DRAWING if getattr(before, key) != getattr(after, key))
