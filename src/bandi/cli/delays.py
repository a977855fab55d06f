"""`bandi delays`: when reads and payments come after a start, and whether what policies foretold of them came."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine.delay_curves import CalibrationGroup, DelayReport, ObjectiveDelays, PlacementCalibration


@click.command("delays", short_help="Show when reads and payments come, and whether what was foretold of them came.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Show for each later objective of each placement when it is reached after a start, beside the policy's own curve.

    Of policies that look for coins also what they foretold at the beginning of each of the last twelve weeks, and what
    came. The log is read once; the folder may be in use.
    """
    import msgspec

    from bandi.cli.progress import steps
    from bandi.engine.delay_curves import delay_report

    with steps() as on_step:
        report = delay_report(folder, lambda done, total: on_step("log", done, total) if on_step is not None else None)
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    _print_report(report)


def _print_report(report: DelayReport) -> None:
    if not report.delays:
        click.echo("no later objectives: put one whose event is read or purchase into bandi.toml")
    for delays in report.delays:
        _print_delays(delays)
    for calibration in report.calibration:
        _print_calibration(calibration)


def _print_delays(found: ObjectiveDelays) -> None:
    from bandi.cli.console_tables import print_table

    rows = [
        [
            point.age, f"{point.converted:.4%}", f"{point.error:.4%}", f"{point.share:.3f}",
            "" if point.policy is None else f"{point.policy:.3f}",
        ]
        for point in found.points
    ]  # fmt: skip
    caption = (
        f"{found.rewards:,} of {found.starts:,} starts so far, {found.censored:.1%} still open; in the end {found.rate:.4%}"
        f" (error {found.error:.4%}), after {found.mean_days:.2f} days on average, half of them by {found.median_days:.2f}"
    )
    header = ["by", "of starts", "error", "of those that will", "the policy's"]
    print_table(f"{found.placement}: {found.objective}", header, rows, caption)


def _print_calibration(found: PlacementCalibration) -> None:
    from datetime import UTC, datetime

    from bandi.cli.console_tables import print_table

    header = ["", "starts", "mature", "expected", "observed", "95 %", "observed / expected"]
    caption = "foretold at the beginning of the week of the start; expected and observed: by now"
    for title, groups in (("titles by forecast, lowest first", found.titles), ("readers by factor", found.readers)):
        rows = [_cells(str(number), group) for number, group in enumerate(groups, 1)]
        print_table(f"{found.placement}: {title}", header, rows, caption)
    rows = [_cells(f"{datetime.fromtimestamp(week.begin_ms / 1_000, UTC):%Y-%m-%d}", week.sums) for week in found.weeks]
    print_table(f"{found.placement}: weeks", header, rows, caption)


def _cells(name: str, group: CalibrationGroup) -> list[str]:
    ratio = f"{group.observed / group.expected:.2f}" if group.expected > 0.0 else ""
    return [
        name, f"{group.starts:,.0f}", f"{group.mature:,.1f}", f"{group.expected:,.1f}", f"{group.observed:,.0f}",
        f"{group.low:,.1f} to {group.high:,.1f}", ratio,
    ]  # fmt: skip
