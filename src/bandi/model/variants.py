"""The lists that experiments add to the configured ones: a variant with statistics of its own is a placement of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from bandi.model.config import Config, Placement
from bandi.model.events import milliseconds
from bandi.model.experiment_config import Experiment, Variant


def variant_name(experiment: str, variant: str) -> str:
    """What a variant is called, such as `bold.treatment`: no name of a configured placement holds a dot."""
    return f"{experiment}.{variant}"


def layer_salt(layer: str, salt: str | None) -> str:
    """What a layer's buckets are drawn by; salt: as configured."""
    return f"layer:{layer}" if salt is None else salt


def experiment_salt(experiment: str, salt: str | None) -> str:
    """What readers are dealt to an experiment's variants by; never that of a layer, whose buckets would be its variants."""
    return f"experiment:{experiment}" if salt is None else salt


def variant_version(experiment: str, variant: str, policy: str) -> str:
    """What its decisions say in place of the policy's version, such as `bold.treatment/ucb1@3f2a91c0`."""
    return f"{variant_name(experiment, variant)}/{policy}"


def variant_of_version(version: str) -> str:
    """The variant in the version of a decision, such as `bold.treatment`; empty where it was of none."""
    return version.partition("/")[0] if "/" in version else ""


def variants_by_version(versions: Sequence[str]) -> dict[int, tuple[str, str]]:
    """(experiment, variant) by dense id of the version that decisions carry; versions: all texts, in the order of their ids."""
    served = {number: variant_of_version(version) for number, version in enumerate(versions)}
    return {number: (name.partition(".")[0], name.partition(".")[2]) for number, name in served.items() if name}


def varied(config: Config, experiment: Experiment, variant: Variant) -> Placement:
    """The placement as it is for readers of a variant."""
    if variant.use_placement is not None:
        return config.placements[variant.use_placement]
    placement = config.placements[experiment.placement]
    return msgspec.structs.replace(
        placement,
        policy=placement.policy if variant.policy is None else variant.policy,
        targeters=placement.targeters if variant.targeters is None else variant.targeters,
        exclude=placement.exclude if variant.exclude is None else variant.exclude,
    )


def owns_statistics(variant: Variant) -> bool:
    """Whether it is a placement of its own, beside the configured ones."""
    return variant.use_placement is None and variant.statistics == "own"


def all_variants(config: Config) -> Iterator[tuple[str, str, Experiment, Variant]]:
    """Every variant with the names of its experiment and its own, in one order whatever the file's."""
    for name, experiment in sorted(config.experiments.items()):
        for inner, variant in sorted(experiment.variants.items()):
            yield name, inner, experiment, variant


def counting_placements(config: Config) -> dict[str, Placement]:
    """All placements with arms of their own: the configured ones, and the variants that own theirs."""
    return config.placements | {
        variant_name(name, inner): varied(config, experiment, variant)
        for name, inner, experiment, variant in all_variants(config)
        if owns_statistics(variant)
    }


def shown_at(config: Config, name: str) -> str:
    """The configured placement where the lists of one of `counting_placements` stand."""
    experiment, dot, _ = name.partition(".")
    return config.experiments[experiment].placement if dot else name


def every_list(config: Config) -> Iterator[Placement]:
    """Every placement and variant that lists may be made for, those of readers' states left out."""
    yield from config.placements.values()
    for _, _, experiment, variant in all_variants(config):
        yield varied(config, experiment, variant)


def moment_ms(text: str) -> int:
    """Milliseconds of `starts_at` or `ends_at`. Raises ValueError where it is no moment with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return milliseconds(moment)
