"""Segments in the engine: outcomes count for the reader's segment, lists follow it, and the log says so."""

from pathlib import Path

import numpy as np
import pytest

import bandi
from bandi.engine.doctor import differences, examine
from bandi.engine.memberships import Memberships, _drawn
from bandi.engine.recovery import recover
from bandi.jobs.training import train

CONFIG = """
[placements.home]
policy = { use = "thompson" }
[placements.push]
policy = { use = "thompson", position = "ignored" }
impressions = "implied"
[segments]
k = 2
features = ["factors"]
[factors]
factors = 8
"""
GENRES = ("drama", "sports")


def make_shop(folder: Path, config: str = CONFIG) -> None:
    """Sixty readers of even titles and of odd ones."""
    folder.mkdir(exist_ok=True)
    (folder / "bandi.toml").write_text(config)
    random = np.random.default_rng(1)
    with bandi.open(folder) as engine:
        engine.put_items([bandi.Item(id=f"t{i}", genre=GENRES[i % 2], tags=(GENRES[i % 2],)) for i in range(40)])
        engine.put_users(
            [bandi.User(id=f"u{i}", fields={"gender": "fm"[i % 2]}, age=20 + 20 * (i % 2)) for i in range(60)]
        )
        engine.record_many(
            [
                bandi.Read(user=f"u{user}", item=f"t{2 * random.integers(0, 20) + user % 2}")
                for user in range(60)
                for _ in range(9)
            ]
        )
    train(folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segmented")
    make_shop(folder)
    return folder


@pytest.fixture
def shop(trained: Path, tmp_path: Path):
    import shutil

    with bandi.open(shutil.copytree(trained, tmp_path / "copy")) as engine:
        yield engine


def play(engine: bandi.Engine, rounds: int) -> None:
    """Readers click titles of their own kind and no others."""
    for number in range(rounds):
        user = number % 60
        ranking = engine.recommend(f"u{user}", k=8)
        events: list = [bandi.Impression(user=f"u{user}", item=s.item, request=ranking.request_id) for s in ranking]
        events += [
            bandi.Click(user=f"u{user}", item=s.item, request=ranking.request_id)
            for s in ranking
            if int(s.item[1:]) % 2 == user % 2
        ]
        engine.record(*events)


def test_readers_of_one_kind_share_a_segment(shop: bandi.Engine) -> None:
    decider = shop._decider
    heaviest = [int(decider.membership(shop._state.interner.lookup("user", f"u{i}")).argmax()) for i in range(60)]
    assert {heaviest[i] for i in range(0, 60, 2)} != {heaviest[i] for i in range(1, 60, 2)}
    assert len({heaviest[i] for i in range(0, 60, 2)}) == len({heaviest[i] for i in range(1, 60, 2)}) == 1
    assert len(decider.membership(-1)) == 0


def test_lists_follow_the_segment_that_learned(shop: bandi.Engine) -> None:
    """Without targeters: only the arms of the reader's segment can tell what they click."""
    play(shop, 300)
    own = [
        np.mean([int(slot.item[1:]) % 2 == user % 2 for slot in shop.recommend(f"u{user}", k=8)]) for user in range(60)
    ]
    assert np.mean(own) > 0.85
    assert 0.2 < np.mean([int(s.item[1:]) % 2 for _ in range(40) for s in shop.recommend(None, k=8)]) < 0.8


def test_a_reader_who_begins_to_read_moves_to_the_segment_at_the_next_request(shop: bandi.Engine) -> None:
    play(shop, 300)
    shop.record(*[bandi.Read(user="new", item=f"t{i}") for i in (1, 5, 9)])
    odd = [np.mean([int(slot.item[1:]) % 2 for slot in shop.recommend("new", k=8)]) for _ in range(20)]
    assert np.mean(odd) > 0.8


def test_the_log_says_which_segment_and_its_fold_is_the_live_state(shop: bandi.Engine) -> None:
    play(shop, 40)
    shop.recommend("u1", "push", k=4)
    shop.record(bandi.Click(user="stranger", item="t0", placement="home"))
    shop._flushed()
    state, log = shop._state, shop._log
    counts = state.placements["home"].policy.dump()["counts"][:, :, 1].sum(axis=0)
    assert counts[0] == 1  # the stranger
    assert (counts[1:] > 50).all()
    assert state.placements["push"].policy.dump()["counts"][:, 1:, 1].sum() == 4  # implied impressions
    fresh = recover(shop.path / "nowhere", log).state
    assert differences(fresh.dump(), state.dump()) == []
    shop.close()
    assert all(finding.ok for finding in examine(shop.path))


def test_the_fold_needs_no_artifact_file(shop: bandi.Engine) -> None:
    play(shop, 20)
    shop._flushed()
    before = shop._state.dump()
    for path in (shop.path / "artifacts").glob("*.artifact"):
        path.unlink()
    fresh = recover(shop.path / "nowhere", shop._log).state
    assert differences(fresh.dump(), before) == []
    assert len(shop.recommend("u1", k=5)) == 5


def test_numbers_stay_over_trainings(shop: bandi.Engine) -> None:
    play(shop, 60)
    numbers = [int(shop._decider.membership(user).argmax()) for user in range(60)]
    shop._flushed()
    train(shop.path)
    assert shop._reloading.look() or shop.artifact == "000002"
    assert [int(shop._decider.membership(user).argmax()) for user in range(60)] == numbers


def test_profiles_describe_by_what_is_read_and_by_what_is_known(trained: Path) -> None:
    from bandi.engine.artifacts import Shelf

    profiles = Shelf(trained).manifest("000001").segments
    assert profiles is not None
    assert profiles.readers == 60
    genres = [segment.genres[0].name for segment in profiles.segments]
    assert sorted(genres) == sorted(GENRES)
    for segment in profiles.segments:
        about = {attribute.name: attribute for attribute in segment.attributes}
        female = next((v.share for v in about["gender"].values if v.value == "f"), 0.0)
        assert (female > 0.8) == (segment.genres[0].name == "drama")
        assert about["age"].mean is not None
        assert (about["age"].mean < 30) == (segment.genres[0].name == "drama")


def test_draws_follow_the_weights() -> None:
    """100,000 draws: each share within 4.5 standard errors; the same request gives the same segment."""
    weights = np.array([0.5, 0.3, 0.2], np.float32)
    keys = np.arange(1, 100_001, dtype=np.uint64) << np.uint64(10)
    drawn = _drawn(np.broadcast_to(weights, (len(keys), 3)), keys)
    for segment, weight in enumerate(weights, 1):
        assert abs((drawn == segment).mean() - weight) < 4.5 * np.sqrt(weight * (1 - weight) / len(keys))
    assert (drawn == _drawn(np.broadcast_to(weights, (len(keys), 3)), keys)).all()


def test_a_model_of_another_number_of_segments_is_not_used(shop: bandi.Engine) -> None:
    folder = shop.path
    play(shop, 20)
    shop.close()
    (folder / "bandi.toml").write_text(CONFIG.replace("k = 2", "k = 3"))
    with bandi.open(folder) as again:
        assert len(Memberships(again._state, again.artifacts).of(np.array([1, 3], np.int32))) == 0
        assert len(again.recommend("u1", k=5)) == 5
        assert again._state.placements["home"].policy.dump()["counts"].shape[1] == 4
        assert again.placement_totals()["home"][0] > 0  # arms carry over
        train(folder)
        again._reloading.look()
        assert len(Memberships(again._state, again.artifacts).of(np.array([1, 3], np.int32))) == 3
