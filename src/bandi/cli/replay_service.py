"""`bandi replay --service`: policies evaluated on a folder's own log, propensities recomputed at each decision."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bandi.evaluation.intervals import Interval
    from bandi.evaluation.own_log.evaluating import OwnLogReport
    from bandi.evaluation.own_log.fitting import FitReport

DRAWS = 200
_Command = TypeVar("_Command", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--service",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Instead of LOG: a folder whose own decisions are evaluated; their probabilities are recomputed. It may be in use.",
    ),
    click.option(
        "--placement",
        default="home",
        show_default=True,
        help="With --service: whose decisions; or a variant's, such as bold.treatment.",
    ),
    click.option(
        "--sample",
        type=click.IntRange(10, 1_000_000),
        default=5_000,
        show_default=True,
        help="With --service: most decisions that are asked again, drawn evenly from the log.",
    ),
    click.option(
        "--fit",
        is_flag=True,
        help="With --service: learn a table of scores from the log, say what it is worth on readers it was not learned from.",
    ),
    click.option(
        "--temperature",
        type=click.FloatRange(0.001, 100),
        default=0.1,
        show_default=True,
        help="With --fit: how evenly titles are shown; the smaller, the more the best ones.",
    ),
    click.option(
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        help="With --fit: file for the table, as it stands in a bandi.toml.",
    ),
    click.option("--objective", help="With --service: what is counted [default: the placement's own objective]."),
)


def service_options(command: _Command) -> _Command:
    """The options of `bandi replay` that concern a folder's own log: service, placement, sample, fit, temperature, out, objective."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def replay_service(
    folder: Path, placement: str, policies: tuple[str, ...], sample: int, draws: int | None, seed: int,
    objective: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Print what the policies would have got, by draws (None: DRAWS) of each decision. Raises what evaluate_own_log raises."""
    import msgspec

    from bandi.cli.progress import steps
    from bandi.cli.simulate import parse_policy
    from bandi.engine.folder import read_config
    from bandi.evaluation.own_log.evaluating import evaluate_own_log

    if not policies:
        raise click.UsageError("--service needs at least one --policy, such as --policy thompson")
    objectives = read_config(folder).objectives
    configs = [parse_policy(text, objectives) for text in policies]
    draws = draws or DRAWS
    with steps() as on_step:
        report = evaluate_own_log(
            folder, placement, configs, most=sample, draws=draws, seed=seed, objective=objective, progress=on_step
        )
    if as_json:
        click.echo(msgspec.json.encode(_as_json(report, policies)))
    else:
        _print(folder, placement, report, policies, draws)


def fit_service(
    folder: Path, placement: str, temperature: float, out: Path | None, sample: int, draws: int | None, seed: int,
    objective: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Learn a table from the folder's log and print what it is worth. Raises what fit_own_log raises."""
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import steps
    from bandi.evaluation.own_log.fitting import fit_own_log

    with steps() as on_step:
        report = fit_own_log(
            folder, placement, temperature=temperature, most=sample, draws=draws or DRAWS, seed=seed, objective=objective,
            progress=on_step,
        )  # fmt: skip
    if out is not None:
        out.write_text(_file(placement, report), encoding="utf-8")
    lines = [_line("the log itself", "observed", report.log)]
    lines += [_line("fitted", one.estimator, one.value) for one in report.value.estimates]
    lines.append(_line("fitted less the log itself", "DR", report.gain))
    if as_json:
        more = {"lists": len(report.sampled.rows.readers), "titles": len(report.table.titles)}
        click.echo(msgspec.json.encode({"lines": lines, "verdict": report.value.verdict, **more}))
        return
    rows = [
        [line["policy"], line["estimator"], *(_number(line[n]) for n in ("estimate", "low", "high"))] for line in lines
    ]
    caption = (
        f"rewards per list, 95 % intervals by reader; {len(report.sampled.rows.readers):,} lists; fitted on one half of the readers"
        f" and evaluated on the other, both ways; the table of all: {len(report.table.titles):,} titles,"
        f" {len(report.table.scores)} segments"
    )
    print_table(f"{folder}: {placement}", ["policy", "estimator", "estimate", "low", "high"], rows, caption)
    click.echo(f"fitted: {report.value.verdict}" + (f"; written to {out}" if out is not None else ""))


