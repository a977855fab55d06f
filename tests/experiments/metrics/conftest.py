"""Small logs written record by record, so that a test says every event and exposure itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from bandi.log.protocol import Chunk, DecisionChunk, DocumentChunk, EventChunk
from bandi.log.sqlite import open_log
from bandi.model.config import Config
from bandi.model.config_text import parse_config
from bandi.model.events import FIRST_CUSTOM_KIND, EventKind
from bandi.model.records import DECISION, EVENT, Array, Decisions, DocumentKind
from bandi.model.request_ids import MAX_PLACEMENTS

HOUR, DAY = 3_600_000, 86_400_000
START = 1_700_006_400_000
"""Midnight, UTC."""
assert START % DAY == 0
CONFIG = """
[placements.home]
[placements.other]
[layers.all]
[layers.second]
[experiments.bold]
placement = "home"
layer = "all"
owner = "kim@example.com"
metrics = [{metrics}]
guardrails = [{guardrails}]
planned_readers = 1000
[experiments.bold.variants.control]
weight = 0.5
[experiments.bold.variants.treatment]
weight = 0.5
[experiments.next]
placement = "other"
layer = "second"
owner = "kim@example.com"
[experiments.next.variants.a]
weight = 0.5
[experiments.next.variants.b]
weight = 0.5
{more}
"""
PLACEMENTS = ["home", "other", "bold.control", "bold.treatment", "next.a", "next.b"]
VERSIONS = ["home/", "bold.control/t@1", "bold.treatment/t@1", "next.a/t@1", "next.b/t@1", "plain@1"]
KINDS = ["latency_ms", "share"]


def config_of(metrics: Sequence[str] = (), guardrails: Sequence[str] = (), more: str = "") -> Config:
    """The configuration of these logs."""
    quoted = (", ".join(f'"{name}"' for name in names) for names in (metrics, guardrails))
    return parse_config(CONFIG.format(metrics=next(quoted), guardrails=next(quoted), more=more))


@dataclass
class Story:
    """A log's records in the order in which they are written."""

    folder: Path
    config: Config
    users: int = 50
    chunks: list[Chunk] = field(default_factory=list)

    def document(self, kind: DocumentKind, value: object) -> None:
        self.chunks.append(DocumentChunk(kind, msgspec.msgpack.encode(value)))

    def shown(self, user: int, at_ms: int, version: str = "bold.control/t@1", k: int = 4) -> None:
        headers = np.zeros(1, DECISION)
        headers["user"], headers["occurred_ms"], headers["policy"] = user, at_ms, VERSIONS.index(version)
        headers["placement"], headers["k"] = (
            PLACEMENTS.index(version.partition("/")[0] if "/" in version else "home"),
            k,
        )
        items = np.arange(k, dtype=np.int32)
        made = Decisions(np.zeros(1, np.int64), headers, np.array([0, k]), items, np.zeros(k, np.float32))
        self.chunks.append(DecisionChunk(made))

    def did(
        self, user: int, at_ms: int, kind: str, item: int = 0, value: float = 0.0, episode: int = 0, at: str = "home"
    ) -> None:
        rows = np.zeros(1, EVENT)
        rows["user"], rows["occurred_ms"], rows["recorded_ms"], rows["item"] = user, at_ms, at_ms, item
        rows["kind"] = FIRST_CUSTOM_KIND + KINDS.index(kind) if kind in KINDS else EventKind[kind.upper()]
        rows["value"], rows["episode"], rows["placement"] = value, episode, -1
        rows["request"] = (user + 1) * MAX_PLACEMENTS + PLACEMENTS.index(at)
        self.chunks.append(EventChunk(rows))

    def written(self) -> Path:
        """The log on disk, a part of it sealed."""
        with open_log(self.folder, at_ms=START) as log:
            begin: list[Chunk] = []
            for namespace, texts in (
                ("placement", PLACEMENTS), ("policy", VERSIONS), ("kind", KINDS), ("user", [f"r{i}" for i in range(self.users)]),
            ):  # fmt: skip
                ids = {"namespace": namespace, "first": 0, "texts": texts}
                begin.append(DocumentChunk(DocumentKind.IDS, msgspec.msgpack.encode(ids)))
            begin.append(DocumentChunk(DocumentKind.CONFIG, msgspec.msgpack.encode(self.config)))
            log.append([*begin, *self.chunks[: len(self.chunks) // 2]])
            log.seal()
            log.append(self.chunks[len(self.chunks) // 2 :])
        return self.folder


def rounded(values: Array) -> list[float]:
    """For comparing sums that were made in another order."""
    return [round(float(value), 9) for value in np.asarray(values).ravel()]
