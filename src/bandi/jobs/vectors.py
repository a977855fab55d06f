"""Vectors of titles: of what is written, of thumbnails; and how much each counts for likeness."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bandi.features.factors.als import Factors
from bandi.features.image.titles import ImageSettings, learn_images
from bandi.features.mixing import learn_weights
from bandi.features.text.titles import TextSettings, learn_text
from bandi.jobs.reading import Material, sequences
from bandi.model.catalog import Item
from bandi.model.config import Config
from bandi.model.records import Array
from bandi.model.targeter_config import SimilarTargeter
from bandi.model.variants import every_list

SHOWN_PROBLEMS = 20
OnStep = Callable[[str, int, int], None]


@dataclass(slots=True)
class Vectors:
    """by_feature: float32[items, d], rows of length 1 or 0; reports: how each was made; problems: what was passed over."""

    by_feature: dict[str, Array] = field(default_factory=dict)
    reports: dict[str, dict[str, float | str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def wanted(config: Config) -> set[str]:
    """The features that some targeter, some placement's spread or the segments ask for."""
    found = {feature for by in _mixes(config) for feature in by}
    found |= {placement.mmr.by for placement in every_list(config) if placement.mmr is not None}
    if config.segments is not None:
        found |= set(config.segments.features)
    return found


def learn_vectors(
    config: Config, folder: Path, titles: list[Item | None], material: Material, on_step: OnStep
) -> Vectors:
    """Of the features that are asked for (factors apart). Raises InvalidInputError for an encoder or a folder that cannot be used."""
    made = Vectors()
    features = wanted(config)
    if "text" in features:
        model = None if config.text.model is None else folder / config.text.model
        settings = TextSettings(config.text.dimensions, config.text.method, model)
        read = sequences(material.users, material.items, material.shape[0])
        text = learn_text(titles, settings, read, on_step)
        made.by_feature["text"], made.reports["text"] = text.vectors, text.report
    if "image" in features:
        if config.images.root is None:
            made.problems.append("bandi.toml: [images] root is not set: no thumbnail was read")
        else:
            model = None if config.images.model is None else folder / config.images.model
            images = learn_images(
                titles, ImageSettings(folder / config.images.root, config.images.dimensions, model), on_step
            )
            made.by_feature["image"], made.reports["image"] = images.vectors, images.report
            texts = material.state.interner.texts("item")
            shown = [f"{texts[index]}: {problem}" for index, problem in images.problems[:SHOWN_PROBLEMS]]
            made.problems += shown
            if len(images.problems) > len(shown):
                made.problems.append(f"and {len(images.problems) - len(shown)} more images")
    return made


def learn_mixes(
    config: Config, vectors: Vectors, held_factors: Factors | None, befores: Array, nexts: Array
) -> dict[str, dict[str, float]]:
    """The weights of the features of each mix that a targeter asks for, by its name, such as `text+factors`.

    held_factors: learned without the pairs (befores, nexts) by which the weights are found; None: equal weights.
    """
    parts = dict(vectors.by_feature)
    if held_factors is not None:
        parts["factors"] = held_factors.directions
    mixes = {}
    for by in _mixes(config):
        if len(by) > 1:
            known = [feature for feature in by if feature in parts]
            weights = learn_weights([parts[feature] for feature in known], befores, nexts)
            mixes["+".join(by)] = dict(zip(known, weights.tolist(), strict=True))
    return {name: weights for name, weights in mixes.items() if weights}


def joined(vectors: Vectors, factors: Factors, features: Iterable[str]) -> Array:
    """Titles by several features, each counting alike: float32[items, sum of d]; rows as long as the features known."""
    parts = [factors.directions if name == "factors" else vectors.by_feature.get(name) for name in features]
    found = [part for part in parts if part is not None]
    return np.concatenate(found, axis=1) if found else np.zeros((len(factors.items), 1), np.float32)


def _mixes(config: Config) -> list[tuple[str, ...]]:
    """The features of each `similar` targeter, each combination once."""
    targeters = (targeter for placement in every_list(config) for targeter in placement.targeters)
    return list(dict.fromkeys(targeter.by for targeter in targeters if isinstance(targeter, SimilarTargeter)))
