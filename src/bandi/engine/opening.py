"""Opening a folder: configuration, log, state, and what changed since the last time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bandi.engine.carrying_on import clicks_carry_over, counted
from bandi.engine.experiment_edits import beginning, notes_of_edits
from bandi.engine.folder import read_config
from bandi.engine.recovery import recover
from bandi.engine.state import State
from bandi.engine.variants import variant_versions
from bandi.experiments.standings import Standings
from bandi.log.protocol import Chunk, DocumentChunk, Progress
from bandi.log.sqlite import SqliteLog, open_log
from bandi.model.config import Config
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.holdout import version_served
from bandi.model.records import DocumentKind
from bandi.model.request_ids import MAX_PLACEMENTS
from bandi.model.variants import counting_placements
from bandi.policies.guarded import GuardedPolicy
from bandi.policies.registry import policy_version


@dataclass(slots=True)
class Story:
    """How the folder was opened. folded: records folded behind the snapshot; notes: what an operator should know."""

    snapshot_position: int = 0
    folded: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Opened:
    """A folder ready for an engine."""

    folder: Path
    config: Config
    log: SqliteLog
    state: State
    story: Story


def open_folder(folder: Path, clock_ms: Callable[[], int], progress: Progress | None = None) -> Opened:
    """Lock the folder, bring the state up to the end of the log, and log the configuration where it changed."""
    started = time.perf_counter()
    config = read_config(folder)
    log = open_log(folder, at_ms=clock_ms())
    try:
        recovered = recover(folder, log, progress=progress)
        state = recovered.state
        story = Story(recovered.snapshot_position, state.position - recovered.snapshot_position)
        story.notes = [f"snapshot passed over: {reason}" for reason in recovered.passed_over]
        unnamed = any(placement.version_index < 0 for placement in state.placements.values())
        if state.config != config or unnamed:  # an earlier version of ours called its policies otherwise
            story.notes += _changes(state.config, config, state.experiments.standings)
            state.fold(log.append(_config_chunks(state, config)))
        story.notes += [
            f"placement {name}: {placement.policy.missing}"
            for name, placement in state.placements.items()
            if isinstance(placement.policy, GuardedPolicy) and placement.policy.missing
        ]
        story.seconds = time.perf_counter() - started
    except BaseException:
        log.close()
        raise
    return Opened(folder, config, log, state, story)


def _config_chunks(state: State, config: Config) -> list[Chunk]:
    """The configuration, and before it the ids that it needs."""
    chunks: list[Chunk] = []
    names = {
        "placement": list(counting_placements(config)),
        "policy": [policy_version(p.policy, p.seen) for p in config.placements.values()]
        + ([] if config.holdout is None else [version_served(config.holdout)])
        + list(variant_versions(config).values()),
    }
    for namespace, texts in names.items():
        new = [text for text in dict.fromkeys(texts) if state.interner.lookup(namespace, text) < 0]
        if namespace == "placement" and state.interner.size(namespace) + len(new) > MAX_PLACEMENTS:
            found = f"{state.interner.size(namespace)} in the log and {len(new)} new"
            raise InvalidInputError(
                Problem("placements", found, f"at most {MAX_PLACEMENTS} names over a log's whole life")
            )
        if new:
            ids = msgspec.msgpack.encode({"namespace": namespace, "texts": new})
            chunks.append(DocumentChunk(DocumentKind.IDS, ids))
    return [*chunks, DocumentChunk(DocumentKind.CONFIG, msgspec.msgpack.encode(config))]


def _changes(old: Config | None, new: Config, standings: Standings) -> list[str]:
    """What the change of configuration does to arms and to experiments that were started."""
    if old is None:
        return []
    notes = []
    old_placements, new_placements = counting_placements(old), counting_placements(new)
    for name, placement in new_placements.items():
        before = old_placements.get(name)
        if before is None:
            notes.append(f"placement {name}: new, {_beginning(name, new, standings)}")
        elif counted(before, old) != counted(placement, new) and clicks_carry_over(before, old, placement, new):
            notes.append(
                f"placement {name}: what is counted after a click has changed; clicks carry over, the rest starts anew"
            )
        elif counted(before, old) != counted(placement, new):
            notes.append(f"placement {name}: what it counts has changed, its arms start anew")
        elif before != placement:
            notes.append(f"placement {name}: changed, its arms carry over")
    notes += [
        f"placement {name}: gone, its arms are forgotten" for name in old_placements if name not in new_placements
    ]
    return [*notes, *notes_of_edits(old, new, standings)]


def _beginning(name: str, config: Config, standings: Standings) -> str:
    experiment, dot, inner = name.partition(".")
    if not dot:
        return "its arms start at the prior"
    declared = config.experiments[experiment]
    return beginning(declared, declared.variants[inner], config, standings.get(experiment).started)
