"""`bandi arms`: what a placement's policy believes."""

from __future__ import annotations

import click


@click.command("arms", short_help="Show the posterior of a placement's arms.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--placement", default="home", show_default=True, help="Whose arms.")
@click.option("--item", "items", multiple=True, help="Only this item (may be given several times).")
@click.option(
    "--segment", type=click.IntRange(-1, 64), default=-1, show_default=True,
    help="Of which readers: -1, all; 0, those of whom nothing is known; those of [segments] from 1 on.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most arms shown.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(folder: str, placement: str, items: tuple[str, ...], segment: int, limit: int, as_json: bool) -> None:
    """Show trials, successes, mean and 95 % interval of a placement's arms, most tried first."""
    import msgspec

    import bandi
    from bandi.cli.console_tables import print_table

    with bandi.open_existing(folder) as engine:
        arms = engine.arms(placement, items or None, segment, limit)
        if as_json:
            click.echo(msgspec.json.encode(arms))
            return
        rows = [
            [arm.item, engine.title(arm.item), f"{arm.trials:.0f}", f"{arm.successes:.0f}",
             f"{arm.mean:.4f}", f"{arm.low:.4f}", f"{arm.high:.4f}"]
            for arm in arms
        ]  # fmt: skip
        header = ["item", "title", "trials", "successes", "mean", "low", "high"]
        print_table(
            f"{placement}: {engine.policy_version(placement)}", header, rows, "low, high: central 95 % interval"
        )
        if (today := engine.stats().exploration.get(placement)) is not None:
            left = "no cap" if today.left is None else f"{today.left:.2f} left"
            click.echo(f"exploration today: {today.spent:.2f} of {today.expected:.2f} expected clicks given up, {left}")
