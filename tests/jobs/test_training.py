"""Training from a log, and taking an artifact up while the engine runs."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import bandi
from bandi.engine.artifacts import Shelf
from bandi.jobs.training import train
from bandi.model.errors import InvalidInputError, LogDamagedError, UnknownNameError

CONFIG = """
[placements.home]
targeters = [{ use = "factors", n = 10 }]
exclude = ["read"]
policy = { use = "thompson" }

[placements.viewer_end]
targeters = [{ use = "similar", n = 6 }]
policy = { use = "thompson" }

[factors]
factors = 8
iterations = 10
"""


def make_shop(folder: Path) -> None:
    """Readers of even titles and readers of odd ones."""
    folder.mkdir(exist_ok=True)
    (folder / "bandi.toml").write_text(CONFIG)
    random = np.random.default_rng(1)
    with bandi.open(folder) as engine:
        engine.put_items([bandi.Item(id=f"t{i}") for i in range(40)])
        events = [
            bandi.Read(user=f"u{user}", item=f"t{2 * random.integers(0, 20) + user % 2}")
            for user in range(60)
            for _ in range(9)
        ]
        engine.record_many(events)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    make_shop(folder)
    train(folder)
    return folder


def copied(folder: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, tmp_path / "copy"))


def wait_for(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lists_follow_the_taste_of_the_reader(trained: Path, tmp_path: Path) -> None:
    with bandi.open(copied(trained, tmp_path)) as engine:
        for user in range(20):
            ranking = engine.recommend(f"u{user}", k=5)
            assert {int(slot.item[1:]) % 2 for slot in ranking} == {user % 2}
            assert {slot.sources for slot in ranking} == {("factors",)}
        beside = engine.recommend(None, "viewer_end", k=5, item="t7")
        assert {int(slot.item[1:]) % 2 for slot in beside} == {1}
        assert "t7" not in [slot.item for slot in beside]
        engine.record(bandi.Read(user="somebody new", item="t4"))
        assert {int(slot.item[1:]) % 2 for slot in engine.recommend("somebody new", k=5)} == {0}


def test_metrics_say_what_was_held_out_and_beat_the_most_read(trained: Path) -> None:
    manifest = Shelf(trained).manifest("000001")
    assert manifest.reads == 540
    assert manifest.metrics["judged_readers"] == 60
    assert manifest.metrics["recall_at_20"] > manifest.metrics["popular_recall_at_20"]


def test_a_running_engine_takes_a_new_artifact_up_and_goes_back(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path)
    with bandi.open(folder) as engine:
        assert engine.artifact == "000001"
        asked = [engine.recommend("u1", k=5)]
        subprocess.run([sys.executable, "-m", "bandi", "train", str(folder)], check=True, capture_output=True)
        wait_for(lambda: engine.artifact == "000002")
        asked.append(engine.recommend("u1", k=5))
        engine.artifacts.use("000001")
        wait_for(lambda: engine.artifact == "000001")
        asked.append(engine.recommend("u1", k=5))
        for ranking in asked:  # each with the artifact of its time
            assert engine.ask_again(ranking.request_id) == ranking
    with bandi.open(folder) as engine:
        assert engine.artifact == "000001"
        assert engine.ask_again(asked[1].request_id) == asked[1]


def test_a_damaged_artifact_leaves_the_one_before_in_use(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(trained, tmp_path)
    broken = folder / "artifacts" / "000002.artifact"
    broken.write_bytes((folder / "artifacts" / "000001.artifact").read_bytes()[:-100])
    with pytest.raises(LogDamagedError):
        Shelf(folder).use("000002")
    with bandi.open(folder) as engine:
        (folder / "artifacts" / "current").write_text("000002")
        wait_for(lambda: "000002 was not taken up" in capsys.readouterr().err)
        assert engine.artifact == "000001"
        assert len(engine.recommend("u1", k=5)) == 5


def test_a_folder_without_its_artifact_still_recommends(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path)
    with bandi.open(folder):
        pass
    (folder / "artifacts" / "000001.artifact").unlink()
    with bandi.open(folder) as engine:
        assert len(engine.recommend("u1", k=5)) == 5


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    (tmp_path / "bandi.toml").write_text(CONFIG)
    with pytest.raises(InvalidInputError, match="no clicks, reads or purchases"):
        train(tmp_path)  # a folder that was never opened
    with bandi.open(tmp_path) as engine:
        engine.put_items([bandi.Item(id="t1")])
    with pytest.raises(InvalidInputError, match="no clicks, reads or purchases"):
        train(tmp_path)
    assert Shelf(tmp_path).current() == ""


def test_one_reader_of_one_title_is_enough(tmp_path: Path) -> None:
    (tmp_path / "bandi.toml").write_text(CONFIG)
    with bandi.open(tmp_path) as engine:
        engine.put_items([bandi.Item(id="t1")])
        engine.record(bandi.Read(user="u", item="t1"))
    assert train(tmp_path).metrics == {}
    with bandi.open(tmp_path) as engine:
        assert len(engine.recommend("v", k=3)) == 1


def test_names_of_no_artifact_are_refused(trained: Path) -> None:
    for name in ("000009", "../secret", ""):
        with pytest.raises(UnknownNameError):
            Shelf(trained).manifest(name)


def test_a_killed_training_leaves_the_artifact_before(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path)
    code = (
        "import os, signal, bandi.engine.artifacts as a, bandi.learning.snapshots as s\n"
        "whole = s._write\n"
        "def cut(file, *rest):\n    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "s._write = cut\n"
        "from pathlib import Path; from bandi.jobs.training import train; import sys; train(Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], check=False, capture_output=True)
    assert done.returncode == -9
    shelf = Shelf(folder)
    assert (shelf.names(), shelf.current()) == (["000001"], "000001")
    assert train(folder).name == "000002"


def test_a_large_catalogue_is_indexed(trained: Path, tmp_path: Path) -> None:
    folder = copied(trained, tmp_path)
    (folder / "bandi.toml").write_text(CONFIG + "index_from = 10\n")
    assert not Shelf(folder).manifest("000001").indexed
    assert train(folder).indexed
    with bandi.open(folder) as engine:
        learned = engine.artifacts.load("000002")
        assert learned.by_score is not None
        assert learned.likeness["factors"].index is not None
        ranking = engine.recommend("u1", k=5)
        assert {int(slot.item[1:]) % 2 for slot in ranking} == {1}
        assert engine.ask_again(ranking.request_id) == ranking


@pytest.mark.parametrize(("regularisation", "alpha", "said"), [(10.0, 10.0, False), (20.0, 1.0, True)])
def test_factors_that_have_collapsed_into_popularity_are_said(
    tmp_path: Path, regularisation: float, alpha: float, said: bool
) -> None:
    """Readers of ten titles each, some titles read more: much regularisation leaves one direction."""
    config = CONFIG.replace("factors = 8\n", f"factors = 8\nregularisation = {regularisation}\nalpha = {alpha}\n")
    (tmp_path / "bandi.toml").write_text(config)
    random = np.random.default_rng(1)
    odds = 1.0 / np.arange(5, 105)
    with bandi.open(tmp_path) as engine:
        engine.put_items([bandi.Item(id=f"t{i}") for i in range(100)])
        for user in range(100):
            titles = random.choice(100, 10, replace=False, p=odds / odds.sum())
            engine.record_many([bandi.Read(user=f"u{user}", item=f"t{item}") for item in titles])
    manifest = train(tmp_path)
    assert (float(manifest.features["factors"]["effective_dimensions"]) < 1.5) == said
    assert any("lower regularisation" in problem for problem in manifest.problems) == said


def test_without_the_newest_titles_nothing_of_them_is_left(tmp_path: Path) -> None:
    """Also where the newest was read before, and where it is all that a reader read."""
    from bandi.jobs.reading import read_material, without_newest

    (tmp_path / "bandi.toml").write_text(CONFIG)
    with bandi.open(tmp_path) as engine:
        engine.put_items([bandi.Item(id=f"t{i}") for i in range(4)])
        reads = [("a", 1), ("a", 2), ("a", 1), ("b", 3), ("c", 0), ("c", 3), ("c", 2)]
        engine.record_many([bandi.Read(user=user, item=f"t{item}") for user, item in reads])
    material = without_newest(read_material(tmp_path, lambda done, total: None))
    names = material.state.interner.texts("user")
    assert [(names[user], int(item)) for user, item in zip(material.users, material.items, strict=True)] == [
        ("a", 2),
        ("c", 0),
        ("c", 3),
    ]
