"""`bandi recommend`: one ranked list from a folder."""

from __future__ import annotations

import click


@click.command("recommend", short_help="Print a ranked list for one reader.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--user", help="Reader's id; without it the reader is anonymous.")
@click.option("--placement", default="home", show_default=True, help="Where the list is shown.")
@click.option("--item", help="The title that the list stands beside (viewer end).")
@click.option("-k", "k", type=int, help="Items in the list, 1 to 1000 [default: the placement's].")
@click.option("--seed", type=int, help="All the randomness, 0 to 2**64 - 1 [default: fresh].")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def command(
    folder: str, user: str | None, placement: str, item: str | None, k: int | None, seed: int | None, as_json: bool
) -> None:
    """Print a ranked list for one reader. The decision is logged like any other."""
    import msgspec

    import bandi
    from bandi.cli.console_tables import print_table

    with bandi.open_existing(folder) as engine:
        ranking = engine.recommend(user=user, placement=placement, k=k, seed=seed, item=item)
        if as_json:
            click.echo(msgspec.json.encode(ranking))
            return
        rows = [[str(slot.position + 1), slot.item, engine.title(slot.item), f"{slot.score:.4f}"] for slot in ranking]
        caption = f"request {ranking.request_id}, policy {ranking.policy}, {ranking.candidates} candidates, log position {ranking.position}"
        print_table(
            f"{placement}: for {user or 'an anonymous reader'}", ["slot", "item", "title", "score"], rows, caption
        )
