"""Results of small logs: equal to plain Python over the same records, whatever the order in which they arrive."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.experiments.metrics.conftest import DAY, HOUR, START, Story, config_of

from bandi.experiments.metrics import evaluate
from bandi.experiments.result import ExperimentResult, MetricResult
from bandi.model.errors import InvalidInputError, UnknownNameError
from bandi.model.records import DocumentKind

NOW = START + 6 * DAY
CONTROL, TREATMENT = "bold.control/t@1", "bold.treatment/t@1"
METRICS = ("ctr", "reads_per_reader", "continuation_2", "coins", "paid", "revenue", "retention_day_1", "steps", "late")
OWN = """
[metrics.coins]
kind = "mean"
event = "purchase"
counted = "value"
window = "2d"
[metrics.paid]
kind = "mean"
event = "purchase"
counted = "readers"
[metrics.steps]
kind = "funnel"
steps = [{ event = "click" }, { event = "read", episode = 2 }]
[metrics.late]
kind = "quantile"
event = "latency_ms"
q = 0.9
better = "lower"
"""

records = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.integers(-2 * 24, 6 * 24 - 1),
        st.sampled_from(["impression", "click", "read", "purchase", "latency_ms", "exposure", "elsewhere"]),
        st.integers(0, 2),
        st.integers(0, 3),
    ),
    max_size=60,
)


def metric(result: ExperimentResult, name: str) -> MetricResult:
    return next(found for found in result.metrics if found.metric == name)


def last(result: ExperimentResult, name: str) -> dict[str, float | None]:
    return {series.variant: series.estimates[-1] for series in metric(result, name).variants}


class Plain:
    """The same by loops over tuples (user, hours, kind, item, number), exposures in the order of the log."""

    def __init__(self, log: list[tuple[int, int, str, int, int]]) -> None:
        self.first: dict[int, int] = {}
        for user, hours, kind, _, _ in log:
            if kind == "exposure":
                self.first.setdefault(user, hours)
        self.events = [one for one in log if one[0] in self.first and one[2] != "exposure"]

    def values(self, user: int, until: int, name: str) -> tuple[float, float]:
        """(numerator, denominator) of one reader at a moment, hours since the start."""
        start = self.first[user]
        own = [one for one in self.events if one[0] == user and start <= one[1] < until]
        kinds = [one[2] for one in own]
        match name:
            case "ctr":
                return kinds.count("click"), kinds.count("impression")
            case "reads_per_reader":
                return kinds.count("read"), 1
            case "continuation_2":
                reads = [one for one in own if one[2] == "read"]
                return len({one[3] for one in reads if one[4] >= 2}), len({one[3] for one in reads})
            case "coins":
                return sum(one[4] for one in own if one[2] == "purchase" and one[1] < start + 48), 1
            case "paid":
                return "purchase" in kinds, 1
            case "revenue":
                return sum(one[4] for one in own if one[2] == "purchase"), 1
            case "retention_day_1":
                return any(
                    one[2] in ("click", "read", "purchase") and start + 24 <= one[1] < start + 48 for one in own
                ), 1
            case "steps":
                return "click" in kinds and any(one[2] == "read" and one[4] >= 2 for one in own), 1
        raise ValueError(name)

    def estimate(self, variant: int, until: int, name: str) -> float | None:
        window = {"coins": 48, "retention_day_1": 48}.get(name, 0)
        users = [u for u, start in self.first.items() if u % 2 == variant and start < until and start + window <= until]
        above, below = (sum(self.values(user, until, name)[i] for user in users) for i in (0, 1))
        return above / below if below else None


@settings(max_examples=25, deadline=None)
@given(records, st.booleans())
def test_every_look_equals_plain_python(log: list[tuple[int, int, str, int, int]], turned: bool) -> None:
    log = [one for one in log if one[2] != "exposure" or one[1] >= 0]
    if turned:  # late events: the same ones in another order, exposures in their own
        exposures = [one for one in log if one[2] == "exposure"]
        log = [*[one for one in log if one[2] != "exposure"][::-1], *exposures]
    plain = Plain(log)
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder), config_of(METRICS, more=OWN))
        for user, hours, kind, item, number in log:
            at_ms = START + hours * HOUR
            if kind == "exposure":
                story.shown(user, at_ms, (CONTROL, TREATMENT)[user % 2])
            elif kind == "elsewhere":
                story.did(user, at_ms, "click", item, at="other")
            else:
                story.did(user, at_ms, kind, item, float(number), number if kind == "read" else 0)
        result = evaluate(story.written(), "bold", now_ms=NOW)
    events = [one if one[2] != "elsewhere" else (*one[:2], "click!", *one[3:]) for one in plain.events]
    ends = [(end - START) // HOUR for end in result.looks_ms]
    for name in METRICS[:-1]:
        # a click elsewhere is no click of the list, but a click of the reader
        where = "elsewhere" if name == "ctr" else "click"
        plain.events = [one if one[2] != "click!" else (*one[:2], where, *one[3:]) for one in events]
        for variant, series in enumerate(metric(result, name).variants):
            expected = [plain.estimate(variant, end, name) for end in ends]
            assert series.estimates == pytest.approx(expected), (name, series.variant)
    assert result.readers == [sum(user % 2 == variant for user in plain.first) for variant in (0, 1)]


def small(folder: Path, *, metrics: tuple[str, ...] = ("revenue",), more: str = "") -> Story:
    """Two readers, exposed at the start to one variant each."""
    story = Story(folder, config_of(metrics, more=more))
    story.shown(0, START + HOUR, CONTROL)
    story.shown(1, START + HOUR, TREATMENT)
    return story


def test_refunds_take_purchases_back_when_they_were_made(tmp_path: Path) -> None:
    story = small(tmp_path, metrics=("revenue", "paid"), more=OWN)
    story.did(0, START, "purchase", item=2, value=7)  # before the exposure; its refund comes after
    story.did(0, START + 2 * HOUR, "purchase", item=1, value=5)
    story.did(0, START + 3 * HOUR, "purchase", item=3, value=4)
    story.did(0, START + 2 * DAY, "refund", item=2, value=7)
    story.did(0, START + 2 * DAY, "refund", item=1, value=5)
    story.did(1, START + 2 * HOUR, "purchase", item=1, value=5)
    story.did(1, START + 2 * DAY, "refund", item=1, value=5)
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert last(result, "revenue") == {"control": 4.0, "treatment": 0.0}
    assert last(result, "paid") == {"control": 1.0, "treatment": 0.0}
    assert metric(result, "revenue").variants[0].estimates == [4.0] * 6


def test_who_was_not_exposed_does_not_count(tmp_path: Path) -> None:
    story = small(tmp_path)
    story.shown(2, START + HOUR, "plain@1")
    story.shown(3, START + HOUR, "home/")
    for user in range(5):
        story.did(user, START + 2 * HOUR, "purchase", value=3)
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert result.readers == [1, 1]
    assert last(result, "revenue") == {"control": 3.0, "treatment": 3.0}


def test_experiments_of_two_layers_are_told_apart(tmp_path: Path) -> None:
    story = small(tmp_path)
    story.shown(0, START + 30 * HOUR, "next.b/t@1")
    story.shown(1, START + 30 * HOUR, "next.a/t@1")
    story.did(0, START + 2 * HOUR, "click", at="bold.control")
    story.did(0, START + 31 * HOUR, "click", at="next.b")
    for user in (0, 1):
        story.did(user, START + 31 * HOUR, "impression", at=("next.b", "next.a")[user])
        story.did(user, START + 2 * HOUR, "impression", at=("bold.control", "bold.treatment")[user])
    story.config = config_of(("ctr",))
    folder = story.written()
    assert last(evaluate(folder, "bold", now_ms=NOW), "ctr") == {"control": 1.0, "treatment": 0.0}
    other = evaluate(folder, "next", now_ms=NOW)
    assert last(other, "ctr") == {"a": 0.0, "b": 1.0}
    assert other.control == "a" and "names no metrics" in other.words[0]
    assert len(other.looks_ms) == 5


def test_a_reader_counts_for_the_first_variant(tmp_path: Path) -> None:
    story = small(tmp_path)
    story.shown(0, START + 5 * HOUR, TREATMENT)
    story.did(0, START + 6 * HOUR, "purchase", value=3)
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert (result.readers, result.moved) == ([1, 1], 1)
    assert last(result, "revenue") == {"control": 3.0, "treatment": 0.0}
    assert "1 readers met another variant later" in result.words[0]


def test_a_reader_who_was_taken_out_is_forgotten(tmp_path: Path) -> None:
    story = small(tmp_path)
    story.did(0, START + 2 * HOUR, "purchase", value=3)
    story.document(DocumentKind.USERS_DELETED, ["r0"])
    story.did(0, START + 3 * HOUR, "purchase", value=9)
    folder = story.written()
    assert evaluate(folder, "bold", now_ms=NOW).readers == [0, 1]


def test_other_weights_begin_another_stage(tmp_path: Path) -> None:
    story = Story(tmp_path, config_of(("reads_per_reader",)), users=600)
    for user in range(200):
        story.shown(user, START + HOUR, CONTROL if user < 100 else TREATMENT)
    changed = config_of(("reads_per_reader",))
    weights = {"control": 0.1, "treatment": 0.9}
    variants = {
        name: msgspec.structs.replace(variant, weight=weights[name])
        for name, variant in changed.experiments["bold"].variants.items()
    }
    bold = msgspec.structs.replace(changed.experiments["bold"], variants=variants)
    story.document(
        DocumentKind.CONFIG, msgspec.structs.replace(changed, experiments={**changed.experiments, "bold": bold})
    )
    for user in range(200, 600):
        story.shown(user, START + DAY + HOUR, CONTROL if user < 240 else TREATMENT)
    for user in range(200, 600):  # a day on which everybody reads: no effect of any variant
        for _ in range(2 + user % 2):
            story.did(user, START + DAY + 2 * HOUR, "read")
    for user in range(200):
        story.did(user, START + 2 * HOUR, "read") if user % 2 else None
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert result.mismatch is None and result.shares == [0.1, 0.9]
    estimates = last(result, "reads_per_reader")
    assert estimates["treatment"] > 1.3 * estimates["control"]  # type: ignore[operator]  # pooled: Simpson's paradox
    assert metric(result, "reads_per_reader").lifts["treatment"].fixed.estimate == pytest.approx(0.0, abs=1e-9)


def test_shares_that_are_off_are_told(tmp_path: Path) -> None:
    story = Story(tmp_path, config_of(("ctr",)), users=400)
    for user in range(400):
        story.shown(user, START + HOUR, TREATMENT if user < 120 else CONTROL)
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert result.mismatch is not None and "sample ratio mismatch" in result.mismatch


def test_what_cannot_be_said_is_said(tmp_path: Path) -> None:
    metrics = ("latency", "own", "reads_per_reader", "coins_per_reader")
    story = small(tmp_path, metrics=metrics, more='[metrics.own]\nkind = "mean"\nevent = "clik"\n')
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert "No latency_ms by an exposed reader" in metric(result, "latency").words
    assert "No event 'clik' was ever seen in the log (did you mean click?)" in metric(result, "own").words
    assert "2 wait for their window to close" in metric(result, "coins_per_reader").words
    assert metric(result, "coins_per_reader").immature == 2
    for name in metrics:
        lift = metric(result, name).lifts["treatment"]
        assert lift.words.startswith("nothing can be said yet: ")
        assert lift.plain.low[-1] is None and lift.p_value == 1.0
    assert (
        "too few readers" in metric(result, "own").lifts["treatment"].words
        or "same value" in metric(result, "own").lifts["treatment"].words
    )


def test_without_exposed_readers_every_number_is_unknown(tmp_path: Path) -> None:
    story = Story(tmp_path, config_of(METRICS, ("revenue",), more=OWN))
    story.did(0, START + HOUR, "purchase", value=3)
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert result.readers == [0, 0] and result.words == ["No reader has met a variant so far."]
    assert result.mismatch is None and result.state == "declared"
    for found in result.metrics:
        assert [series.estimates for series in found.variants] == [[None], [None]]
        assert found.lifts["treatment"].fixed.estimate is None


def test_implied_impressions_are_what_lists_showed(tmp_path: Path) -> None:
    story = small(tmp_path)
    story.config = config_of(("ctr",))
    home = msgspec.structs.replace(story.config.placements["home"], impressions="implied")
    story.config = msgspec.structs.replace(story.config, placements={**story.config.placements, "home": home})
    story.did(0, START + 2 * HOUR, "impression", at="bold.control")
    story.did(0, START + 2 * HOUR, "click", at="bold.control")
    story.shown(0, START + 3 * HOUR, CONTROL, k=6)
    result = evaluate(story.written(), "bold", now_ms=NOW)
    assert last(result, "ctr") == {"control": 0.1, "treatment": 0.0}


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="a folder with a log"):
        evaluate(tmp_path / "none", "bold", now_ms=NOW)
    with pytest.raises(UnknownNameError, match="did you mean bold"):
        evaluate(small(tmp_path).written(), "bolt", now_ms=NOW)


def test_covariates_from_before_make_the_interval_narrower(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    story = Story(tmp_path, config_of(("reads_per_reader", "coins_per_reader"), ("reads_per_reader",)), users=600)
    for user in range(600):
        habit = int(random.poisson(random.gamma(1.0, 4.0)))
        for i in range(habit):
            story.did(user, START - DAY - i * HOUR, "read")
        story.shown(user, START + user * 60_000, (CONTROL, TREATMENT)[user % 2])
        for i in range(habit + user % 2 + int(random.poisson(1.0))):
            story.did(user, START + DAY + i * HOUR, "read")
    result = evaluate(story.written(), "bold", now_ms=NOW)
    lift = metric(result, "reads_per_reader").lifts["treatment"]
    assert lift.adjusted is not None and lift.variance_left is not None and lift.variance_left < 0.2
    assert lift.fixed_adjusted is not None and lift.fixed_adjusted.low is not None and lift.fixed_adjusted.low > 0.0
    assert "higher than the control" in lift.words
    assert [(rail.metric, rail.decision) for rail in result.guardrails] == [("reads_per_reader", "safe")]


def test_readers_whose_window_is_open_are_weighed_beside_those_who_wait(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    story = Story(tmp_path, config_of(("coins",), more=OWN), users=800)
    for user in range(800):
        at_ms = START + int(random.integers(0, 6 * DAY))
        story.shown(user, at_ms, (CONTROL, TREATMENT)[user % 2])
        paid_ms = at_ms + int(random.integers(0, 2 * DAY))
        if random.random() < 0.8 and paid_ms < NOW:
            story.did(user, paid_ms, "purchase", value=10.0 + 5.0 * (user % 2))
    result = evaluate(story.written(), "bold", now_ms=NOW)
    found = metric(result, "coins")
    lift = found.lifts["treatment"]
    assert 200 < found.immature < 330
    assert lift.all_readers is not None and lift.all_readers.low is not None and lift.all_readers.high is not None
    assert lift.fixed.low is not None and lift.fixed.high is not None
    assert lift.all_readers.low < 0.5 < lift.all_readers.high
    assert lift.all_readers.high - lift.all_readers.low < lift.fixed.high - lift.fixed.low
