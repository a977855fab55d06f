"""Where lists are shown, experiments included: which decisions are a placement's own, and what it would be with another policy.

A variant without arms of its own is logged under the placement whose arms serve it, which need not be the one where its list
stands. So neither the placement nor the version in a decision's header says alone where it was shown: the version names the
variant, and the configuration of that time where its experiment stands.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from bandi.catalog.interning import Interner
from bandi.log.assembly import cut
from bandi.model.config import Config, Placement
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.experiment_config import Experiment, Variant
from bandi.model.policy_config import PolicyConfig
from bandi.model.records import Array, Document, DocumentKind, Stretch
from bandi.model.variants import all_variants, owns_statistics, variant_name, variant_of_version, varied
from bandi.policies.traits import steps_of

_config_decoder = msgspec.msgpack.Decoder(Config)
_ids_decoder = msgspec.msgpack.Decoder(dict[str, str | int | list[str]])
_NAMESPACES = ("placement", "policy", "region")


def list_of(config: Config, name: str) -> Placement:
    """What a placement, or a variant of an experiment such as `bold.treatment`, shows. Raises InvalidInputError for another name."""
    place = config.placements.get(name)
    if place is None and (found := _variant(config, name)) is not None:
        place = varied(config, *found)
    if place is None:
        variants = [variant_name(experiment, inner) for experiment, inner, _, _ in all_variants(config)]
        expected = f"one of bandi.toml: {', '.join([*config.placements, *variants])}"
        raise InvalidInputError(Problem("placement", repr(name)[:66], expected))
    return place


def has_own_arms(config: Config, name: str) -> bool:
    """Whether its arms are its own: those of placements, and of variants with statistics of their own."""
    found = _variant(config, name)
    return found is None or owns_statistics(found[1])


def with_policy(config: Config, name: str, policy: PolicyConfig) -> Config:
    """A configuration in which that placement or variant alone has another policy; the same where there is none of that name.

    For a placement all its readers get its own list: experiments are left out, for a variant without a policy of its own would
    take the evaluated one, and one on the placement's arms might not be able to read what it learns. A variant with arms of its
    own keeps its experiment; one on a placement's arms is that placement, its list being the variant's. A variant's `give_up`
    is left out: the policy's own counts. Raises InvalidInputError where the policy names an objective that the configuration lacks.
    """
    found = _variant(config, name)
    if found is None and name not in config.placements:
        return config
    for objective in (policy.objective, *steps_of(policy)):
        if objective not in config.objectives:
            expected = f"one of the log's own: {', '.join(config.objectives)}"
            raise InvalidInputError(Problem("policy: objective", repr(objective)[:66], expected))
    if found is not None and owns_statistics(found[1]):
        experiment, variant = found
        outer, _, inner = name.partition(".")
        changed = msgspec.structs.replace(variant, policy=policy, give_up=None)
        alone = msgspec.structs.replace(experiment, variants={**experiment.variants, inner: changed})
        return msgspec.structs.replace(config, experiments={outer: alone})
    source = name if found is None else found[1].use_placement or found[0].placement
    changed_place = msgspec.structs.replace(list_of(config, name), policy=policy)
    return msgspec.structs.replace(config, placements={**config.placements, source: changed_place}, experiments={})


def as_if(document: Document, name: str, policy: PolicyConfig) -> Document:
    """A document of the log, as it were had that placement or variant another policy."""
    if document.kind != DocumentKind.CONFIG:
        return document
    config = with_policy(_config_decoder.decode(document.payload), name, policy)
    return Document(document.position, document.kind, msgspec.msgpack.encode(config))


class Whereabouts:
    """Follows the log's documents, and says which decisions were shown at one placement, or to readers of one variant."""

    def __init__(self, name: str) -> None:
        self.names = Interner()
        self._name = name
        self._stands_at: dict[str, str] = {}
        self._of_variant = self._here = np.zeros(0, np.bool_)

    def pieces(self, stretch: Stretch) -> Iterator[Stretch]:
        """The stretch in pieces during which experiments stood where they stood; each is followed before it is given."""
        turns = [one.position for one in stretch.documents if one.kind == DocumentKind.CONFIG]
        edges = sorted({stretch.first, *turns, stretch.stop})
        for first, stop in zip(edges[:-1], edges[1:], strict=True):
            piece = stretch if len(edges) == 2 else cut(stretch, first, stop)
            self._follow(piece)
            yield piece

    def shown(self, headers: Array) -> tuple[Array, Array]:
        """Of decisions: bool[n], those shown here, and of these the ones of variants that stood in for a placement's list."""
        versions = headers["policy"]
        known = (versions >= 0) & (versions < len(self._here))
        places = np.where(known, versions, 0)
        of_variant = known & self._of_variant[places] if len(self._here) else known
        stood_in = known & self._here[places] if len(self._here) else known
        if "." in self._name:
            return stood_in, stood_in & False
        own = headers["placement"] == self.names.lookup("placement", self._name)
        return (own & ~of_variant) | stood_in, stood_in

    def _follow(self, piece: Stretch) -> None:
        for document in piece.documents:
            if document.kind == DocumentKind.CONFIG:
                config = _config_decoder.decode(document.payload)
                self._stands_at = {name: one.placement for name, one in config.experiments.items()}
            elif document.kind == DocumentKind.IDS:
                ids = _ids_decoder.decode(document.payload)
                namespace, texts = ids["namespace"], ids["texts"]
                if namespace in _NAMESPACES and isinstance(namespace, str) and isinstance(texts, list):
                    self.names.add(namespace, texts)
        if piece.documents:
            variants = [variant_of_version(version) for version in self.names.texts("policy")]
            self._of_variant = np.array([bool(one) for one in variants], np.bool_)
            self._here = np.array([bool(one) and self._is_here(one) for one in variants], np.bool_)

    def _is_here(self, variant: str) -> bool:
        return self._name in (variant, self._stands_at.get(variant.partition(".")[0]))


def _variant(config: Config, name: str) -> tuple[Experiment, Variant] | None:
    outer, _, inner = name.partition(".")
    experiment = config.experiments.get(outer)
    variant = None if experiment is None else experiment.variants.get(inner)
    return None if experiment is None or variant is None else (experiment, variant)
