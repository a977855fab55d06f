"""What a report says in words: no more than the figures do."""

from __future__ import annotations

import msgspec
import pytest

from bandi.experiments.report.verdicts import cautions_of, headline, novelty_of, standing, verdicts_of
from bandi.experiments.result import ExperimentResult, Interval, LiftSeries, Sequence

replace = msgspec.structs.replace


def with_lift(result: ExperimentResult, low: float | None, high: float | None, **more) -> ExperimentResult:
    """Only the deciding metric and the first treatment, at one look with these bounds."""
    estimate = None if low is None and high is None else ((low or 0.0) + (high or 0.0)) / 2
    sequence = Sequence([estimate], [low], [high], [0.01])
    unknown = Interval(None, None, None, 1.0)
    lift = replace(
        LiftSeries(sequence, None, unknown, None, None, None, 0.01, 0.01, "25 contributors are needed."), **more
    )
    return replace(result, metrics=[replace(result.metrics[0], lifts={"bold": lift})], by_exposure_day={})


def outcome(result: ExperimentResult) -> str:
    (verdict,) = verdicts_of(result)
    return verdict.outcome


@pytest.mark.parametrize(
    ("low", "high", "better", "expected"),
    [
        (0.01, 0.05, "higher", "better"), (0.01, 0.05, "lower", "worse"), (-0.05, -0.01, "higher", "worse"),
        (-0.05, -0.01, "lower", "better"), (-0.01, 0.05, "higher", "undecided"), (0.0, 0.05, "higher", "undecided"),
        (None, None, "higher", "nothing yet"), (0.01, None, "higher", "better"), (None, 0.3, "higher", "undecided"),
        (None, -0.1, "lower", "better"),
    ],
)  # fmt: skip
def test_the_interval_and_the_good_direction_decide(result, low, high, better, expected):
    made = with_lift(result, low, high)
    made = replace(made, metrics=[replace(made.metrics[0], better=better)])
    assert outcome(made) == expected
    assert ("no difference is shown" in headline(made)) == (expected == "undecided")


def test_an_open_interval_is_never_called_no_effect(result):
    (verdict,) = verdicts_of(with_lift(result, -0.02, 0.04))
    assert "not “no effect”: a change of -2.0 % to +4.0 %" in verdict.not_yet[0]
    assert any("one look only" in note for note in verdict.not_yet)


def test_why_nothing_is_said_yet(result):
    assert "says nothing yet: 25 contributors are needed." in headline(with_lift(result, None, None))


def test_what_the_correction_takes_away_is_undecided(result):
    made = with_lift(result, 0.01, 0.05, corrected=0.07)
    (verdict,) = verdicts_of(made)
    assert verdict.outcome == "undecided"
    assert "found alone" in verdict.says and "0.070" in verdict.says


def test_the_adjusted_sequence_decides_where_there_is_one(result):
    adjusted = Sequence([0.03], [0.02], [0.04], [0.001])
    assert outcome(with_lift(result, -0.01, 0.06, adjusted=adjusted)) == "better"


def test_a_fixed_horizon_that_sees_more_is_put_in_its_place(result):
    (verdict,) = verdicts_of(with_lift(result, -0.01, 0.06, fixed=Interval(0.025, 0.005, 0.045, 0.02)))
    assert any("fixed before the start" in note for note in verdict.not_yet)


def test_immature_readers_are_counted_and_how_they_were_handled_is_said(result):
    coins = [verdict for verdict in verdicts_of(result) if verdict.metric == "coins"]
    assert all("They wait for their 14 days." in verdict.not_yet for verdict in coins)
    silent = replace(result, metrics=[replace(result.metrics[1], words="")])
    assert all("The window of 1,204 readers has not closed." in verdict.not_yet for verdict in verdicts_of(silent))


def test_a_mismatch_comes_first_and_forbids_every_verdict(result):
    harmed = [replace(result.guardrails[0], decision="stop", words="coins fell by more than 5 %")]
    made = replace(result, mismatch="8,400 of control where 8,400 were not meant", guardrails=harmed)
    assert [caution.title for caution in cautions_of(made)] == [
        "Sample-ratio mismatch: do not read these results", "Guardrail coins: bold does harm"
    ]  # fmt: skip
    assert {verdict.outcome for verdict in verdicts_of(made)} == {"not to be read"}
    assert headline(made).startswith("Sample-ratio mismatch")


def test_nobody_took_part(empty):
    assert [caution.title for caution in cautions_of(empty)] == ["Nobody has taken part yet"]
    assert {verdict.outcome for verdict in verdicts_of(empty)} == {"nothing yet"}
    assert "No look yet" in standing(empty)


def test_what_wears_off_is_said(result):
    bold, calm = novelty_of(result)
    assert "no change" in bold
    assert "falls" in calm and "+10.0 % on day 0, +0.71 % on day 13" in calm


def test_without_a_second_day_nothing_is_said_of_novelty(result):
    ages = {"bold": result.by_exposure_day["bold"][:1], "calm": []}
    assert all("too few days" in said for said in novelty_of(replace(result, by_exposure_day=ages)))


def test_each_treatment_of_each_metric_has_its_verdict(result):
    assert [(verdict.metric, verdict.variant) for verdict in verdicts_of(result)] == [
        (metric, variant) for metric in ("ctr", "coins", "latency_p95") for variant in ("bold", "calm")
    ]
    assert headline(result).startswith("ctr, bold against control: +6.1 %")
