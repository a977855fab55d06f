"""What the live view says of an artifact: groups, and titles with those most like them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import bandi
from bandi.jobs.training import train
from bandi.serving import learned_view as module
from bandi.serving.learned_view import learned_view
from bandi.serving.live import Live

CONFIG = """
[placements.viewer_end]
targeters = [{ use = "similar", by = ["text", "factors"] }]
[segments]
k = 2
[factors]
factors = 4
"""
WORDS = {"action": "swords and dragons in the night", "romance": "letters and flowers at the office"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[bandi.Engine]:
    """Two kinds of readers, of 40 and 20; trained, and taken up at opening."""
    (tmp_path / "bandi.toml").write_text(CONFIG)
    with bandi.open(tmp_path) as engine:
        engine.items.put(
            [
                bandi.Item(id=f"{genre}{i}", title=f"The {genre} {i}", genre=genre, description=f"{WORDS[genre]} {i}")
                for genre in WORDS
                for i in range(8)
            ]
        )
        engine.users.put(
            [bandi.User(id=f"u{u}", fields={"gender": "m" if u % 3 else "f", "age": 20 + u % 3}) for u in range(60)]
        )
        for u in range(60):
            genre = "action" if u % 3 else "romance"
            engine.record(*(bandi.Read(user=f"u{u}", item=f"{genre}{(u + i) % 8}") for i in range(5)))
        yield engine


def test_groups_are_described_largest_first(engine: bandi.Engine) -> None:
    name = train(engine.path).name
    view = learned_view(engine, name)
    assert view is not None
    assert (view.artifact, view.readers, view.reads, view.by) == (name, 60, 300, "text+factors")
    assert [group.genres[0].name for group in view.groups] == ["action", "romance"]
    assert [group.share for group in view.groups] == pytest.approx([2 / 3, 1 / 3], abs=0.02)
    gender, age = view.groups[1].traits
    assert (gender.name, gender.value, age.value) == ("gender", "f", None)
    assert (gender.group, gender.everyone) == pytest.approx((1.0, 1 / 3), abs=0.03)
    assert (age.group, age.everyone) == pytest.approx((20.0, 21.0), abs=0.1)


def test_alike_titles_are_those_of_the_likeness(engine: bandi.Engine) -> None:
    name = train(engine.path).name
    view = learned_view(engine, name)
    learned = engine.artifacts.load(name)
    assert view is not None
    vectors = learned.likeness["text+factors"].vectors
    order = [f"{genre}{i}" for genre in WORDS for i in range(8)]
    assert len({title.item for title in view.titles}) == len(view.titles) == 16
    for title in view.titles:
        cosines = vectors @ vectors[order.index(title.item)]
        cosines[order.index(title.item)] = -np.inf
        assert [other.cosine for other in title.alike] == pytest.approx(np.sort(cosines)[::-1][:5].tolist(), abs=1e-5)
        assert {other.genre for other in title.alike} == {title.genre}
        assert title.title == f"The {title.genre} {title.item.removeprefix(title.genre)}"


def test_titles_that_are_no_more_are_left_out(engine: bandi.Engine) -> None:
    name = train(engine.path).name
    engine.items.delete(["action0", "romance1"])
    view = learned_view(engine, name)
    assert view is not None
    named = {title.item for title in view.titles} | {other.item for title in view.titles for other in title.alike}
    assert named == {f"{genre}{i}" for genre in WORDS for i in range(8)} - {"action0", "romance1"}


def test_an_artifact_is_looked_at_once(engine: bandi.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(engine)
    assert live.view().learned is None
    assert live.view().segmented
    train(engine.path)
    engine._reloading.look()
    asked: list[str] = []

    def counted(of: bandi.Engine, name: str) -> module.LearnedView | None:
        asked.append(name)
        return learned_view(of, name)

    monkeypatch.setattr("bandi.serving.live.learned_view", counted)
    for _ in range(3):
        live.look_at_artifact()
    assert asked == ["000001"]
    learned = live.view().learned
    assert learned is not None
    assert learned.artifact == "000001"


def test_a_view_is_bounded_whatever_the_catalogue(engine: bandi.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TITLES_SHOWN", 3)
    monkeypatch.setattr(module, "ALIKE_SHOWN", 2)
    monkeypatch.setattr(module, "GROUPS_SHOWN", 1)
    view = learned_view(engine, train(engine.path).name)
    assert view is not None
    assert (len(view.groups), len(view.titles)) == (1, 3)
    assert all(len(title.alike) == 2 for title in view.titles)


def test_a_damaged_artifact_leaves_the_view_before(engine: bandi.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    train(engine.path)
    engine._reloading.look()
    live = Live(engine)
    live.look_at_artifact()
    name = train(engine.path).name
    engine._reloading.look()
    path = engine.path / "artifacts" / f"{name}.artifact"
    path.write_bytes(path.read_bytes()[:-100])
    live.look_at_artifact()
    learned = live.view().learned
    assert learned is not None
    assert learned.artifact == "000001"
    assert f"artifact {name} cannot be shown" in capsys.readouterr().err
