"""Experiments in an engine: the scenarios of features/experiments.feature, what the log keeps, whose arms learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from tests.engine.conftest import ITEMS, write_config
from tests.model.test_experiment_changes import BAD

import bandi
from bandi.engine.engine import Engine
from bandi.engine.jobs import DocumentJob
from bandi.engine.opening import open_folder
from bandi.engine.recovery import recover
from bandi.engine.state import State
from bandi.model.answers import Receipt
from bandi.model.errors import InvalidInputError, UnknownNameError
from bandi.model.experiment_changes import ChangeRecord, Conclude, Ramp, RampDown, Start, Stop
from bandi.model.records import DocumentKind
from bandi.model.rules import Pin

scenarios(str(Path(__file__).parent.parent / "features" / "experiments.feature"))

CONFIG = """
[placements.home]
k = 4
policy = { use = "editor" }

[placements.turned]
k = 3

[layers.all]

[experiments.bold]
placement = "home"
layer = "all"
owner = "kim@example.com"
share = 0.5
metrics = ["ctr"]

[experiments.bold.variants.control]
weight = 0.5

[experiments.bold.variants.treatment]
weight = 0.5
policy = { use = "thompson" }
"""
WORDS = {"who": "kim", "why": "the test says so"}
READERS = [f"r{i}" for i in range(200)]


class Story:
    """An engine, and which variants readers met: `now` with the last asking, `before` ever before that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = bandi.open(folder)
        self.engine.items.put(ITEMS)
        self.now: dict[str, str] = {}
        self.before: dict[str, str] = {}
        self.message = ""

    def ask(self) -> None:
        self.before |= {reader: variant for reader, variant in self.now.items() if variant}
        self.now = {reader: self.engine.recommend(reader).variant for reader in READERS}

    def change(self, name: str, change: bandi.model.experiment_changes.Change) -> None:
        try:
            self.engine.experiments.change(name, change)
        except InvalidInputError as error:
            self.message = str(error)


@pytest.fixture
def story(folder: Path) -> Iterator[Story]:
    write_config(folder, CONFIG)
    story = Story(folder)
    yield story
    story.engine.close()


@given('a shop with the experiment "bold" on half of its readers')
def _(story: Story) -> None:
    assert story.engine.experiments.get("bold").share == 0.5


@given(parsers.parse('"{name}" was started'))
@when(parsers.parse('"{name}" is started'))
def _(story: Story, name: str) -> None:
    story.change(name, Start(**WORDS))


@given(parsers.parse('200 readers asked at "home"'))
@when(parsers.parse('200 readers ask at "home"'))
@when(parsers.parse("the same readers ask again"))
def _(story: Story) -> None:
    story.ask()


@when(parsers.parse('"{name}" is ramped to {share:g}'))
@when(parsers.parse('somebody tries to ramp "{name}" to {share:g}'))
def _(story: Story, name: str, share: float) -> None:
    story.change(name, Ramp(share=share, **WORDS))


@when(parsers.parse('"{name}" is ramped down to {share:g}'))
def _(story: Story, name: str, share: float) -> None:
    story.change(name, RampDown(share=share, **WORDS))


@when(parsers.parse('"{name}" is stopped'))
def _(story: Story, name: str) -> None:
    story.change(name, Stop(**WORDS))


@when(parsers.parse('"{name}" is concluded with "{winner}"'))
def _(story: Story, name: str, winner: str) -> None:
    story.change(name, Conclude(winner=winner, **WORDS))


@when("the shop is closed and opened")
def _(story: Story) -> None:
    story.engine.close()
    story.engine = bandi.open(story.folder)


@then("nobody met a variant")
def _(story: Story) -> None:
    assert set(story.now.values()) == {""}


@then("all of them met a variant")
def _(story: Story) -> None:
    assert set(story.now.values()) == {"bold.control", "bold.treatment"}


@then(parsers.parse("between {least:d} and {most:d} of them met a variant"))
def _(story: Story, least: int, most: int) -> None:
    assert least <= sum(map(bool, story.now.values())) <= most


@then("each of them meets the same one again")
def _(story: Story) -> None:
    first = story.now
    story.ask()
    assert story.now == first


@then("they all meet what they met before")
def _(story: Story) -> None:
    assert {reader: variant for reader, variant in story.now.items() if variant} == story.before != {}


@then("nobody changed between variants")
def _(story: Story) -> None:
    assert story.before.items() <= story.now.items()


