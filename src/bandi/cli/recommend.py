"""`bandi recommend`: one ranked list from a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.engine import Engine
    from bandi.model.answers import Because, Ranking


@click.command("recommend", short_help="Print a ranked list for one reader.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--user", help="Reader's id; without it the reader is anonymous.")
@click.option("--placement", default="home", show_default=True, help="Where the list is shown.")
@click.option("--item", help="The title that the list stands beside (viewer end).")
@click.option("-k", "k", type=int, help="Items in the list, 1 to 1000 [default: the placement's].")
@click.option("--seed", type=int, help="All the randomness, 0 to 2**64 - 1 [default: fresh].")
@click.option("--age", type=int, help="The reader's age in years [default: as their document says].")
@click.option("--region", help="Where the reader is [default: as their document says].")
@click.option(
    "--why", is_flag=True, help="Say for each slot which rule acted, which targeters named it, what was read."
)
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def command(
    folder: str, user: str | None, placement: str, item: str | None, k: int | None, seed: int | None, age: int | None,
    region: str | None, why: bool, as_json: bool,
) -> None:  # fmt: skip
    """Print a ranked list for one reader. The decision is logged like any other."""
    import msgspec

    import bandi
    from bandi.cli.console_tables import print_table

    with bandi.open_existing(folder) as engine:
        ranking = engine.recommend(user=user, placement=placement, k=k, seed=seed, item=item, age=age, region=region)
        because = [engine.because(user, slot.item) if why and user is not None else [] for slot in ranking]
        if as_json:
            named = {slot.item: reads for slot, reads in zip(ranking, because, strict=True)}
            extra = {"because": msgspec.to_builtins(named)} if why else {}
            click.echo(msgspec.json.encode(msgspec.to_builtins(ranking) | extra))
            return
        header = ["slot", "item", "title", "score"]
        rows = [[str(slot.position + 1), slot.item, engine.title(slot.item), f"{slot.score:.4f}"] for slot in ranking]
        if why:
            header += ["named by", "rule", "because you read"]
            rows = [row + reasons for row, reasons in zip(rows, _reasons(engine, ranking, because), strict=True)]
        caption = f"request {ranking.request_id}, policy {ranking.policy}, {ranking.candidates} candidates, log position {ranking.position}"
        print_table(f"{placement}: for {user or 'an anonymous reader'}", header, rows, caption)


def _reasons(engine: Engine, ranking: Ranking, because: list[list[Because]]) -> list[list[str]]:
    """For each slot: targeters, rule with its reason, titles read with their shares."""
    found = []
    for slot, reads in zip(ranking, because, strict=True):
        rule = engine.rules.get(slot.rule) if slot.rule else None
        acted = slot.rule if rule is None else f"{slot.rule}: {rule.reason}"
        shares = ", ".join(f"{engine.title(read.item)} {read.share:.0%}" for read in reads)
        found.append([", ".join(slot.sources), acted, shares])
    return found
