"""`bandi replay`: what another policy would have got, from logged decisions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bandi.cli.replay_service import fit_service, replay_service, service_options

if TYPE_CHECKING:
    from bandi.cli.replay_report import Overlap
    from bandi.evaluation.decision_log import DecisionLog
    from bandi.evaluation.replay import Matching
    from bandi.model.records import Array

MAX_DISTRIBUTION_BYTES = 64 << 20
ESTIMATOR_NAMES = ("DM", "IPS", "clipped IPS", "SNIPS", "DR", "SNDR", "Switch-DR", "DRos", "MRDR")
"""Of `off_policy.estimators.ESTIMATORS`, which this module does not import before it must; a test compares them."""


@click.command("replay", short_help="Evaluate policies on logged decisions.")
@click.argument("log", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@service_options
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A policy of Bandi, learning along the log; may be given several times.",
)
@click.option(
    "--action-dist",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A fixed policy: JSON matrix, items by slots, of its probabilities.",
)
@click.option(
    "--target",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another policy's own log: its click rate is the check, and its shares the policy unless --action-dist gives it.",
)
@click.option("--item-col", default="item_id", show_default=True, help="Column of the item.")
@click.option("--position-col", default="position", show_default=True, help="Column of the slot, 1 is first.")
@click.option("--click-col", default="click", show_default=True, help="Column of the click, 0 or 1.")
@click.option(
    "--propensity-col",
    default="propensity_score",
    show_default=True,
    help="Column of the logging policy's probability.",
)
@click.option("--time-col", default="timestamp", show_default=True, help="Column of the time.")
@click.option(
    "--draws",
    type=click.IntRange(10, 1_000_000),
    default=1_000,
    show_default=True,
    help="Rankings to find a policy's probabilities; with --service 200 of each decision unless said otherwise.",
)
@click.option(
    "--estimator",
    "estimators",
    multiple=True,
    type=click.Choice(ESTIMATOR_NAMES, case_sensitive=False),
    help="An estimator; several times [default: all].",
)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="ESTIMATOR=NUMBER",
    help="Limit or shrinkage of an estimator's weights [default: chosen from the log].",
)
@click.option(
    "--folds",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="A row's reward is predicted from the other folds; 1: from all rows, its own too.",
)
@click.option(
    "--prior-clicks",
    type=click.FloatRange(min=0.0),
    help="Of the reward model, in each cell of item and slot [default: the log's rate].",
)
@click.option(
    "--prior-impressions",
    type=click.FloatRange(min=0.0, min_open=True),
    default=100.0,
    show_default=True,
    help="Of the reward model, in each cell.",
)
@click.option(
    "--resamples", type=click.IntRange(10, 100_000), default=1_000, show_default=True, help="Of the bootstrap."
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="All the randomness.")
@click.option("--refused", type=click.Path(dir_okay=False, path_type=Path), help="File for refused rows.")
@click.option(
    "--overlap",
    type=click.Choice(["bars", "none"]),
    default="none",
    show_default=True,
    help="Show how rows and weight spread over weights.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def command(
    context: click.Context, log: Path | None, service: Path | None, placement: str, sample: int, fit: bool,
    temperature: float, out: Path | None, objective: str | None,
    policies: tuple[str, ...], action_dist: Path | None, target: Path | None, item_col: str,
    position_col: str, click_col: str, propensity_col: str, time_col: str, draws: int, estimators: tuple[str, ...],
    parameters: tuple[str, ...], folds: int, prior_clicks: float | None, prior_impressions: float, resamples: int, seed: int,
    refused: Path | None, overlap: Overlap, as_json: bool,
) -> None:  # fmt: skip
    """Estimate what other policies would have got on LOG: a CSV, JSON Lines or Parquet file, one row for each slot shown.

    Its columns are by default those of the Open Bandit Dataset. Replay matching and nine estimators with 95 %
    intervals; what the log's weights look like; and in words whether it can say anything of the policy at all.

    With --service FOLDER, on the decisions that a folder of Bandi logged itself (docs/reference/own-log.md).
    """
    if (log is None) == (service is None):
        raise click.UsageError("expected a LOG, or --service FOLDER")
    if fit and service is None:
        raise click.UsageError("--fit learns from a folder's own log: --service FOLDER")
    if service is not None:
        if action_dist is not None or target is not None:
            raise click.UsageError("--action-dist and --target are for a LOG; --service takes --policy")
        asked = None if context.get_parameter_source("draws") is ParameterSource.DEFAULT else draws
        if fit:
            fit_service(service, placement, temperature, out, sample, asked, seed, objective, as_json)
        if policies or not fit:
            replay_service(service, placement, policies, sample, asked, seed, objective, as_json)
        return
    assert log is not None
    from bandi.cli.replay_report import Report, print_report
    from bandi.evaluation.decision_log import Columns, read_decision_log
    from bandi.evaluation.intervals import wilson_interval
    from bandi.evaluation.off_policy.estimation import Settings
    from bandi.evaluation.off_policy.evaluation import RewardModel, evaluate
    from bandi.evaluation.off_policy.reward_models import robust_table, smoothed_table
    from bandi.evaluation.replay import shares

    columns = Columns(item_col, position_col, click_col, propensity_col, time_col)
    settings = Settings(
        estimators or ESTIMATOR_NAMES, _parameters(parameters), resamples=resamples, seed=seed
    )  # fmt: skip
    settings.check()
    model = RewardModel(smoothed_table(prior_clicks, prior_impressions), robust_table(prior_impressions), folds)
    logged = read_decision_log(log, columns, refused)
    for problem in logged.problems:
        click.echo(f"refused: {problem}", err=True)
    report = Report(len(logged), logged.refused)
    report.add_rate("the log itself", wilson_interval(logged.clicks), len(logged))
    other = logged
    if target is not None:
        other = read_decision_log(target, columns)
        report.add_target(wilson_interval(other.clicks), len(other))
    if action_dist is not None or target is not None:
        named = action_dist or target
        distribution = (
            _read_distribution(action_dist) if action_dist else shares(other, logged.item_names, logged.slots)
        )
        name = f"fixed ({named.name if named else ''})"
        report.add_evaluation(name, evaluate(logged, distribution, None, model, settings))
    for text in policies:
        matching, probabilities, contexts = _learned(text, logged, draws, seed)
        report.add_matching(text, matching)
        report.add_evaluation(text, evaluate(logged, probabilities, contexts, model, settings))
    if as_json:
        click.echo(report.to_json())
    else:
        print_report(str(log), report, overlap)
    context.exit(1 if logged.refused else 0)


def _parameters(texts: tuple[str, ...]) -> dict[str, float]:
    """Raises InvalidInputError."""
    from bandi.model.errors import InvalidInputError, Problem

    names = {name.lower(): name for name in ESTIMATOR_NAMES}
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            found[names[name.strip().lower()]] = float(number)
        except (KeyError, ValueError):
            expected = "ESTIMATOR=NUMBER, such as Switch-DR=10"
            raise InvalidInputError(Problem("--parameter", f"{text!r:.66}", expected)) from None
    return found


def _learned(text: str, log: DecisionLog, draws: int, seed: int) -> tuple[Matching, Array, Array]:
    from bandi.cli.progress import progress
    from bandi.cli.simulate import parse_policy
    from bandi.evaluation.replay import learned_probabilities, match
    from bandi.policies.registry import make_policy

    config = parse_policy(text)
    with progress(text, 2 * len(log)) as advance:
        matching = match(make_policy(config, 1), log, seed, advance)
        tables, contexts = learned_probabilities(make_policy(config, 1), log, seed, draws, progress=advance)
    return matching, tables, contexts


def _read_distribution(path: Path) -> Array:
    """A JSON matrix, or an object that holds one under `values`. Raises InvalidInputError."""
    import msgspec
    import numpy as np

    from bandi.model.errors import InvalidInputError, Problem

    size = path.stat().st_size
    if size > MAX_DISTRIBUTION_BYTES:
        raise InvalidInputError(Problem(str(path), f"{size} bytes", f"at most {MAX_DISTRIBUTION_BYTES}"))
    try:
        data = msgspec.json.decode(path.read_bytes())
        if isinstance(data, dict):
            data = data.get("bts_action_dist", data)
            data = data["values"] if isinstance(data, dict) else data
        matrix = np.array(data, np.float64)
        if matrix.ndim != 2:
            raise ValueError(f"{matrix.ndim} dimensions")
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, RecursionError) as error:
        expected = "a JSON matrix of numbers, items by slots (or an object with one under `values`)"
        raise InvalidInputError(Problem(str(path), str(error)[:80], expected)) from None
    return matrix
