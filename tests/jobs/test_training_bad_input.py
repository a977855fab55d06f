"""Training on poor data, on a full disk, beside artifacts that cannot be read: a clear answer, and lists all the same."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

import bandi
from bandi.engine.artifact_files import FORMAT
from bandi.engine.artifacts import Shelf
from bandi.jobs.training import train
from bandi.learning.snapshots import read_snapshot, write_arrays
from bandi.model.errors import InvalidInputError, LogDamagedError, NewerVersionError

CONFIG = """
[placements.home]
targeters = [{ use = "segment", n = 10 }, { use = "factors", n = 10 }]
[placements.viewer_end]
targeters = [{ use = "similar", by = ["text", "factors"], n = 6 }]
mmr = { relevance = 0.5, by = "text" }
[segments]
k = 4
[factors]
factors = 8
[text]
dimensions = 8
"""


def shop(folder: Path, items: list[bandi.Item], reads: list[tuple[str, str]], config: str = CONFIG) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "bandi.toml").write_text(config)
    with bandi.open(folder) as engine:
        engine.put_items(items)
        engine.record_many([bandi.Read(user=user, item=item) for user, item in reads])
    return folder


def lists(folder: Path) -> list[int]:
    """The lengths of lists that must always be had."""
    with bandi.open(folder) as engine:
        item = engine.items.page(limit=1)
        beside = engine.recommend("u0", "viewer_end", k=3, item=item[0].id if item else None)
        rankings = [engine.recommend("u0", k=3), engine.recommend(None, k=3), engine.recommend("new", k=3), beside]
        for ranking in rankings:
            assert engine.ask_again(ranking.request_id) == ranking
        return [len(ranking) for ranking in rankings]


def test_an_empty_catalogue_has_nothing_to_learn_from(tmp_path: Path) -> None:
    folder = shop(tmp_path / "shop", [], [])
    with pytest.raises(InvalidInputError, match="no clicks, reads or purchases, and no texts"):
        train(folder)
    assert lists(folder) == [0, 0, 0, 0]


def test_a_catalogue_without_reads_learns_from_its_texts(tmp_path: Path) -> None:
    items = [bandi.Item(id=f"t{i}", title=("winter love story", "space battle fleet")[i % 2]) for i in range(8)]
    folder = shop(tmp_path / "shop", items, [])
    manifest = train(folder)
    assert (manifest.reads, manifest.metrics) == (0, {})
    assert lists(folder) == [3, 3, 3, 3]
    with bandi.open(folder) as engine:
        alike = engine.recommend(None, "viewer_end", k=3, item="t0")
        assert {slot.item for slot in alike} == {"t2", "t4", "t6"}


@pytest.mark.parametrize(
    ("items", "reads"),
    [
        ([bandi.Item(id="t0", title="one")], [("u0", "t0")]),
        ([bandi.Item(id=f"t{i}") for i in range(5)], [("u0", "t1"), ("u0", "t2"), ("u0", "t3"), ("u0", "t4")]),
        ([bandi.Item(id=f"t{i}", description="😀🎉" * 50) for i in range(5)], [("u0", "t1"), ("u1", "t1")]),
        ([bandi.Item(id=f"t{i}", description="all the same") for i in range(5)], [(f"u{i}", "t1") for i in range(9)]),
        ([bandi.Item(id=f"t{i}", description="같은 말") for i in range(5)], [(f"u{i}", f"t{i % 5}") for i in range(2)]),
    ],
    ids=["one title, one reader", "no text, one reader", "only emoji", "all alike", "k above the readers"],
)
def test_poor_data_trains_and_lists_are_had(tmp_path: Path, items: list, reads: list) -> None:
    folder = shop(tmp_path / "shop", items, reads)
    manifest = train(folder)
    assert manifest.segments is not None
    assert len(manifest.segments.segments) == 4
    assert lists(folder) == [min(3, len(items))] * 4
    assert train(folder).name == "000002"  # and goes on from such an artifact


def test_images_without_a_root_are_said_and_passed_over(tmp_path: Path) -> None:
    config = CONFIG.replace('by = ["text", "factors"]', 'by = ["text", "image"]')
    folder = shop(
        tmp_path / "shop", [bandi.Item(id="t0", title="a b"), bandi.Item(id="t1", title="a c")], [("u", "t0")], config
    )
    manifest = train(folder)
    assert "[images] root is not set" in manifest.problems[0]
    assert manifest.mixes == {"text+image": {"text": 1.0}}
    assert len(lists(folder)) == 4


def test_thumbnails_are_learned_from_and_bad_ones_named(tmp_path: Path) -> None:
    from PIL import Image

    root = tmp_path / "shop" / "covers"
    root.mkdir(parents=True)
    for i in range(6):
        Image.new("RGB", (40, 40), ((220, 30, 30), (30, 30, 220))[i % 2]).save(root / f"t{i}.png")
    (root / "t5.png").write_bytes(b"no picture")
    config = CONFIG.replace('by = ["text", "factors"]', 'by = ["image"]') + '[images]\nroot = "covers"\n'
    folder = shop(
        tmp_path / "shop", [bandi.Item(id=f"t{i}", image=f"t{i}.png") for i in range(6)], [("u", "t0")], config
    )
    manifest = train(folder)
    assert [problem.partition(":")[0] for problem in manifest.problems] == ["t5"]
    with bandi.open(folder) as engine:
        assert engine.recommend(None, "viewer_end", k=2, item="t0")[0].item in ("t2", "t4")


def trained(tmp_path: Path) -> Path:
    items = [bandi.Item(id=f"t{i}", title=f"word{i % 3} story") for i in range(9)]
    folder = shop(tmp_path / "shop", items, [(f"u{i}", f"t{(i + j) % 9}") for i in range(12) for j in range(4)])
    train(folder)
    return folder


def rewritten(folder: Path, name: str, arrays: dict | None = None, **facts) -> None:
    snapshot = read_snapshot(folder / "artifacts" / "000001.artifact")
    path = folder / "artifacts" / f"{name}.artifact"
    write_arrays(path, snapshot.position, {**snapshot.arrays, **(arrays or {})}, {**snapshot.meta, **facts})


def test_an_artifact_of_another_version_is_refused_and_the_one_before_serves(tmp_path: Path) -> None:
    folder = trained(tmp_path)
    rewritten(folder, "000002", format=FORMAT + 1)
    with pytest.raises(NewerVersionError, match="upgrade Bandi, or train again"):
        Shelf(folder).use("000002")
    with bandi.open(folder) as engine:
        (folder / "artifacts" / "current").write_text("000002")
        assert not engine._reloading.look()
        assert engine.artifact == "000001"
        assert len(engine.recommend("u0", k=3)) == 3


@pytest.mark.parametrize("part", ["items", "part/text", "titles", "promise", "segments/centres"])
def test_a_vector_with_nan_is_refused(tmp_path: Path, part: str) -> None:
    folder = trained(tmp_path)
    poisoned = read_snapshot(folder / "artifacts" / "000001.artifact").arrays[part]
    poisoned[1, 0] = np.nan
    rewritten(folder, "000002", {part: poisoned})
    with pytest.raises((LogDamagedError, InvalidInputError), match="train again"):
        Shelf(folder).load("000002")


def test_an_artifact_of_the_first_format_still_serves(tmp_path: Path) -> None:
    folder = trained(tmp_path)
    snapshot = read_snapshot(folder / "artifacts" / "000001.artifact")
    meta = {name: value for name, value in snapshot.meta.items() if name != "format"}
    manifest = msgspec.json.decode(str(meta["manifest"]))
    early = {
        name: value for name, value in manifest.items() if name not in ("features", "mixes", "segments", "problems")
    }
    meta["manifest"] = msgspec.json.encode(early).decode()
    write_arrays(folder / "artifacts" / "000002.artifact", 1, {"items": snapshot.arrays["items"]}, meta)
    learned = Shelf(folder).load("000002")
    assert learned.segments is None
    assert "factors" in learned.likeness


def test_a_training_that_runs_out_of_disk_leaves_the_artifact_before(tmp_path: Path) -> None:
    folder = trained(tmp_path)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from bandi.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))\n"
        "main(['train', sys.argv[1]])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], check=False, capture_output=True, text=True)
    assert done.returncode == 6, done.stderr
    assert "free space" in done.stderr
    assert (Shelf(folder).names(), Shelf(folder).current()) == (["000001"], "000001")
    assert list((folder / "artifacts").glob("*.partial")) == []
    assert lists(folder) == [3, 3, 3, 3]
