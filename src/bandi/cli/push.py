"""`bandi push`: whom to message about which title, and when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine.push_list import PushList
    from bandi.evaluation.intervals import Interval
    from bandi.evaluation.push_report import PushReport

_SHOWN = 20


@click.command("push", short_help="Choose readers to message; report what messages brought.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--budget", type=int, help="Most messages of the day, earlier runs of the day included.")
@click.option("--at", "at", type=click.DateTime(), help="The moment of the run, UTC [default: now].")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File for the list: .parquet, .csv or .jsonl."
)
@click.option("--seed", type=int, help="All the randomness, 0 to 2**64 - 1 [default: fresh].")
@click.option("--again", is_flag=True, help="The list of a run once more; nothing is chosen.")
@click.option("--run", "run", type=int, help="With --again: the number of the run [default: the latest].")
@click.option("--report", is_flag=True, help="What messages brought against those held back.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(
    folder: str, budget: int | None, at: datetime | None, out: Path | None, seed: int | None, again: bool,
    run: int | None, report: bool, as_json: bool,
) -> None:  # fmt: skip
    """Choose whom to message, log it, and write the list; or (--report) say what messages brought."""
    import msgspec

    import bandi
    from bandi.engine.push_list import check_path

    if sum((budget is not None, again, report)) != 1:
        raise click.UsageError("one of --budget, --again and --report is needed")
    if out is not None:
        check_path(out)
    with bandi.open_existing(folder) as engine:
        if report:
            from bandi.evaluation.push_report import push_report

            found = push_report(*engine.push_evidence())
            if as_json:
                click.echo(msgspec.json.encode(found))
            else:
                _print_report(found)
            return
        listed = engine.push_again(run) if budget is None else engine.push(budget, at, seed)
        if out is not None:
            listed.write(out)
        if as_json:
            click.echo(msgspec.json.encode({"run": listed.run, "out": None if out is None else str(out)}))
        else:
            _print_list(listed, out)


def _print_list(listed: PushList, out: Path | None) -> None:
    from itertools import islice

    from bandi.cli.console_tables import print_table

    run = listed.run
    rows = [
        [message.user, message.item, _time(message.send_ms), f"{message.expected_coins:.3f}",
         f"{message.expected_anyway:.3f}", f"{message.uplift:+.3f}", "held back" if message.held_out else ""]
        for message in islice(listed, _SHOWN)
    ]  # fmt: skip
    header = ["reader", "title", "send at (UTC)", "coins", "anyway", "uplift", ""]
    caption = f"the first {len(rows)} of {len(listed)}" if len(listed) > len(rows) else ""
    print_table(f"run {run.number} of {_time(run.at_ms)}", header, rows, caption)
    click.echo(
        f"{run.sent:,} messages to send, {run.held:,} held back, chosen of {run.pairs:,} pairs of reader and title; "
        f"{run.budget - run.sent:,} left of the day's budget" + (f"; the list is in {out}" if out else "")
    )


def _print_report(report: PushReport) -> None:
    from bandi.cli.console_tables import print_table

    header = ["reader", "stopped", "wall", "sent", "held back", "anyway", "uplift", "low", "high"]
    rows = [
        [kind.state, kind.stopped, kind.wall, str(kind.sent), str(kind.held), f"{kind.anyway:.3f}",
         f"{kind.uplift:+.3f}", f"{kind.low:+.3f}", f"{kind.high:+.3f}"]
        for kind in report.strata[:_SHOWN]
    ]  # fmt: skip
    print_table("what a message is believed to add, in coins", header, rows, "of messages whose window has passed")
    click.echo(
        f"sent {report.sent:,}: {report.coins_sent:.4f} coins each; held back {report.held:,}: {report.coins_held:.4f}"
    )
    click.echo(f"uplift in coins a message: {_interval(report.uplift)}; in readers who pay: {_interval(report.payers)}")
    gap = "not known yet" if report.gap is None else f"{report.gap:+.4f}"
    click.echo(f"last touch credits {report.credited:.4f} coins a message; the gap to the measured uplift: {gap}")


def _interval(found: Interval | None) -> str:
    return "not known yet" if found is None else f"{found.estimate:+.4f} ({found.low:+.4f} to {found.high:+.4f})"


def _time(ms: int) -> str:
    from datetime import UTC

    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
