"""`bandi arms`: what a placement's policy believes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine import Engine
    from bandi.model.answers import CoinsArm


@click.command("arms", short_help="Show the posterior of a placement's arms.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--placement", default="home", show_default=True, help="Whose arms.")
@click.option("--item", "items", multiple=True, help="Only this item (may be given several times).")
@click.option(
    "--segment", type=click.IntRange(-1, 64), default=-1, show_default=True,
    help="Of which readers: -1, all; 0, those of whom nothing is known; those of [segments] from 1 on.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most arms shown.")
@click.option("--coins", is_flag=True, help="What follows a start instead: coins, factor, payers, exposure.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(
    folder: str, placement: str, items: tuple[str, ...], segment: int, limit: int, coins: bool, as_json: bool
) -> None:
    """Show trials, successes, mean and 95 % interval of a placement's arms, most tried first.

    With --coins, what the policy expects of a start of each title, of all readers together.
    """
    import msgspec

    import bandi
    from bandi.cli.console_tables import print_table

    with bandi.open_existing(folder) as engine:
        if coins:
            _print_coins(engine, placement, engine.coins(placement, items or None, limit), as_json)
            return
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


def _print_coins(engine: Engine, placement: str, arms: list[CoinsArm], as_json: bool) -> None:
    import msgspec

    from bandi.cli.console_tables import print_table

    if as_json:
        click.echo(msgspec.json.encode(arms))
        return
    rows = [
        [arm.item, engine.title(arm.item), f"{arm.coins_per_start:.3f}", f"{arm.payments_per_start:.4%}", f"{arm.factor:.2f}",
         f"{arm.payers:.0f}", f"{arm.exposure:.1f}"]
        for arm in arms
    ]  # fmt: skip
    header = ["item", "title", "coins a start", "payments a start", "factor", "payers", "exposure"]
    caption = "factor: 1 is average in the last step; exposure: mature trials of it"
    print_table(f"{placement}: {engine.policy_version(placement)}", header, rows, caption)
