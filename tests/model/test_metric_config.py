"""[metrics.NAME] of bandi.toml, and the names of metrics in experiments."""

from __future__ import annotations

import pytest

from bandi.model.config_text import parse_config
from bandi.model.errors import ConfigError
from bandi.model.metric_config import BUILT_IN_NAMES, RatioMetric, RetentionMetric, metric_of

EXPERIMENT = """
[placements.home]
[layers.all]
[experiments.bold]
placement = "home"
layer = "all"
owner = "kim"
{keys}
[experiments.bold.variants.a]
weight = 0.5
[experiments.bold.variants.b]
weight = 0.5
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    return str(caught.value)


def test_built_in_metrics_are_there_by_name() -> None:
    names = [name.replace("_N", "_7") for name in BUILT_IN_NAMES]
    assert all(metric_of(name, {}) is not None for name in names)
    parse_config(EXPERIMENT.format(keys=f"metrics = {names}\nguardrails = ['revenue']\ncontrol = 'b'"))
    day = metric_of("retention_day_30", {})
    assert isinstance(day, RetentionMetric) and day.day == 30
    chain = metric_of("continuation_12", {})
    assert isinstance(chain, RatioMetric) and chain.numerator.episode == 12
    assert metric_of("retention_day_0", {}) is None and metric_of("retention_day_9999", {}) is None


def test_a_table_goes_before_the_built_in_metric_of_its_name() -> None:
    config = parse_config('[metrics.ctr]\nkind = "mean"\nevent = "click"\n')
    assert metric_of("ctr", config.metrics) is config.metrics["ctr"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("metrics = ['crt']", ["bandi.toml:8: experiments.bold.metrics", "'crt'", "did you mean ctr"]),
        ("guardrails = ['revenu']", ["experiments.bold.guardrails", "did you mean revenue"]),
        ("metrics = ['ctr', 'ctr']", ["'ctr' twice", "each metric once"]),
        ("control = 'c'", ["experiments.bold.control", "one of its variants: a, b"]),
    ],
)
def test_names_in_experiments_are_checked(keys: str, words: list[str]) -> None:
    message = refusal(EXPERIMENT.format(keys=keys))
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('kind = "mean"\nevent = "click"\ncounted = "value"', ["a click has no value"]),
        ('kind = "mean"\nevent = "refund"', ["refunds take purchases back"]),
        ('kind = "mean"\nevent = "click"\nepisode = 3', ["only reads count"]),
        ('kind = "mean"\nevent = "purchase"\nat = "placement"', ["a purchase need not name the list"]),
        ('kind = "mean"\nevent = "click"\nwindow = "0d"', ["more than 0 and at most 365d"]),
        ('kind = "quantile"\nevent = "read"', ["others have no value"]),
        ('kind = "quantile"\nevent = "x"\nq = 1', ["metrics.mine.q"]),
        ('kind = "median"\nevent = "x"', ["mean, ratio, quantile, funnel, retention"]),
        ('kind = "funnel"\nsteps = [{ event = "click", episode = 2 }]', ["metrics.mine.steps", "only reads count"]),
        ('kind = "ratio"\nnumerator = { event = "click" }', ["metrics.mine.denominator"]),
    ],
)
def test_tables_are_checked(table: str, words: list[str]) -> None:
    message = refusal(f"[metrics.mine]\n{table}\n")
    assert "metrics.mine" in message
    assert all(word in message for word in words), message
