"""`bandi replay`: what another policy would have got, from logged decisions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bandi.cli.replay_service import fit_service, replay_service, service_options

if TYPE_CHECKING:
    from bandi.evaluation.decision_log import DecisionLog
    from bandi.evaluation.intervals import Interval
    from bandi.model.records import Array

MAX_DISTRIBUTION_BYTES = 64 << 20


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
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="All the randomness.")
@click.option("--refused", type=click.Path(dir_okay=False, path_type=Path), help="File for refused rows.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def command(
    context: click.Context, log: Path | None, service: Path | None, placement: str, sample: int, fit: bool,
    temperature: float, out: Path | None, objective: str | None,
    policies: tuple[str, ...], action_dist: Path | None, target: Path | None, item_col: str,
    position_col: str, click_col: str, propensity_col: str, time_col: str, draws: int, seed: int, refused: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Estimate what other policies would have got on LOG: a CSV, JSON Lines or Parquet file, one row for each slot shown.

    Its columns are by default those of the Open Bandit Dataset. Replay matching, IPS and SNIPS, with 95 % intervals.

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
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.evaluation.decision_log import Columns, read_decision_log
    from bandi.evaluation.estimators import on_policy
    from bandi.evaluation.replay import shares

    columns = Columns(item_col, position_col, click_col, propensity_col, time_col)
    logged = read_decision_log(log, columns, refused)
    for problem in logged.problems:
        click.echo(f"refused: {problem}", err=True)
    lines: list[dict[str, Any]] = [_line("the log itself", "click rate", on_policy(logged.clicks), rows=len(logged))]
    check, other = None, logged
    if target is not None:
        other = read_decision_log(target, columns)
        check = on_policy(other.clicks)
        lines.append(_line("the target's own log", "click rate", check, rows=len(other)))
    if action_dist is not None or target is not None:
        distribution = (
            _read_distribution(action_dist) if action_dist else shares(other, logged.item_names, logged.slots)
        )
        lines += _fixed(action_dist or target, logged, distribution, seed)
    for text in policies:
        lines += _learned(text, logged, draws, seed)
    if check is not None:
        for line in lines[2:]:
            line["overlaps_target"] = line["low"] <= check.high and check.low <= line["high"]
    if as_json:
        click.echo(msgspec.json.encode({"rows": len(logged), "refused": logged.refused, "lines": lines}))
    else:
        cells = [[_cell(line.get(name)) for name in _HEADER] for line in lines]
        caption = f"{len(logged):,} rows taken, {logged.refused:,} refused; 95 % intervals"
        print_table(str(log), [name.replace("_", " ") for name in _HEADER], cells, caption)
    context.exit(1 if logged.refused else 0)


_HEADER = (
    "policy",
    "estimator",
    "estimate",
    "low",
    "high",
    "bootstrap_low",
    "bootstrap_high",
    "rows",
    "effective_rows",
    "max_weight",
    "overlaps_target",
)


def _line(policy: str, estimator: str, interval: Interval, **more: Any) -> dict[str, Any]:
    return {
        "policy": policy,
        "estimator": estimator,
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        **more,
    }


def _weighted(policy: str, log: DecisionLog, weights: Array, seed: int) -> list[dict[str, Any]]:
    from bandi.evaluation.estimators import effective_sample_size, estimates

    size, largest = effective_sample_size(weights), float(weights.max())
    return [
        _line(
            policy, estimate.name, estimate.value, bootstrap_low=estimate.bootstrap.low, bootstrap_high=estimate.bootstrap.high,
            rows=len(log), effective_rows=size, max_weight=largest,
        )
        for estimate in estimates(weights, log.clicks, seed)
    ]  # fmt: skip


def _fixed(file: Path | None, log: DecisionLog, distribution: Array, seed: int) -> list[dict[str, Any]]:
    from bandi.evaluation.estimators import importance_weights

    weights = importance_weights(distribution, log.items, log.positions, log.propensities)
    return _weighted(f"fixed ({file.name if file else ''})", log, weights, seed)


def _learned(text: str, log: DecisionLog, draws: int, seed: int) -> list[dict[str, Any]]:
    from bandi.cli.progress import progress
    from bandi.cli.simulate import parse_policy
    from bandi.evaluation.replay import learned_weights, match
    from bandi.policies.registry import make_policy

    config = parse_policy(text)
    with progress(text, 2 * len(log)) as advance:
        matching = match(make_policy(config, 1), log, seed, advance)
        weights = learned_weights(make_policy(config, 1), log, seed, draws, progress=advance)
    return [
        _line(text, "replay matching", matching.click_rate, rows=matching.rows),
        *_weighted(text, log, weights, seed),
    ]


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


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "NO"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
