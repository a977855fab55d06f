"""Vowpal Wabbit's `cb_explore_adf` as a policy of Bandi; README.md says what it sees and how it learns."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from vowpalwabbit import Workspace

from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request, State

MAX_ARGUMENTS = 1_000
"""Letters."""


def make(settings: Mapping[str, Any], segments: int) -> VowpalWabbitPolicy:
    """The entry point. settings: `arguments`, text, those of Vowpal Wabbit. Raises ValueError for others."""
    unknown = set(settings) - {"arguments"}
    arguments = settings.get("arguments", "--epsilon 0.1")
    if unknown or not isinstance(arguments, str) or len(arguments) > MAX_ARGUMENTS:
        raise ValueError(
            f"settings: expected arguments, a text of at most {MAX_ARGUMENTS} letters, found {dict(settings)}"
        )
    return VowpalWabbitPolicy(arguments)


class VowpalWabbitPolicy:
    """Draws a list from the probabilities that Vowpal Wabbit gives to candidates."""

    def __init__(self, arguments: str) -> None:
        self._arguments = f"--cb_explore_adf --quiet --random_seed 1 {arguments}"
        self._learner = Workspace(self._arguments)
        self._asked: Workspace | None = None  # a copy: a prediction moves counters in the model that makes it

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """k of the candidates, drawn without replacement; scores: their probabilities. O(candidates) in Vowpal Wabbit."""
        if self._asked is None:
            self._asked = self._loaded(_saved(self._learner))
        lines = [_reader(request.segment_weights, request.vector), *_titles(candidates.items, candidates.vectors)]
        probabilities = np.array(self._asked.predict("\n".join(lines)), np.float64)
        gumbel = np.random.default_rng(seed).gumbel(size=len(probabilities))
        keys = np.log(np.maximum(probabilities, 1e-12)) + gumbel
        best = np.argsort(-keys, kind="stable")[:k]
        return Ranked(candidates.items[best], probabilities[best].astype(np.float32))

    def update(self, outcomes: Outcomes) -> None:
        """An example for each impression (cost 0) and each click (cost -1); corrections are passed over."""
        if outcomes.step > 0 or outcomes.steps is not None:
            return
        self._asked = None
        for i in range(len(outcomes.items)):
            weights = np.zeros(int(outcomes.segments[i]) + 1, np.float32)
            weights[-1] = 1.0
            vector = None if outcomes.vectors is None else outcomes.vectors[i]
            title = next(_titles(outcomes.items[i : i + 1], None))
            for cost, count in ((0, outcomes.trials[i]), (-1, outcomes.rewards[i])):
                if count > 0:
                    self._learner.learn(f"{_reader(weights, vector)}\n0:{cost}:1.0 {title}")

    def dump(self) -> State:
        """The model file, as bytes; once loaded and saved again, which takes progress counters out that are no knowledge."""
        return {"model": np.frombuffer(_saved(self._loaded(_saved(self._learner))), np.uint8).copy()}

    def load(self, state: State) -> None:
        """Replace the model. Raises what Vowpal Wabbit raises for a file that is none."""
        self._learner, self._asked = self._loaded(state["model"].astype(np.uint8).tobytes()), None

    def _loaded(self, model: bytes) -> Workspace:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            path.write_bytes(model)
            return Workspace(f"{self._arguments} -i {path}")


def _saved(workspace: Workspace) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        workspace.save(str(path))
        return path.read_bytes()


def _reader(weights: Any, vector: Any) -> str:
    segments = " ".join(f"s{s}:{weight:.6g}" for s, weight in enumerate(weights.tolist()) if weight > 0)
    return f"shared |u {segments}{_numbers(vector)}"


def _titles(items: Any, vectors: Any) -> Any:
    for item in items.tolist():
        yield f"|t i{item}" + _numbers(vectors[item] if vectors is not None and item < len(vectors) else None)


def _numbers(vector: Any) -> str:
    return "" if vector is None else "".join(f" v{i}:{value:.6g}" for i, value in enumerate(vector.tolist()))