@then(parsers.parse('it is refused, and the message names "{one}" and "{other}"'))
def _(story: Story, one: str, other: str) -> None:
    assert one in story.message and other in story.message


@then(parsers.parse('"{name}" cannot be started'))
def _(story: Story, name: str) -> None:
    story.change(name, Start(**WORDS))
    assert "concluded" in story.message


def drawn(shop: bandi.Engine, variant: str) -> str:
    """A reader who meets that variant."""
    return next(reader for reader in READERS if shop.recommend(reader).variant == variant)


@pytest.fixture
def started(folder: Path) -> Iterator[bandi.Engine]:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        yield shop


def test_the_log_says_which_variant_was_served_and_asks_it_again(started: bandi.Engine) -> None:
    ranking = started.recommend(drawn(started, "bold.treatment"))
    assert ranking.placement == "home"
    assert ranking.policy.startswith("bold.treatment/thompson@")
    started.record(*[bandi.Click(user="x", item="t3", placement="home") for _ in range(3)])
    started.experiments.change("bold", Stop(**WORDS))
    again = started.ask_again(ranking.request_id)
    assert again == ranking
    assert sum(each.in_slot for each in started.propensities(ranking.request_id, 50)) < 4


def test_a_click_on_a_variant_with_its_own_statistics_teaches_that_one_alone(started: bandi.Engine) -> None:
    reader = drawn(started, "bold.treatment")
    ranking = started.recommend(reader)
    item = ranking[0].item
    started.record(bandi.Click(user=reader, item=item, request=ranking.request_id, placement="home"))
    successes = {name: started.arms(name, [item])[0].successes for name in ("home", "bold.control", "bold.treatment")}
    assert successes == {"home": 0.0, "bold.control": 0.0, "bold.treatment": 1.0}
    assert started.placement_totals()["home"] == (1.0, 1.0)
    assert set(started.placement_totals()) == {"home", "turned"}


def test_variants_start_from_what_the_placement_knows(folder: Path) -> None:
    write_config(folder, CONFIG.replace('policy = { use = "editor" }', ""))
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.record(*[bandi.Click(user=f"u{i}", item="t3", placement="home") for i in range(5)])
        assert shop.arms("bold.treatment", ["t3"])[0].successes == 0
        shop.experiments.change("bold", Start(**WORDS))
        for name in ("home", "bold.control", "bold.treatment"):
            assert shop.arms(name, ["t3"])[0].successes == 5
        shop.record(bandi.Click(user="u9", item="t3", placement="home"))
        shop.experiments.change("bold", Stop(**WORDS))
        shop.experiments.change("bold", Start(**WORDS))
        assert shop.arms("bold.treatment", ["t3"])[0].successes == 5  # the first start alone copies


def test_a_variant_added_to_a_started_experiment_starts_from_what_the_placement_knows(folder: Path) -> None:
    text = CONFIG.replace('policy = { use = "editor" }', "")
    late = text.replace("weight = 0.5", "weight = 0.4") + "\n[experiments.bold.variants.late]\nweight = 0.2\n"
    names = ("home", "bold.control", "bold.late", "bold.treatment")
    write_config(folder, text)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.record(*[bandi.Click(user=f"u{i}", item="t3", placement="home") for i in range(5)])
        shop.experiments.change("bold", Start(**WORDS))
        shop.record(bandi.Click(user="u9", item="t3", placement="home"))
    write_config(folder, late)
    with bandi.open(folder) as shop:
        assert [shop.arms(name, ["t3"])[0].successes for name in names] == [6, 5, 6, 5]
        assert "placement bold.late: new, its arms start from those of home" in shop.opening.notes
        edit = "experiment bold: variants, weights changed while running"
        assert sum(note.startswith(edit) for note in shop.opening.notes) == 1
        for snapshot in (folder / "snapshots").iterdir():
            snapshot.unlink()
        assert dumped(recover(folder, shop._log).state) == dumped(shop._state)
    with bandi.open(folder) as shop:
        assert [shop.arms(name, ["t3"])[0].successes for name in names] == [6, 5, 6, 5]
        assert not [note for note in shop.opening.notes if note.startswith("experiment")]


