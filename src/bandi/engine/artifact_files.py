"""What stands in an artifact's file: arrays and facts, checked when they are read back."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

import msgspec
import numpy as np

from bandi.features.factors.als import AlsConfig, Factors
from bandi.features.factors.search import Neighbours, available
from bandi.features.mixing import mixed
from bandi.learning.snapshots import Snapshot
from bandi.model.errors import LogDamagedError, NewerVersionError
from bandi.model.records import Array
from bandi.policies.protocol import ContentPriors, StepPriors
from bandi.segments.model import SegmentModel
from bandi.segments.profiles import Profiles
from bandi.targeters.protocol import Learned, Likeness

FORMAT = 2
"""Of the arrays and facts; 1 had factors and their indexes alone."""
BY_SCORE = "by_score"
_PART, _INDEX, _SEGMENTS, _PRIORS, _STEPS = "part/", "index/", "segments/", "priors/", "step_priors/"
_Kind = TypeVar("_Kind", ContentPriors, StepPriors)


class Manifest(msgspec.Struct, frozen=True):
    """What an artifact is. position: the log's end when it was trained; metrics: name -> value; made_ms: when.

    features: how each kind of vector was made; mixes: the weights of features in each likeness; segments: what each is
    like; priors: what speaks for the priors of each placement's arms; problems: what was passed over, the first of it.
    """

    name: str
    position: int
    made_ms: int
    items: int
    users: int
    reads: int
    seconds: float
    factors: int
    metrics: dict[str, float]
    indexed: bool
    bandi: str
    features: dict[str, dict[str, float | str]] = {}
    mixes: dict[str, dict[str, float]] = {}
    segments: Profiles | None = None
    priors: dict[str, dict[str, float]] = {}
    problems: tuple[str, ...] = ()


class Parts(msgspec.Struct, frozen=True):
    """What was learned beside factors. vectors: float32[items, d] by feature; mixes: the weights of the features in each likeness."""

    vectors: dict[str, Array]
    mixes: dict[str, dict[str, float]]


def likenesses(factors: Factors, parts: Parts) -> dict[str, Likeness]:
    """By each feature, and by each mix, such as `text+factors`; searched exactly."""
    vectors = {"factors": factors.directions, **parts.vectors}
    found = {name: Likeness(rows) for name, rows in vectors.items()}
    for name, weights in parts.mixes.items():
        rows = [vectors[part] for part in weights]
        found[name] = Likeness(mixed(rows, np.array(list(weights.values()))))
    return found


def written(learned: Learned, parts: Parts, manifest: Manifest) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and facts of an artifact's file."""
    factors = learned.factors
    facts = {
        "format": FORMAT,
        "manifest": msgspec.json.encode(manifest).decode(),
        "config": msgspec.json.encode(factors.config).decode(),
        "mean_mass": factors.mean_mass,
    }
    arrays = {"items": factors.items}
    arrays |= {_PART + name: rows for name, rows in parts.vectors.items()}
    indexes = {BY_SCORE: learned.by_score, **{name: like.index for name, like in learned.likeness.items()}}
    arrays |= {_INDEX + name: index.data for name, index in indexes.items() if index is not None}
    if learned.segments is not None:
        assert learned.titles is not None and learned.promise is not None and learned.leading is not None
        arrays |= {_SEGMENTS + name: array for name, array in learned.segments.arrays().items()}
        arrays |= {"titles": learned.titles, "promise": learned.promise, "leading": learned.leading}
    for place, priors in learned.priors.items():
        arrays |= {f"{_PRIORS}{place}/{kind}": rows for kind, rows in priors._asdict().items()}
    for place, steps in learned.step_priors.items():
        arrays |= {f"{_STEPS}{place}/{kind}": rows for kind, rows in steps._asdict().items()}
    return arrays, facts


def manifest_in(snapshot: Snapshot, name: str) -> Manifest:
    """Raises NewerVersionError for an artifact of a later format, LogDamagedError for a file that is none."""
    found = int(snapshot.meta.get("format") or 1)
    if found > FORMAT:
        raise NewerVersionError(
            f"artifact {name}: format {found}, this version reads {FORMAT}; upgrade Bandi, or train again"
        )
    if "manifest" not in snapshot.meta:
        raise LogDamagedError(f"artifact {name}: it has no manifest; train again")
    return msgspec.json.decode(str(snapshot.meta["manifest"]), type=Manifest)


