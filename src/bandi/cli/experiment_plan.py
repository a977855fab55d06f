"""`bandi experiment plan`: readers and days that an experiment needs, before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.experiments.inference.planning import Baseline, Requirement
    from bandi.experiments.plans import Design, ExperimentPlan

_EFFECTS = (0.01, 0.05, 0.2)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command("plan")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--experiment", help="Take weights and share from [experiments.NAME] of the folder's bandi.toml.")
@click.option("--baseline", type=float, help="The metric's value now, per reader; with --variance.")
@click.option("--variance", type=float, help="The variance of what one reader adds to it.")
@click.option(
    "--rate", type=float, help="Share of readers who do it, such as who pay; alone: the metric is this share."
)
@click.option("--mean", type=float, help="With --rate: what one who does it brings, such as coins.")
@click.option("--deviation", type=float, help="Standard deviation of that [default: as large as the mean].")
@click.option(
    "--explained", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
    help="Share of the variance that readers' past explains (squared correlation), for CUPED.",
)  # fmt: skip
@click.option(
    "--effect",
    "effects",
    type=float,
    multiple=True,
    help="Relative effect, such as 0.05; several times [default: 0.01 0.05 0.2].",
)
@click.option(
    "--arrivals", type=click.FloatRange(0, 1e12), multiple=True, required=True,
    help="New readers of the placement in a day; several times: of the first days, the last number goes on.",
)  # fmt: skip
@click.option("--weights", metavar="A,B,…", help="Shares of the variants, the control first [default: 0.5,0.5].")
@click.option("--alpha", type=_SHARE, default=0.05, show_default=True, help="Chance of a false alarm.")
@click.option("--power", type=_SHARE, default=0.8, show_default=True, help="Chance to find the effect.")
@click.option("--window", default="0d", show_default=True, help="Time after a reader's arrival that the metric counts.")
@click.option("--looks", type=click.IntRange(1, 1_000), default=28, show_default=True, help="Looks of the sequence.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def plan_command(
    folder: Path | None, experiment: str | None, baseline: float | None, variance: float | None, rate: float | None,
    mean: float | None, deviation: float | None, explained: float, effects: tuple[float, ...],
    arrivals: tuple[float, ...], weights: str | None, alpha: float, power: float, window: str, looks: int, as_json: bool,
) -> None:  # fmt: skip
    """Readers and days that each effect needs: one look at the end, or a sequence looked at as often as one likes.

    What is known of the metric: --baseline with --variance, --rate, or --rate with --mean. --arrivals counts readers of
    the placement; the experiment gets its share of them.
    """
    import msgspec

    from bandi.experiments.plans import Terms, plans

    known = _baseline(baseline, variance, rate, mean, deviation, explained)
    terms = Terms(alpha, power, _days(window), looks)
    found = plans(known, effects or _EFFECTS, arrivals, _design(folder, experiment, weights), terms)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _print(found)


def _baseline(
    baseline: float | None, variance: float | None, rate: float | None, mean: float | None, deviation: float | None,
    explained: float,
) -> Baseline:  # fmt: skip
    """From the one way of saying it that was given."""
    from bandi.experiments.inference.planning import Baseline
    from bandi.experiments.plans import amount_baseline, conversion_baseline

    if (baseline is None) != (variance is None):
        raise click.UsageError("--baseline and --variance belong together")
    if rate is None and (mean is not None or deviation is not None):
        raise click.UsageError("--mean and --deviation need --rate, the share of readers who bring it")
    if mean is None and deviation is not None:
        raise click.UsageError("--deviation needs --mean")
    if (rate is None) == (baseline is None):
        raise click.UsageError(
            "say what is known of the metric: --baseline with --variance, or --rate, with or without --mean"
        )
    if baseline is not None and variance is not None:
        return Baseline(baseline, variance, explained)
    assert rate is not None
    return conversion_baseline(rate, explained) if mean is None else amount_baseline(rate, mean, deviation, explained)


def _design(folder: Path | None, experiment: str | None, weights: str | None) -> Design:
    from bandi.experiments.plans import Design, design_of

    if experiment is None:
        return Design((), _weights(weights or "0.5,0.5"), 1.0)
    if folder is None:
        raise click.UsageError("--experiment needs the folder: bandi experiment plan FOLDER --experiment NAME")
    if weights is not None:
        raise click.UsageError("--weights and --experiment: the experiment has weights already")
    from bandi.engine.folder import read_config

    return design_of(read_config(folder), experiment)


def _weights(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(",")[:17])
    except ValueError:
        found = ()
    if not 2 <= len(found) <= 16:
        raise click.BadParameter("expected 2 to 16 numbers such as 0.5,0.25,0.25", param_hint="--weights")
    return found


def _days(text: str) -> float:
    from bandi.cli.durations import duration_option

    return duration_option(text, "--window") / 86_400_000


def _print(found: ExperimentPlan) -> None:
    from bandi.cli.console_tables import print_table

    terms, known = found.terms, found.baseline
    rows = [
        [
            f"{100 * each.effect:+g}%", f"{each.difference:+.4g}", how, f"{needed.readers:,}",
            " + ".join(f"{readers:,}" for readers in needed.by_variant), _in_days(needed.days),
            f"{needed.expected_readers:,}", _in_days(needed.expected_days),
        ]
        for each in found.effects
        for how, needed in _ways(each.fixed, each.fixed_adjusted, each.sequence, each.sequence_adjusted)
    ]  # fmt: skip
    header = ["effect", "difference", "test", "readers at most", "by variant", "days at most", "expected", "in days"]
    named = ", ".join(found.design.variants) or "control first"
    caption = (
        f"alpha {terms.alpha:g}, power {terms.power:g}, {terms.looks} looks; {found.arrivals[-1]:,.4g} new readers a day in the"
        f" experiment; variants: {named}; expected: where a sequence stops when the effect is as planned"
    )
    title = f"readers needed: value {known.value:.6g} a reader, variance {known.variance:.6g}, explained {known.explained:.0%}"
    print_table(title, header, rows, caption)
    for note in found.notes:
        click.echo(f"note: {note}")


def _ways(
    fixed: Requirement, fixed_adjusted: Requirement, sequence: Requirement, sequence_adjusted: Requirement
) -> list[tuple[str, Requirement]]:
    """What to show; the adjusted ones where covariates save anything."""
    ways = [
        ("fixed horizon", fixed),
        ("fixed, CUPED", fixed_adjusted),
        ("sequence", sequence),
        ("sequence, CUPED", sequence_adjusted),
    ]
    return [(name, needed) for i, (name, needed) in enumerate(ways) if i % 2 == 0 or needed != ways[i - 1][1]]


def _in_days(days: int) -> str:
    return "never" if days < 0 else f"{days:,}"