def test_a_variant_added_before_the_start_waits_for_it(folder: Path) -> None:
    text = CONFIG.replace('policy = { use = "editor" }', "")
    write_config(folder, text)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.record(bandi.Click(user="u", item="t3", placement="home"))
    write_config(
        folder,
        text.replace("weight = 0.5", "weight = 0.4") + "\n[experiments.bold.variants.late]\nweight = 0.2\n",
    )
    with bandi.open(folder) as shop:
        assert "placement bold.late: new, its arms start at the prior" in shop.opening.notes
        assert shop.arms("bold.late", ["t3"])[0].successes == 0
        assert not [note for note in shop.opening.notes if note.startswith("experiment")]


@pytest.mark.parametrize(
    ("found", "edited", "words"),
    [
        ("share = 0.5", 'share = 0.5\nsalt = "anew"', "salt"),
        ("[layers.all]", '[layers.all]\nsalt = "anew"', "the layer's salt"),
        ("share = 0.5", "share = 0.5\nbuckets = [0.0, 0.8]\nsticky = false", "buckets, sticky"),
        ('policy = { use = "thompson" }', 'policy = { use = "ucb1" }', "lists"),
        ("share = 0.5", 'share = 0.5\nsalt = "experiment:bold"', ""),
        ('metrics = ["ctr"]', "", ""),
    ],
)
def test_an_edit_of_a_running_experiment_is_told(folder: Path, found: str, edited: str, words: str) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        shop.experiments.change("bold", Start(**WORDS))
    write_config(folder, CONFIG.replace(found, edited))
    with bandi.open(folder) as shop:
        told = [note.partition(";")[0] for note in shop.opening.notes if note.startswith("experiment")]
        assert told == ([f"experiment bold: {words} changed while running"] if words else [])


SHARED = """
[placements.home]
k = 4

[placements.turned]
k = 3
policy = { use = "editor" }

[layers.all]

[experiments.bold]
placement = "home"
layer = "all"
owner = "kim@example.com"

[experiments.bold.variants.greedy]
weight = 0.4
statistics = "shared"
policy = { use = "epsilon_greedy", epsilon = 0.0 }

[experiments.bold.variants.named]
weight = 0.3
statistics = "shared"
targeters = [{ use = "editor", n = 5 }]

[experiments.bold.variants.other]
weight = 0.3
use_placement = "turned"
"""


def test_variants_that_share_statistics_teach_and_read_the_same_arms(folder: Path) -> None:
    write_config(folder, SHARED)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        greedy, named, other = (drawn(shop, f"bold.{name}") for name in ("greedy", "named", "other"))
        ranking = shop.recommend(named)
        assert all(slot.sources == ("editor",) for slot in ranking)
        shop.record(bandi.Click(user=named, item=ranking[0].item, request=ranking.request_id))
        assert [(arm.item, arm.successes) for arm in shop.arms("home")] == [(ranking[0].item, 1.0)]
        assert shop.recommend(greedy)[0].item == ranking[0].item
        ranking = shop.recommend(other)
        assert (ranking.placement, len(ranking), ranking[0].item) == ("home", 3, "t0")
        shop.record(bandi.Click(user=other, item="t0", request=ranking.request_id))
        assert shop.arms("turned", ["t0"])[0].successes == 1
        for reader in (greedy, named, other):
            asked = shop.recommend(reader)
            assert shop.ask_again(asked.request_id) == asked


def test_operators_rules_of_the_placement_hold_for_its_variants(folder: Path) -> None:
    write_config(folder, SHARED)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        ends_at = datetime.now(UTC) + timedelta(days=3)
        shop.rules.put(
            Pin(id="p", owner="ops", reason="launch", ends_at=ends_at, placements=("home",), item="t7", slot=0)
        )
        for name in ("greedy", "named", "other"):
            assert shop.recommend(drawn(shop, f"bold.{name}"))[0].item == "t7"


def test_anonymous_and_held_out_readers_take_no_part(folder: Path) -> None:
    write_config(folder, CONFIG.replace("share = 0.5", "") + '[holdout]\nshare = 0.3\nserves = "editor"\n')
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        assert shop.recommend(None).variant == ""
        rankings = [shop.recommend(reader) for reader in READERS]
        held = [ranking for ranking in rankings if ranking.policy.startswith("holdout")]
        assert held and all(ranking.variant == "" for ranking in held)
        assert all(ranking.variant for ranking in rankings if ranking not in held)


