"""Runs are kept as they come, and made once."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bandi.evaluation.talk import runs as module
from bandi.evaluation.talk.frozen import Frozen
from bandi.evaluation.talk.program import make_program
from bandi.evaluation.talk.record import Row, run_from_row
from bandi.evaluation.talk.runs import RunStore, perform
from bandi.evaluation.talk.tasks import BoundRun, Task, bound_tasks, work
from bandi.evaluation.worlds.funnel.parameters import preset_file
from bandi.model.config import Thompson, Ucb1


@pytest.fixture
def tasks(tiny: Frozen) -> list[Task]:
    program = make_program(tiny, ["experiments"], {"calibrated": preset_file("calibrated")}, (), tiny.quick)
    return program.worlds["calibrated"]


def bound_task(seed: int, name: str = "thompson") -> Task:
    return Task("bound", name, seed, BoundRun(Thompson() if name == "thompson" else Ucb1(), (0.5, 0.2), 40))


def test_a_kept_run_is_what_was_made(tasks: list[Task], tmp_path: Path) -> None:
    store, task = RunStore(tmp_path), tasks[1]
    row = work(task)
    store.write(task, row)
    made, kept = run_from_row(row), run_from_row(store.read(task))
    assert task.name == "reward_coins"
    assert made.mechanism is not None
    assert kept.mechanism is not None
    assert (made.mechanism.shown_after == kept.mechanism.shown_after).all()
    assert (made.result.title_impressions == kept.result.title_impressions).all()
    for name in ("visits", "expected_clicks", "organic_expected_coins"):
        assert (getattr(made.result.days, name) == getattr(kept.result.days, name)).all()
    assert kept.result.seed == task.seed
    assert kept.coins_mean == 30.0


def test_what_is_kept_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, ran = RunStore(tmp_path), list[Task]()

    def counted(task: Task, progress: object = None) -> Row:
        ran.append(task)
        return work(task)

    monkeypatch.setattr(module, "work", counted)
    first = [bound_task(1), bound_task(2)]
    visits: list[int] = []
    assert perform(first, store, on_visits=visits.append) == {"made": 2, "kept": 0}
    assert perform([*first, bound_task(3), bound_task(1, "ucb1")], store, on_visits=visits.append) == {
        "made": 2,
        "kept": 2,
    }
    assert ran == [*first, bound_task(3), bound_task(1, "ucb1")]
    assert sum(visits) == 80  # those that were kept count as done


def test_what_was_done_before_an_interruption_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, tasks = RunStore(tmp_path), [bound_task(seed) for seed in range(1, 5)]

    def interrupted(task: Task, progress: object = None) -> Row:
        if task.seed == 3:
            raise KeyboardInterrupt
        return work(task)

    monkeypatch.setattr(module, "work", interrupted)
    with pytest.raises(KeyboardInterrupt):
        perform(tasks, store)
    monkeypatch.undo()
    assert [store.has(task) for task in tasks] == [True, True, False, False]
    assert perform(tasks, store) == {"made": 2, "kept": 2}


def test_a_half_written_file_is_no_run(tmp_path: Path) -> None:
    store, task = RunStore(tmp_path), bound_task(1)
    (tmp_path / "bound").mkdir()
    (tmp_path / f"{task.key}.partial").write_bytes(b"PAR1")
    assert not store.has(task)
    assert perform([task], store) == {"made": 1, "kept": 0}
    assert store.read(task)["seed"] == 1


def test_equal_runs_have_one_key(tasks: list[Task]) -> None:
    task = tasks[0]
    assert msgspec.structs.replace(task, name="another name").key == task.key
    assert msgspec.structs.replace(task, seed=9).key != task.key
    changed = msgspec.structs.replace(task.what, update_every=51)
    assert msgspec.structs.replace(task, what=changed).key != task.key
    assert len({other.key for other in tasks}) == len(tasks)


def test_workers_make_the_same_runs(tiny: Frozen, tmp_path: Path) -> None:
    tasks = bound_tasks(tiny.bound, [1])
    alone, together = RunStore(tmp_path / "1"), RunStore(tmp_path / "2")
    perform(tasks, alone)
    assert perform(tasks, together, processes=2) == {"made": 3, "kept": 0}
    for task in tasks:
        assert np.array_equal(alone.read(task)["regret"], together.read(task)["regret"])
