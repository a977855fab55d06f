"""`bandi credit`: what purchases are credited to, by two rules, and what a holdout says the lists brought."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine.crediting import CreditReport, Incremental
    from bandi.learning.credit import By


@click.command("credit", short_help="Show which lists purchases are credited to, and what a holdout says they brought.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--days", type=click.FloatRange(0, 36_500, min_open=True), help="Purchases of the log's last days only.")
@click.option(
    "--by", type=click.Choice(["placement", "item", "segment"]), default="placement", show_default=True,
    help="What the rows are: of the clicks that get the credit.",
)  # fmt: skip
@click.option("--window", default="14d", show_default=True, help="Longest time from a click to the purchase.")
@click.option(
    "--weights", type=(click.FloatRange(0, 1), click.FloatRange(0, 1)), default=(0.4, 0.4), show_default=True,
    help="Position-weighted: shares of the first and the last click; those between share the rest.",
)  # fmt: skip
@click.option(
    "--winsorise", type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    help="Cap each reader's coins at this quantile before groups are compared, such as 0.999.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most rows shown.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write all rows to a Parquet file as well."
)
@click.option("--json", "as_json", is_flag=True, help="Print all rows as JSON.")
def command(
    folder: Path, days: float | None, by: By, window: str, weights: tuple[float, float], winsorise: float | None,
    limit: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Show what purchases are credited to: by last touch, position-weighted, and against readers who were held out.

    The log is read twice; the folder may be in use.
    """
    import msgspec

    from bandi.cli.durations import duration_option
    from bandi.cli.progress import steps
    from bandi.engine.crediting import credit_report
    from bandi.learning.credit import CreditRule

    rule = CreditRule(duration_option(window, "--window"), *weights)
    if sum(weights) > 1.0:
        raise click.BadParameter(f"expected at most 1 together, found {sum(weights):g}", param_hint="--weights")
    with steps() as on_step:
        report = credit_report(
            folder, rule, by, days, winsorise,
            lambda done, total: on_step("log", done, total) if on_step is not None else None,
        )  # fmt: skip
    if out is not None:
        _write(report, out)
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    _print_credit(folder, report, limit)
    if report.incremental is None:
        click.echo(f"incremental: {report.unknown}")
    else:
        _print_incremental(report.incremental)


def _write(report: CreditReport, out: Path) -> None:
    import msgspec
    import polars as pl

    rows = [msgspec.structs.asdict(row) | {"organic": row is report.organic} for row in (*report.rows, report.organic)]
    pl.DataFrame(rows).write_parquet(out)


def _print_credit(folder: Path, report: CreditReport, limit: int) -> None:
    from bandi.cli.console_tables import print_table

    shown = [*report.rows[:limit], report.organic]
    rows = [
        [
            row.key, f"{row.last_purchases:,.0f}", f"{row.last_coins:,.0f}", f"{row.weighted_purchases:,.1f}",
            f"{row.weighted_coins:,.0f}", f"{row.weighted_coins - row.last_coins:+,.0f}",
        ]
        for row in shown
    ]  # fmt: skip
    hidden = len(report.rows) - limit
    caption = (
        f"coins within {report.window_ms / 86_400_000:g} days of a click; organic: without one; gap: position-weighted less last"
        f" touch; {report.refunded:,.0f} coins were refunded" + (f"; {hidden} more rows" if hidden > 0 else "")
    )
    header = [report.by, "last touch", "coins", "position-weighted", "coins", "gap"]
    print_table(f"{folder}: purchases by {report.by}", header, rows, caption)


def _print_incremental(found: Incremental) -> None:
    from bandi.cli.console_tables import print_table

    def share(value: float) -> str:
        return f"{value / found.last_touch:.2f}" if found.last_touch > 0.0 else ""

    ratio = found.of_last_touch
    rows = [
        ["last touch", f"{found.last_touch:.4f}", f"{found.last_touch * found.treated:,.0f}", share(found.last_touch), "", ""],
        ["position-weighted", f"{found.weighted:.4f}", f"{found.weighted * found.treated:,.0f}", share(found.weighted), "", ""],
        [
            "incremental", f"{found.difference:.4f}", f"{found.coins:,.0f}", share(found.difference),
            f"{found.low:.4f} to {found.high:.4f}", "" if ratio is None else f"{ratio[1]:.2f} to {ratio[2]:.2f}",
        ],
    ]  # fmt: skip
    header = ["", "coins a reader", "coins", "of last touch", "95 %", "of last touch, 95 %"]
    caption = (
        f"{found.treated:,} readers ({found.treated_mean:.4f} coins each) against {found.held:,} held out ({found.held_mean:.4f}), who"
        f" get: {found.serves}; earlier coins left {found.variance_left:.0%} of the variance"
        + ("" if found.cap is None else f"; coins of a reader cut to {found.cap:g}")
    )
    print_table(f"what {', '.join(found.placements)} brought, against the holdout", header, rows, caption)