def test_readers_of_other_states_and_regions_take_no_part_until_they_fit(folder: Path) -> None:
    text = CONFIG.replace("share = 0.5", 'states = ["new"]\nregions = ["KR"]\nsticky = false')
    write_config(folder, text)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)  # none of which names a region
        shop.users.put([bandi.User(id="home", region="KR")])
        shop.experiments.change("bold", Start(**WORDS))
        assert shop.recommend("r1").variant == ""
        assert shop.recommend("r1", region="JP").variant == ""
        assert shop.recommend("r1", region="KR").variant
        assert shop.recommend("home").variant
        shop.record(bandi.Read(user="home", item="t1"))
        assert shop.recommend("home").variant == ""


def test_a_sticky_reader_stays_when_they_fit_no_longer(folder: Path) -> None:
    write_config(folder, CONFIG.replace("share = 0.5", 'states = ["new"]'))
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        first = shop.recommend("r1").variant
        shop.record(bandi.Read(user="r1", item="t1"), bandi.Read(user="r2", item="t1"))
        assert shop.recommend("r1").variant == first != ""
        assert shop.recommend("r2").variant == ""


def test_a_reader_kept_by_one_experiment_is_in_no_other_of_its_layer(folder: Path) -> None:
    """Buckets that were one experiment's are given to another one, at another placement, while the first goes on."""
    write_config(folder, CONFIG.replace("share = 0.5", "buckets = [0.0, 0.6]"))
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        before = {reader: shop.recommend(reader).variant for reader in READERS}
    other = CONFIG[CONFIG.index("[experiments.bold]") :].replace("bold", "other").replace('"home"', '"turned"')
    text = CONFIG.replace("share = 0.5", "buckets = [0.0, 0.3]") + other.replace("share = 0.5", "buckets = [0.3, 1.0]")
    write_config(folder, text)
    with bandi.open(folder) as shop:
        shop.experiments.change("other", Start(**WORDS))
        for reader in READERS:
            kept, drawn_there = shop.recommend(reader).variant, shop.recommend(reader, "turned").variant
            assert kept == before[reader]
            assert bool(kept) != bool(drawn_there)
        shop.experiments.change("bold", Conclude(**WORDS))
        assert sum(bool(shop.recommend(reader, "turned").variant) for reader in READERS) > sum(
            not variant for variant in before.values()
        )


def test_it_runs_between_its_moments(folder: Path) -> None:
    text = CONFIG.replace("share = 0.5", 'starts_at = "2026-12-01T00:00+00:00"\nends_at = "2026-12-02T00:00+00:00"')
    write_config(folder, text)
    clock = [int(datetime(2026, 11, 30, tzinfo=UTC).timestamp() * 1000)]
    engine = Engine(open_folder(folder, lambda: clock[0]), lambda: clock[0])
    try:
        engine.items.put(ITEMS)
        seen = []
        engine.experiments.change("bold", Start(**WORDS))
        for _ in range(3):
            seen.append((engine.experiments.get("bold").status, bool(engine.recommend("r1").variant)))
            clock[0] += 86_400_000
        assert seen == [("waiting", False), ("running", True), ("ended", False)]
        engine.experiments.change("bold", Stop(**WORDS))
        with pytest.raises(InvalidInputError, match="ends_at"):
            engine.experiments.change("bold", Start(**WORDS))
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Stop(**WORDS), ["$.action", "declared"]),
        (Conclude(**WORDS), ["$.action", "never started"]),
        (Ramp(share=0.4, **WORDS), ["$.share", "ramp_down"]),
        (RampDown(share=0.6, **WORDS), ["$.share", "less"]),
        (Start(who=" ", why="x"), ["$.who"]),
    ],
)
def test_what_does_not_follow_is_refused(
    folder: Path, change: bandi.model.experiment_changes.Change, words: list[str]
) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        with pytest.raises(InvalidInputError) as refused:
            shop.experiments.change("bold", change)
        assert all(word in str(refused.value) for word in words)
        with pytest.raises(UnknownNameError, match="did you mean bold"):
            shop.experiments.change("bald", Start(**WORDS))
        assert shop.experiments.get("bold").changes == ()


def test_a_ramp_beyond_its_buckets_and_an_unknown_winner_are_refused(folder: Path) -> None:
    write_config(folder, CONFIG.replace("share = 0.5", "buckets = [0.2, 0.6]\nshare = 0.1"))
    with bandi.open(folder) as shop:
        shop.experiments.change("bold", Start(**WORDS))
        with pytest.raises(InvalidInputError, match=r"at most 0\.4"):
            shop.experiments.change("bold", Ramp(share=0.5, **WORDS))
        with pytest.raises(InvalidInputError, match="did you mean treatment"):
            shop.experiments.change("bold", Conclude(winner="treatmet", **WORDS))


