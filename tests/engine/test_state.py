"""The fold of the log is the live state, to the bit; snapshots, configuration changes, damage, a full disk."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bandi
from bandi.engine.doctor import differences, examine
from bandi.engine.recovery import SNAPSHOTS, recover
from bandi.model.events import Event

THREE = """
[placements.home]
policy = { use = "thompson", half_life = "7d" }
[placements.viewer_end]
policy = { use = "ucb1" }
impressions = "implied"
[placements.push]
policy = { use = "editor" }
[log]
duplicate_horizon = 1000
attribution_horizon = 1000
"""


def write_config(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bandi.toml").write_text(text, encoding="utf-8")


def is_the_fold_of_its_log(engine: bandi.Engine) -> bool:
    engine._flushed()
    fresh = recover(engine.path / "nowhere", engine._log).state
    return differences(fresh.dump(), engine._state.dump()) == []


steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(["home", "viewer_end", "push"]), st.integers(0, 5)),
        st.tuples(st.just("click"), st.integers(0, 30), st.integers(0, 7)),
        st.tuples(st.just("see"), st.integers(0, 30), st.integers(0, 7)),
        st.tuples(st.just("orphan"), st.integers(0, 9), st.sampled_from(["home", "viewer_end"])),
        st.tuples(st.just("put"), st.integers(0, 12)),
        st.tuples(st.just("delete"), st.integers(0, 12)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("snapshot")),
        st.tuples(st.just("seal")),
    ),
    max_size=30,
)


@given(steps=steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_fold_of_the_log_is_the_live_state(
    tmp_path_factory: pytest.TempPathFactory, steps: list
) -> None:
    folder = tmp_path_factory.mktemp("shop")
    write_config(folder, THREE)
    engine = bandi.open(folder)
    engine.items.put([bandi.Item(id=f"t{i}", editor_rank=i + 1) for i in range(8)])
    requests: list[str] = []
    for number, (what, *values) in enumerate(steps):
        if what == "ask":
            requests.append(engine.recommend(user=f"u{values[1]}", placement=values[0], k=4).request_id)
        elif what in ("click", "see") and requests:
            kind = bandi.Click if what == "click" else bandi.Impression
            engine.record(
                kind(
                    user="u",
                    item=f"t{values[1]}",
                    request=requests[values[0] % len(requests)],
                    event_id=f"e{number % 20}",
                )
            )
        elif what == "orphan":
            engine.record(bandi.Click(user=f"n{values[0]}", item="t0", placement=values[1]))
        elif what == "put":
            engine.items.put([bandi.Item(id=f"t{values[0]}", title="again")])
        elif what == "delete":
            engine.items.delete([f"t{values[0]}"])
        elif what == "restart":
            engine.close()
            engine = bandi.open(folder)
        elif what == "snapshot":
            engine.snapshot()
        elif what == "seal":
            engine.seal()
    assert is_the_fold_of_its_log(engine)
    engine.close()
    assert all(finding.ok for finding in examine(folder)), examine(folder)


def play(engine: bandi.Engine, rounds: int = 30) -> None:
    for i in range(rounds):
        ranking = engine.recommend(user=f"u{i}", k=4)
        events: list[Event] = [
            bandi.Impression(user=f"u{i}", item=slot.item, request=ranking.request_id) for slot in ranking
        ]
        engine.record(*events, bandi.Click(user=f"u{i}", item=ranking[i % 4].item, request=ranking.request_id))


def test_a_start_behind_a_snapshot_is_the_same_as_without(shop: bandi.Engine, folder: Path) -> None:
    play(shop)
    shop.snapshot()
    play(shop)
    shop._flushed()
    before = shop._state.dump()
    shop.close()
    with bandi.open(folder) as again:
        assert again.opening.snapshot_position > 0
        assert differences(before, again._state.dump()) == []


def test_a_damaged_snapshot_is_passed_over_and_named(shop: bandi.Engine, folder: Path) -> None:
    play(shop)
    arms = shop.arms()
    shop.close()
    for path in (folder / SNAPSHOTS).iterdir():
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert not all(finding.ok for finding in examine(folder))
    with bandi.open(folder) as again:
        assert again.opening.snapshot_position == 0
        assert "checksum" in again.opening.notes[0]
        assert again.arms() == arms


def test_a_snapshot_that_differs_from_the_log_is_found_by_the_doctor(shop: bandi.Engine, folder: Path) -> None:
    from bandi.learning.snapshots import newest_snapshots, read_snapshot, write_snapshot

    play(shop)
    shop.close()
    path = newest_snapshots(folder / SNAPSHOTS)[0]
    snapshot = read_snapshot(path)
    snapshot.arrays["placement/home/policy/counts"][0, 0, 0] += 1
    write_snapshot(path.parent, snapshot.position, snapshot.arrays, snapshot.meta)
    bad = [finding for finding in examine(folder) if not finding.ok]
    assert [finding.subject for finding in bad] == [path.name]
    assert "placement/home/policy/counts" in bad[0].detail


@pytest.mark.parametrize(
    ("change", "carries_over"),
    [
        ('policy = { use = "thompson" }\nk = 3', True),
        ('policy = { use = "epsilon_greedy", epsilon = 0.5 }', True),
        ('policy = { use = "thompson", prior = { mean = 0.3 } }', True),
        ('policy = { use = "thompson", half_life = "1d" }', False),
        ('impressions = "implied"', False),
    ],
)
def test_arms_carry_over_unless_what_they_count_has_changed(
    shop: bandi.Engine, folder: Path, change: str, carries_over: bool
) -> None:
    play(shop)
    trials = shop.placement_totals()["home"][0]
    shop.close()
    write_config(folder, f"[placements.home]\n{change}\n")
    with bandi.open(folder) as again:
        assert again.placement_totals()["home"][0] == (trials if carries_over else 0)
        assert ("carry over" if carries_over else "start anew") in again.opening.notes[-1]
        play(again)
        assert is_the_fold_of_its_log(again)


def test_decisions_of_an_earlier_configuration_can_be_asked_again(shop: bandi.Engine, folder: Path) -> None:
    play(shop)
    ranking = shop.recommend(user="u", k=4)
    shop.close()
    write_config(folder, '[placements.home]\npolicy = { use = "ucb1" }\n')
    with bandi.open(folder) as again:
        play(again)
        assert again.ask_again(ranking.request_id) == ranking


def test_one_process_at_a_time(shop: bandi.Engine, folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import bandi, sys\ntry: bandi.open(sys.argv[1])\nexcept bandi.FolderBusyError as e: print('busy:', e)", str(folder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.startswith("busy:")


FULL = """
import sys, bandi, resource, signal
engine = bandi.open(sys.argv[1])
engine.items.put([bandi.Item(id="t")])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
room = sum(f.stat().st_size for f in engine.path.rglob('tail*')) + 200_000
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
sent, full = 0, 0
for i in range(2000):
    try:
        sent += engine.record_many([bandi.Click(user='u', item='t', placement='home', event_id=f'{i}-{j}') for j in range(100)]).accepted
    except bandi.StorageFullError as error:
        full = i
        break
assert full, 'the disk never filled'
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
again = engine.record_many([bandi.Click(user='u', item='t', placement='home', event_id=f'{full}-{j}') for j in range(100)])
assert (again.accepted, again.duplicates) == (100, 0), again
assert engine.stats().events['click'] == sent + 100
engine.close()
print('mended', sent)
"""


def test_a_full_disk_refuses_whole_batches_and_takes_them_when_there_is_room(folder: Path) -> None:
    result = subprocess.run([sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("mended"), result.stderr
    with bandi.open(folder) as again:
        assert is_the_fold_of_its_log(again)
    assert all(finding.ok for finding in examine(folder))


def test_the_queue_is_bounded(folder: Path) -> None:
    write_config(folder, "[serve]\nmax_queue = 1000\n")
    with bandi.open(folder) as engine:
        engine.items.put([bandi.Item(id="t")])
        batch: list[Event] = [bandi.Click(user="u", item="t", placement="home")] * 900
        answers: list[object] = []
        with pytest.raises(bandi.OverloadedError):
            for _ in range(200):
                engine.submit(batch, answers.append)
        engine._flushed()
        assert engine.stats().events["click"] == 900 * len(answers)