def _file(placement: str, report: FitReport) -> str:
    """The table as it stands in a bandi.toml, below what is believed of it."""
    from bandi.evaluation.own_log.fitting import as_toml

    gain = report.gain
    return (
        f"# fitted by `bandi replay --fit` on {len(report.sampled.rows.readers)} lists: {gain.estimate:+.4f} rewards per list"
        f" ({gain.low:+.4f} to {gain.high:+.4f}); {report.value.verdict}\n{as_toml(placement, report.table)}"
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _as_json(report: OwnLogReport, policies: tuple[str, ...]) -> dict[str, Any]:
    lines = [_line("the log itself", "clicks per list", report.log)]
    for text, evaluated in zip(policies, report.evaluated, strict=True):
        lines += [_line(text, one.estimator, one.value) for one in evaluated.estimates]
    return {
        "objective": report.objective,
        "decisions": report.found,
        "of_variants": report.of_variants,
        "elsewhere": report.elsewhere,
        "sampled": report.sampled,
        "lists": len(report.rows.readers),
        "held_out": report.left.held_out,
        "differs": report.left.differs,
        "pinned": report.left.pinned,
        "young": report.young,
        "milliseconds": report.milliseconds,
        "lines": lines,
        "policies": [
            {
                "policy": text,
                "effective_slots": one.effective,
                "max_weight": one.largest_weight,
                "mean_weight": one.mean_weight,
                "missing": one.missing,
                "verdict": one.verdict,
            }
            for text, one in zip(policies, report.evaluated, strict=True)
        ],
    }


def _line(policy: str, estimator: str, value: Interval) -> dict[str, Any]:
    finite = [bound if abs(bound) < float("inf") else None for bound in (value.estimate, value.low, value.high)]
    return {"policy": policy, "estimator": estimator, "estimate": finite[0], "low": finite[1], "high": finite[2]}


def _print(folder: Path, placement: str, report: OwnLogReport, policies: tuple[str, ...], draws: int) -> None:
    from bandi.cli.console_tables import print_table

    left, rows = report.left, report.rows
    cells = [["the log itself", "observed", *_interval(report.log), "", ""]]
    for text, evaluated in zip(policies, report.evaluated, strict=True):
        more = [f"{evaluated.effective:,.0f}", f"{evaluated.missing:.1%}"]
        cells += [[text, one.estimator, *_interval(one.value), *more] for one in evaluated.estimates]
    caption = (
        f"rewards per list over the slots that the policy fills, 95 % intervals by reader; {len(rows.readers):,} lists of"
        f" {report.found:,} decisions, {draws} draws each, {report.milliseconds:.1f} ms a decision; left out: {left.held_out:,} held"
        f" out, {left.pinned:,} all pinned, {report.young:,} too young, {left.differs:,} that could not be asked again as they were"
    )
    if report.of_variants:
        caption += f"; {report.of_variants:,} decisions were lists of experiments' variants, weighed by the policies that chose them"
    if report.elsewhere:
        caption += f"; {report.elsewhere:,} more were served from its arms and shown elsewhere: they are not counted"
    header = ["policy", "estimator", "estimate", "low", "high", "effective slots", "missing"]
    print_table(f"{folder}: {placement}", header, cells, caption)
    for text, evaluated in zip(policies, report.evaluated, strict=True):
        click.echo(f"{text}: {evaluated.verdict}")


def _interval(value: Interval) -> list[str]:
    return [f"{bound:.4f}" if math.isfinite(bound) else "" for bound in (value.estimate, value.low, value.high)]