def read(snapshot: Snapshot, name: str) -> Learned:
    """What the file holds, made ready for requests. Raises as `manifest_in`, and LogDamagedError for arrays that do not fit."""
    mixes = manifest_in(snapshot, name).mixes
    items = _rows(snapshot, "items", name)
    config = msgspec.json.decode(str(snapshot.meta["config"]), type=AlsConfig)
    nobody = np.zeros((0, items.shape[1]), np.float32)
    factors = Factors(nobody, items, config, float(snapshot.meta["mean_mass"] or 0.0))
    _ = factors.gram, factors.directions
    vectors = {
        part.removeprefix(_PART): _rows(snapshot, part, name, len(items))
        for part in snapshot.arrays
        if part.startswith(_PART)
    }
    likeness = {
        kind: Likeness(found.vectors, _index(snapshot, kind, found.vectors, name))
        for kind, found in likenesses(factors, Parts(vectors, mixes)).items()
    }
    segments, titles, promise, leading = _segments(snapshot, name, len(items))
    by_score = _index(snapshot, BY_SCORE, items, name)
    priors, steps = _priors(snapshot, _PRIORS, ContentPriors, name), _priors(snapshot, _STEPS, StepPriors, name)
    return Learned(factors, by_score, likeness, segments, titles, promise, leading, priors, steps)


def _priors(snapshot: Snapshot, prefix: str, kind: type[_Kind], name: str) -> dict[str, _Kind]:
    """Of each placement: two arrays of one shape, all above 0."""
    places = {key.removeprefix(prefix).rpartition("/")[0] for key in snapshot.arrays if key.startswith(prefix)}
    found = {}
    for place in sorted(places):
        parts = [_rows(snapshot, f"{prefix}{place}/{part}", name) for part in kind._fields]
        if parts[0].shape != parts[1].shape or not all((np.isfinite(part) & (part > 0)).all() for part in parts):
            raise LogDamagedError(
                f"artifact {name}: {prefix.strip('/')} of {place}: expected positive numbers of one shape; train again"
            )
        found[place] = kind(*(np.ascontiguousarray(part) for part in parts))
    return found


def _segments(
    snapshot: Snapshot, name: str, items: int
) -> tuple[SegmentModel | None, Array | None, Array | None, Array | None]:
    arrays = {key.removeprefix(_SEGMENTS): a for key, a in snapshot.arrays.items() if key.startswith(_SEGMENTS)}
    if not arrays:
        return None, None, None, None
    model = SegmentModel.from_arrays(arrays)
    titles, promise = _rows(snapshot, "titles", name, items), _rows(snapshot, "promise", name, len(model.shares))
    leading = snapshot.arrays["leading"]
    fits = titles.shape[1] == model.centres.shape[1] and promise.shape[1] == items
    if (
        not fits
        or leading.dtype != np.int32
        or len(leading) != len(promise)
        or not (leading >= -1).all() & (leading < items).all()
    ):
        raise LogDamagedError(f"artifact {name}: its segments do not fit its titles; train again")
    return model, titles, promise, leading


def _rows(snapshot: Snapshot, part: str, name: str, rows: int = -1) -> Array:
    found = snapshot.arrays[part]
    if (
        found.ndim != 2
        or found.dtype != np.float32
        or (rows >= 0 and len(found) != rows)
        or not np.isfinite(found).all()
    ):
        shape = f"[{'n' if rows < 0 else rows}, d]"
        raise LogDamagedError(f"artifact {name}: {part}: expected finite float32{shape}; train again")
    return found


def _index(snapshot: Snapshot, part: str, vectors: Array, name: str) -> Neighbours | None:
    """The index of an artifact, or None: where it has none, and where usearch is not installed (said once)."""
    data = snapshot.arrays.get(_INDEX + part)
    if data is None:
        return None
    if not available():
        print(f"bandi: artifact {name} has an index, and usearch is not installed: searching exactly", file=sys.stderr)
        return None
    return Neighbours(data, vectors)
