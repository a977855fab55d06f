"""Priors from content in the engine: trained from the log, put in the artifact, used by decisions, shown by arms."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import bandi
from bandi.engine.artifacts import Shelf
from bandi.engine.doctor import differences
from bandi.engine.recovery import recover
from bandi.jobs.reading import read_material
from bandi.jobs.training import train
from bandi.model.errors import LogDamagedError
from bandi.policies.bernoulli import BernoulliPolicy

CONFIG = """
[placements.home]
policy = { use = "thompson", prior = { source = "content" } }
[placements.beside]
policy = { use = "ucb1", prior = { source = "content" } }
[placements.plain]
policy = { use = "thompson" }
[factors]
factors = 8
"""
SEGMENTS = '[segments]\nk = 2\nfeatures = ["factors"]\n'
LIKED, OTHER = 0.6, 0.02
DAY_S = 86_400.0


def make_shop(folder: Path, config: str = CONFIG) -> None:
    """Sixty titles of two genres; drama is clicked thirty times as often. Ten more titles, five of each, were never shown."""
    folder.mkdir(exist_ok=True)
    (folder / "bandi.toml").write_text(config)
    random = np.random.default_rng(1)
    with bandi.open(folder) as engine:
        genres = ["drama", "sports"] * 35
        engine.put_items([bandi.Item(id=f"t{i}", genre=genre, launched_at=1e9 + i) for i, genre in enumerate(genres)])
        for number in range(400):
            ranking = engine.recommend(f"u{number % 40}", k=10, seed=number)
            shown = [slot for slot in ranking if int(slot.item[1:]) < 60]
            user, request = f"u{number % 40}", ranking.request_id
            events: list[bandi.Event] = [bandi.Impression(user=user, item=slot.item, request=request) for slot in shown]
            events += [
                bandi.Click(user=user, item=slot.item, request=request)
                for slot in shown
                if random.random() < (OTHER if int(slot.item[1:]) % 2 else LIKED)
            ]
            engine.record(*events)


@pytest.fixture(scope="module", params=["", SEGMENTS], ids=["one", "segments"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    make_shop(folder, CONFIG + request.param)
    train(folder)
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def test_titles_never_shown_start_from_their_genre(folder: Path) -> None:
    with bandi.open(folder) as engine:
        means = {arm.item: arm.mean for arm in engine.arms(items=[f"t{i}" for i in range(60, 70)])}
        assert all(means[f"t{i}"] > 3 * means[f"t{j}"] for i in range(60, 70, 2) for j in range(61, 70, 2))
        assert {arm.mean for arm in engine.arms("plain", items=["t60", "t61"])} == {0.1}
        assert all(arm.trials == arm.successes == 0 for arm in engine.arms(items=["t60", "t61"]))
        shown = [int(slot.item[1:]) for seed in range(30) for slot in engine.recommend("u1", k=10, seed=seed)]
        assert np.mean([item % 2 == 0 for item in shown if item >= 60]) > 0.9


def test_the_manifest_says_what_speaks_for_them(folder: Path) -> None:
    report = Shelf(folder).manifest("000001").priors
    assert sorted(report) == ["beside", "home"]
    assert 50 <= report["home"]["titles"] <= 60
    assert report["home"]["held_out_content"] > report["home"]["held_out_constant"] + 0.5
    assert report["beside"]["titles"] == 0


def test_nothing_counted_in_a_placement_leaves_its_configured_mean(folder: Path) -> None:
    with bandi.open(folder) as engine:
        assert [arm.mean for arm in engine.arms("beside", items=["t60", "t61"])] == pytest.approx([0.1, 0.1])


def test_each_decision_is_asked_again_with_the_priors_of_its_time(folder: Path) -> None:
    with bandi.open(folder) as engine:
        asked = [engine.recommend("u1", place, k=8, seed=3) for place in ("home", "beside", "plain")]
        engine.record(
            *[bandi.Impression(user="u1", item=f"t{i}", placement="home") for i in range(60, 70) for _ in "1234"]
        )
        train(folder)
        assert engine.take_up() == "000002"
        asked += [engine.recommend("u1", place, k=8, seed=3) for place in ("home", "beside", "plain")]
        for ranking in asked:
            assert engine.ask_again(ranking.request_id) == ranking
        engine.artifacts.use("000001")
        engine.take_up()
        assert len(engine.propensities(asked[0].request_id, 10)) == 8


def test_the_fold_holds_nothing_of_priors(folder: Path) -> None:
    """The state of the log is the same with the artifact's file and without; then arms start as configured."""
    with bandi.open(folder) as engine:
        engine.recommend("u1", k=5)
        engine._flushed()
        before = engine._state.dump()
        (folder / "artifacts" / "000001.artifact").unlink()
        assert differences(recover(folder / "nowhere", engine._log).state.dump(), before) == []
    with bandi.open(folder) as engine:
        assert [arm.mean for arm in engine.arms(items=["t60", "t61"])] == pytest.approx([0.1, 0.1])
        assert len(engine.recommend("u1", k=5)) == 5


