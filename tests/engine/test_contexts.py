"""Policies that look at readers, in the engine: whose vector an outcome carries, and that no cut of the log changes it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bandi
from bandi.engine.doctor import differences, examine
from bandi.engine.state import State
from bandi.log.assembly import cut

CONFIG = """
[placements.home]
policy = { use = "lin_ts", dimensions = 8, half_life = "7d" }
[placements.viewer_end]
policy = { use = "lin_ucb", dimensions = 12, exploration = 0.2 }
impressions = "implied"
[placements.push]
policy = { use = "logistic", dimensions = 6, half_life = "1h" }
impressions = "implied"
[placements.side]
policy = { use = "lin_ts", model = "hybrid", dimensions = 4 }
impressions = "implied"
"""
GENRES = ("drama", "sports", "romance")


def make(folder: Path, config: str = CONFIG) -> bandi.Engine:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bandi.toml").write_text(config)
    engine = bandi.open(folder)
    engine.items.put([title(i) for i in range(9)])
    return engine


def title(number: int, genre: str = "") -> bandi.Item:
    return bandi.Item(id=f"t{number}", genre=genre or GENRES[number % 3], tags=(f"tag{number % 2}",))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(["home", "viewer_end", "push", "side"]), st.integers(0, 3)),
        st.tuples(st.just("click"), st.integers(0, 30), st.integers(0, 8)),
        st.tuples(st.just("see"), st.integers(0, 30), st.integers(0, 8)),
        st.tuples(st.just("read"), st.integers(0, 3), st.integers(0, 8)),
        st.tuples(st.just("put"), st.integers(0, 8), st.sampled_from(GENRES)),
        st.tuples(st.just("delete"), st.integers(0, 8)),
        st.tuples(st.just("forget"), st.integers(0, 3)),
    ),
    max_size=40,
)


def play(engine: bandi.Engine, what: list) -> None:
    requests: list[tuple[str, str]] = []
    for kind, *values in what:
        if kind == "ask":
            user = f"u{values[1]}"
            requests.append((engine.recommend(user=user, placement=values[0], k=4).request_id, user))
        elif kind in ("click", "see") and requests:
            request, user = requests[values[0] % len(requests)]
            event = bandi.Click if kind == "click" else bandi.Impression
            engine.record(event(user=user, item=f"t{values[1]}", request=request))
        elif kind == "read":
            engine.record(bandi.Read(user=f"u{values[0]}", item=f"t{values[1]}", placement="home"))
        elif kind == "put":
            engine.items.put([title(values[0], values[1])])
        elif kind == "delete":
            engine.items.delete([f"t{values[0]}"])
        elif kind == "forget":
            engine.delete_users([f"u{values[0]}"])


@given(what=steps, cuts=st.lists(st.integers(1, 100), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_cut_of_the_log_changes_what_is_learned(
    tmp_path_factory: pytest.TempPathFactory, what: list, cuts: list[int]
) -> None:
    with make(tmp_path_factory.mktemp("shop") / "s") as engine:
        play(engine, what)
        engine._flushed()
        live, stop = engine._state.dump(), engine._state.position
        folded = State()
        for stretch in engine._log.read(0, stop):
            inside = sorted({at for at in cuts if stretch.first < at < stretch.stop})
            for first, last in zip([stretch.first, *inside], [*inside, stretch.stop], strict=True):
                folded.fold(cut(stretch, first, last))
    assert folded.position == stop
    assert differences(folded.dump(), live) == []
    again = State()
    again.load(stop, live)
    assert differences(again.dump(), live) == []
    for dimensions in (12, 8, 6, 4):
        assert (again.contexts.titles(dimensions) == folded.contexts.titles(dimensions)).all()


def test_an_outcome_carries_what_its_reader_had_read_when_the_list_was_shown(tmp_path: Path) -> None:
    """A click adds to the vector of later trials, not to that of its own."""
    seen: list[np.ndarray] = []
    with make(tmp_path / "s") as engine:
        policy = engine._state.placements["home"].policy
        learn = policy.update
        policy.update = lambda outcomes: (seen.append(outcomes.vectors.copy()), learn(outcomes))[1]  # type: ignore[assignment,func-returns-value,method-assign]
        ranking = engine.recommend(user="u", placement="home", k=4)
        for event in (bandi.Impression, bandi.Click):
            engine.record(event(user="u", item=ranking[0].item, request=ranking.request_id))
        engine._flushed()
        user = engine._state.interner.lookup("user", "u")
        recent = engine._state.histories.recent(user)
        vector = engine._state.contexts.reader(recent, 8)
        titles = engine._state.contexts.titles(8)
    assert np.concatenate(seen).tolist() == [[1.0] + [0.0] * 7] * 2
    assert vector == pytest.approx(titles[recent[0]], abs=1e-6)


def test_decisions_are_the_readers_and_can_be_asked_again(tmp_path: Path) -> None:
    """Readers of drama click drama, readers of sports sports: their lists part, and hindsight gives the same lists."""
    folder = tmp_path / "s"
    with make(folder) as engine:
        for reader, genre in (("d", 0), ("s", 1)):
            engine.record(*[bandi.Read(user=reader, item=f"t{i}") for i in range(9) if i % 3 == genre])
        for _ in range(150):
            for reader, genre in (("d", 0), ("s", 1)):
                ranking = engine.recommend(user=reader, placement="viewer_end", k=3)
                clicks = [slot.item for slot in ranking if int(slot.item[1:]) % 3 == genre]
                engine.record(*[bandi.Click(user=reader, item=item, request=ranking.request_id) for item in clicks])
        lists = {reader: engine.recommend(user=reader, placement="viewer_end", k=3) for reader in "ds"}
        for reader in "ds":
            assert engine.ask_again(lists[reader].request_id) == lists[reader]
    assert all(finding.ok for finding in examine(folder)), examine(folder)


@pytest.mark.parametrize(
    ("change", "carries_over"),
    [
        ('policy = { use = "lin_ts", dimensions = 8, half_life = "7d", exploration = 0.1 }', True),
        ('policy = { use = "lin_ucb", dimensions = 8, half_life = "7d" }', True),
        ('policy = { use = "lin_ts", dimensions = 9, half_life = "7d" }', False),
        ('policy = { use = "thompson", half_life = "7d" }', False),
    ],
)
def test_models_carry_over_where_they_are_learned_alike(tmp_path: Path, change: str, carries_over: bool) -> None:
    with make(tmp_path / "s") as engine:
        ranking = engine.recommend(user="u", placement="home", k=4)
        engine.record(*[bandi.Impression(user="u", item=slot.item, request=ranking.request_id) for slot in ranking])
    (tmp_path / "s" / "bandi.toml").write_text(f"[placements.home]\n{change}\n")
    with bandi.open(tmp_path / "s") as again:
        assert again.placement_totals()["home"][0] == (4 if carries_over else 0)
