"""Results of an experiment that an engine ran: the scenarios of features/experiment_results.feature."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from tests.engine.conftest import ITEMS, write_config

import bandi
from bandi.experiments.metrics import evaluate
from bandi.experiments.result import ExperimentResult
from bandi.model.experiment_changes import Start

scenarios(str(Path(__file__).parent.parent / "features" / "experiment_results.feature"))

CONFIG = """
[placements.home]
k = 1
policy = { use = "editor" }

[placements.liked]
k = 1
policy = { use = "thompson" }
where = 'genre in ["liked"]'

[layers.all]

[experiments.bold]
placement = "home"
layer = "all"
owner = "kim@example.com"
metrics = ["ctr", "revenue"]
guardrails = ["paid_conversion"]
planned_readers = 600

[experiments.bold.variants.control]
weight = 0.5

[experiments.bold.variants.treatment]
weight = 0.5
use_placement = "liked"
"""
LIKED = "liked-title"
"""The one title that readers click."""
DAY_S = 86_400


class Story:
    """An engine, and the clicks that it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, time.time()
        self.engine = bandi.open(folder)
        self.engine.items.put([*ITEMS, bandi.Item(id=LIKED, genre="liked")])
        self.engine.experiments.change("bold", Start(who="kim", why="the test says so"))
        self.clicks: list[bandi.Click] = []
        self.bought: list[tuple[str, str]] = []
        self.result: ExperimentResult

    def tell(self, events: Sequence[bandi.model.events.Event]) -> None:
        assert not self.engine.record_many(events).refused

    def evaluated(self) -> ExperimentResult:
        return evaluate(self.folder, "bold", now_ms=round((self.now + DAY_S / 2) * 1000))


@pytest.fixture
def story(folder: Path) -> Iterator[Story]:
    write_config(folder, CONFIG)
    story = Story(folder)
    yield story
    story.engine.close()


@given(parsers.parse("{count:d} readers who met their variant and clicked what they like"))
def _visits(story: Story, count: int) -> None:
    events: list[bandi.model.events.Event] = []
    for i in range(count):
        reader, ranking = f"reader-{i}", story.engine.recommend(f"reader-{i}")
        shown = ranking.items[0].item
        events.append(bandi.Impression(user=reader, item=shown, request=ranking.request_id))
        if (shown == LIKED and i % 2) or i % 5 == 0:
            story.clicks.append(bandi.Click(user=reader, item=shown, request=ranking.request_id, event_id=f"click-{i}"))
        if i % 10 == 0:
            story.bought.append((reader, shown))
            events.append(bandi.Purchase(user=reader, item=shown, coins=3.0))
    story.tell([*events, *story.clicks])


@when("the experiment is evaluated")
def _evaluate(story: Story) -> None:
    story.result = story.evaluated()
    clicks = next(step for step in story.result.funnel if step.step == "click")
    assert sum(clicks.readers.values()) == len(story.clicks) > 100


@when("the shop is closed and opened")
def _reopen(story: Story) -> None:
    story.engine.close()
    story.engine = bandi.open(story.folder)


@when("all of their clicks are sent again")
def _again(story: Story) -> None:
    story.tell(story.clicks)


@when("a click from before the experiment arrives")
def _late(story: Story) -> None:
    story.tell([bandi.Click(user="reader-1", item=LIKED, placement="home", occurred_at=story.now - 90 * DAY_S)])


@when("every purchase is refunded")
def _refund(story: Story) -> None:
    story.tell([bandi.Refund(user=reader, item=item, coins=3.0) for reader, item in story.bought])


@then(parsers.parse('"{name}" is higher in the treatment by its confidence sequence'))
def _higher(story: Story, name: str) -> None:
    (found,) = [metric for metric in story.result.metrics if metric.metric == name]
    low = found.lifts["treatment"].decisive.low[-1]
    assert low is not None and low > 0.0
    assert found.lifts["treatment"].corrected < 0.05
    assert sum(story.result.readers) == 600


@then("no mismatch is told")
def _no_mismatch(story: Story) -> None:
    assert story.result.mismatch is None


@then(parsers.parse('the guardrail "{name}" does not stop it'))
def _guarded(story: Story, name: str) -> None:
    assert [(rail.metric, rail.decision) for rail in story.result.guardrails] == [(name, "go on")]


@then("the experiment evaluated again says the same")
def _same(story: Story) -> None:
    assert story.evaluated() == story.result


@then(parsers.parse('"{name}" is 0 in both variants'))
def _zero(story: Story, name: str) -> None:
    (found,) = [metric for metric in story.result.metrics if metric.metric == name]
    assert [series.estimates[-1] for series in found.variants] == [0.0, 0.0]