def test_priors_do_not_depend_on_how_the_log_was_cut(folder: Path) -> None:
    """Learned twice from one log, once by a snapshot and once from the first record on."""
    train(folder)
    with bandi.open(folder) as engine:
        engine.snapshot()
    train(folder)
    learned = [Shelf(folder).load(name).priors["home"] for name in ("000002", "000003")]
    assert learned[0].successes.tobytes() == learned[1].successes.tobytes()
    material = read_material(folder, lambda done, total: None)
    policy = material.state.placements["home"].policy
    assert isinstance(policy, BernoulliPolicy)
    assert policy.arms.counted(material.last_ms).shape[1] == len(learned[0].successes)


def test_priors_of_another_number_of_segments_wait_for_the_next_training(folder: Path) -> None:
    text = (folder / "bandi.toml").read_text()
    (folder / "bandi.toml").write_text(text.replace("k = 2", "k = 3") if "k = 2" in text else text + SEGMENTS)
    with bandi.open(folder) as engine:
        assert [arm.mean for arm in engine.arms(items=["t60", "t61"])] == pytest.approx([0.1, 0.1])
        assert len(engine.recommend("u1", k=5)) == 5
        train(folder)
        engine.take_up()
        means = [arm.mean for arm in engine.arms(items=["t60", "t61"])]
        assert means[0] > 3 * means[1]


def test_priors_that_are_no_priors_are_refused(folder: Path) -> None:
    shelf = Shelf(folder)
    learned = shelf.load("000001")
    learned.priors["home"].successes[0, 0] = -1.0
    from bandi.engine.artifact_files import Parts, read, written
    from bandi.learning.snapshots import read_snapshot, write_arrays

    arrays, facts = written(learned, Parts({}, {}), shelf.manifest("000001"))
    write_arrays(folder / "artifacts" / "000009.artifact", 1, arrays, facts)
    with pytest.raises(LogDamagedError, match="priors of home"):
        read(read_snapshot(folder / "artifacts" / "000009.artifact"), "000009")


EARNING = """
[placements.home]
policy = { use = "value", prior = { source = "content" } }
[placements.plain]
policy = { use = "value" }
[factors]
factors = 8
[objectives.click]
[objectives.continued]
event = "read"
count = 4
window = "7d"
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
"""


@pytest.fixture(scope="module")
def earning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of sixty titles are clicked alike; of drama everybody reads on and pays. Ten more titles were never shown."""
    folder = tmp_path_factory.mktemp("earning")
    (folder / "bandi.toml").write_text(EARNING)
    with bandi.open(folder) as engine:
        genres = ["drama", "sports"] * 35
        engine.put_items([bandi.Item(id=f"t{i}", genre=genre) for i, genre in enumerate(genres)])
        began = time.time() - 40 * DAY_S
        for number in range(600):
            user, item = f"u{number}", f"t{number % 60}"
            engine.record(
                bandi.Impression(user=user, item=item, placement="home", position=0, occurred_at=began),
                bandi.Click(user=user, item=item, placement="home", occurred_at=began + 1.0),
            )
            if number % 2 == 0:
                engine.record(
                    bandi.Read(user=user, item=item, episode=4, occurred_at=began + 2 * DAY_S),
                    bandi.Purchase(user=user, item=item, coins=10, occurred_at=began + 4 * DAY_S),
                )
    train(folder)
    return folder


def test_titles_that_nobody_started_are_worth_what_their_genre_is(earning: Path, tmp_path: Path) -> None:
    """Clicks tell nothing apart: drama stands first by its coins. Where nothing is learned by content both are alike."""
    folder = Path(shutil.copytree(earning, tmp_path / "copy"))
    learned = Shelf(folder).load("000001")
    assert list(learned.step_priors) == ["home"]
    means = learned.step_priors["home"].means
    assert means.shape == (2, 70)
    assert means[0, 60::2].min() > 3 * means[0, 61::2].max()
    with bandi.open(folder) as engine:
        drama = {place: share_of_drama(engine, place) for place in ("home", "plain")}
        assert drama["home"] > 0.8
        assert 0.3 < drama["plain"] < 0.7
        coins = {place: engine.coins(place, items=["t60", "t61"]) for place in ("home", "plain")}
        assert coins["home"][0].coins_per_start > 5 * coins["home"][1].coins_per_start
        assert coins["plain"][0].coins_per_start == coins["plain"][1].coins_per_start
        asked = engine.recommend("somebody", "home", k=8, seed=3)
        assert engine.ask_again(asked.request_id) == asked
    report = Shelf(folder).manifest("000001").priors["home"]
    assert {"step_1_shape", "step_2_shape"} <= set(report)


def share_of_drama(engine: bandi.Engine, place: str) -> float:
    """Of new titles in the first five slots."""
    shown = [int(slot.item[1:]) for seed in range(60) for slot in engine.recommend(f"n{seed}", place, k=5, seed=seed)]
    new = [item for item in shown if item >= 60]
    assert len(new) > 20
    return float(np.mean([item % 2 == 0 for item in new]))


def test_step_priors_of_another_chain_wait_for_the_next_training(earning: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(earning, tmp_path / "copy"))
    text = (folder / "bandi.toml").read_text().replace('use = "value", prior', 'use = "value", then = ["coins"], prior')
    (folder / "bandi.toml").write_text(text)
    with bandi.open(folder) as engine:
        assert len(engine.recommend("somebody", k=5)) == 5
        train(folder)
        engine.take_up()
        assert len(engine.recommend("somebody", k=5)) == 5
    assert Shelf(folder).load("000002").step_priors["home"].means.shape == (1, 70)
