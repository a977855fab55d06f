"""One call of the report: which runs it needs, and what was found once they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bandi.evaluation.talk.frozen import Frozen, Quick, Section
from bandi.evaluation.talk.record import Row
from bandi.evaluation.talk.report import Findings
from bandi.evaluation.talk.runs import RunStore
from bandi.evaluation.talk.summary import read_runs
from bandi.evaluation.talk.tasks import Task, bound_tasks, world_tasks
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, read_funnel, resized


class Program(NamedTuple):
    """The sections asked for and their runs: by world, the main one first; on stationary arms. presets: worlds of that section."""

    frozen: Frozen
    sections: tuple[Section, ...]
    worlds: dict[str, list[Task]]
    presets: tuple[str, ...]
    bound: list[Task]

    @property
    def tasks(self) -> list[Task]:
        """All of them."""
        return [*(task for tasks in self.worlds.values() for task in tasks), *self.bound]


def make_program(
    frozen: Frozen, sections: Sequence[Section], files: Mapping[str, Path], presets: Sequence[str], size: Quick | None
) -> Program:
    """files: of each world by name, the main one and `presets` among them; size: of the worlds, None: as their files say.

    Raises InvalidInputError where a file is not a funnel world's.
    """
    main_needed = any(section not in ("presets", "bound") for section in sections)
    wanted = ([frozen.main] if main_needed else []) + (list(presets) if "presets" in sections else [])
    worlds = {}
    for world in dict.fromkeys(wanted):
        here = [section for section in sections if section != "presets" or world in presets]
        seeds = frozen.seeds if world == frozen.main else frozen.preset_seeds
        worlds[world] = world_tasks(
            frozen,
            here,
            world,
            _sized(read_funnel(files[world]), size),
            range(frozen.first_seed, frozen.first_seed + seeds),
        )
    bound = bound_tasks(frozen.bound, range(1, frozen.bound.seeds + 1)) if "bound" in sections else []
    return Program(frozen, tuple(sections), worlds, tuple(presets), bound)


def with_seeds(frozen: Frozen, seeds: int) -> Frozen:
    """The same with so many draws everywhere."""
    bound = msgspec.structs.replace(frozen.bound, seeds=seeds)
    return msgspec.structs.replace(frozen, seeds=seeds, preset_seeds=seeds, bound=bound)


def with_quick_sizes(frozen: Frozen) -> Frozen:
    """The same with the seeds and the horizon of the first look; the worlds' sizes are `frozen.quick` itself."""
    bound = msgspec.structs.replace(frozen.bound, horizon=frozen.quick.horizon)
    return with_seeds(msgspec.structs.replace(frozen, bound=bound), frozen.quick.seeds)


def read_findings(program: Program, store: RunStore, command: str) -> Findings:
    """What the runs came to. Raises FileNotFoundError where one is missing."""
    bound: dict[str, list[Row]] = {}
    for task in program.bound:
        bound.setdefault(task.name, []).append(store.read(task))
    worlds = {world: read_runs(tasks, store) for world, tasks in program.worlds.items()}
    return Findings(program.frozen, program.sections, worlds, program.presets, bound, command)


def _sized(parameters: FunnelParameters, size: Quick | None) -> FunnelParameters:
    if size is None:
        return parameters
    return resized(parameters, readers=size.readers, days=size.days, visits=size.visits)