@pytest.mark.parametrize(("change", "where"), BAD)
def test_a_field_beyond_its_limit_changes_nothing_and_the_folder_goes_on(folder: Path, change: Any, where: str) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        with pytest.raises(InvalidInputError) as refused:
            shop.experiments.change("bold", change)
        assert refused.value.problems[0].where == where
        assert shop.experiments.change("bold", Start(**WORDS)).status == "running"
        assert shop.recommend("r1").items
    with bandi.open(folder) as shop:
        assert len(shop.experiments.get("bold").changes) == 1


POISON: list[Any] = [
    Stop(who="k" * 300, why="w" * 2_000),
    Stop(who=b"kim", why=""),  # type: ignore[arg-type]
    Ramp(share=float("nan"), **WORDS),
    RampDown(share=-0.5, **WORDS),
    Stop(who="k", why="red \x1b[31m"),
]


@pytest.mark.parametrize("change", POISON)
def test_a_folder_whose_log_has_a_field_beyond_its_limit_opens(folder: Path, change: Any) -> None:
    """Versions before this one logged such changes without a look."""
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        payload = msgspec.msgpack.encode(ChangeRecord("bold", 1, change))
        shop.experiments._submit(
            lambda done: DocumentJob(DocumentKind.EXPERIMENT, "policy", (), payload, Receipt(accepted=1), done)
        )
    with bandi.open(folder) as shop:
        view = shop.experiments.get("bold")
        assert (len(view.changes), view.share) == (2, 0.5)
        for snapshot in (folder / "snapshots").iterdir():
            snapshot.unlink()
        assert dumped(recover(folder, shop._log).state) == dumped(shop._state)
        assert shop.recommend("r1").items


def test_a_variant_cannot_be_asked_for(started: bandi.Engine) -> None:
    with pytest.raises(UnknownNameError, match="one of: home, turned"):
        started.recommend("r1", "bold.treatment")


def dumped(state: State) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in state.dump().items()}


def test_the_fold_is_the_same_however_it_is_reached(folder: Path) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.record(bandi.Click(user="u", item="t3", placement="home"))
        shop.experiments.change("bold", Start(**WORDS))
        for reader in READERS[:50]:
            ranking = shop.recommend(reader)
            shop.record(bandi.Click(user=reader, item=ranking[0].item, request=ranking.request_id))
        view = shop.experiments.get("bold")
    assert sum(variant.readers for variant in view.variants) > 10
    with bandi.open(folder) as shop:
        assert shop.experiments.get("bold") == view
        live = dumped(shop._state)
        for snapshot in (folder / "snapshots").iterdir():
            snapshot.unlink()
        folded = recover(folder, shop._log).state
        assert dumped(folded) == live


def test_variants_show_what_is_changed_when_the_file_changes(folder: Path) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        before = {reader: shop.recommend(reader).variant for reader in READERS}
    write_config(folder, CONFIG.replace("share = 0.5", 'salt = "dealt-anew"\nshare = 0.9'))
    with bandi.open(folder) as shop:
        after = {reader: shop.recommend(reader).variant for reader in READERS}
        assert all(after[reader] == variant for reader, variant in before.items() if variant)
        assert sum(map(bool, after.values())) > sum(map(bool, before.values()))
        assert shop.experiments.get("bold").share == 0.9
    write_config(folder, CONFIG[: CONFIG.index("[layers")])
    with bandi.open(folder) as shop:
        assert "placement bold.treatment: gone, its arms are forgotten" in shop.opening.notes
        assert shop.recommend(READERS[0]).variant == ""
        assert shop.experiments.all() == ()


@pytest.fixture
def count_of(folder: Path) -> Callable[[str], int]:
    """How many readers of a variant the door counts."""

    def count(name: str) -> int:
        with bandi.open(folder) as shop:
            return next(each.readers for each in shop.experiments.get("bold").variants if each.name == name)

    return count


def test_a_reader_who_was_deleted_no_longer_counts(folder: Path, count_of: Callable[[str], int]) -> None:
    write_config(folder, CONFIG)
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.experiments.change("bold", Start(**WORDS))
        reader = drawn(shop, "bold.treatment")
        shop.users.put([bandi.User(id=reader)])
    assert count_of("treatment") == 1
    with bandi.open(folder) as shop:
        shop.users.delete([reader])
    assert count_of("treatment") == 0
