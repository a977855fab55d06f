"""`bandi simulate`: policies in a world with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

POLICIES = ("editor", "epsilon_greedy", "ucb1", "thompson")


@click.command("simulate", short_help="Run policies in a world with known truth.")
@click.option(
    "--world",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The world's TOML file [default: the webtoon world].",
)
@click.option("--print-world", is_flag=True, help="Print the default world's file and end.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A policy, such as thompson or epsilon_greedy:epsilon=0.05; may be given several times [default: all].",
)
@click.option("--baseline", help="Policy that others are compared with [default: the first].")
@click.option(
    "--seeds", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Worlds, one for each seed."
)
@click.option(
    "--visits", type=click.IntRange(20, 100_000_000), default=20_000, show_default=True, help="Requests in each run."
)
@click.option(
    "--update-every",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="Requests between two updates of a policy.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for runs.parquet and report.md.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--http",
    "url",
    metavar="URL",
    help="Drive a running service with one world's readers instead; policies are its placements.",
)
def command(
    world: Path | None, print_world: bool, policies: tuple[str, ...], baseline: str | None, seeds: int, visits: int,
    update_every: int, out: Path | None, as_json: bool, url: str | None,
) -> None:  # fmt: skip
    """Run policies in a world with known truth: regret, click rate over time, impressions that could not win."""
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import progress
    from bandi.evaluation.worlds.parameters import DEFAULT, read_parameters

    if print_world:
        click.echo(DEFAULT.read_text(encoding="utf-8"), nl=False)
        return
    parameters = read_parameters(world or DEFAULT)
    if url is not None:
        _over_http(url, parameters, policies or ("home",), visits)
        return
    from bandi.evaluation.comparison import HEADER, compare, rows, summarise, write_runs

    configs = {text: parse_policy(text) for text in policies or POLICIES}
    base = baseline or next(iter(configs))
    if base not in configs:
        raise click.UsageError(f"--baseline {base}: expected one of: {', '.join(configs)}")
    with progress("visits", seeds * len(configs) * visits) as advance:
        results = compare(configs, parameters, range(1, seeds + 1), visits, update_every, advance)
    comparison = summarise(results, base, visits)
    if out is not None:
        for file in write_runs(results, comparison, out):
            click.echo(f"wrote {file}", err=True)
    if as_json:
        click.echo(msgspec.json.encode(comparison))
        return
    caption = f"{visits:,} visits in each of {seeds} worlds; mean (95 % t-interval over worlds)"
    print_table("simulation", [name.format(base) for name in HEADER], rows(comparison), caption)
    over_time = [
        [name, *(f"{values[i]:.1%}" for i in range(0, len(values), 4)), f"{values[-1]:.1%}"]
        for name, values in comparison.ctr_over_time.items()
    ]
    print_table(
        "CTR over time", ["policy", *(f"{i * 5} %" for i in range(0, 20, 4)), "end"], over_time, "by share of the run"
    )


def parse_policy(text: str) -> Any:
    """A policy's configuration from `name` or `name:key=value,key=value`. Raises ConfigError."""
    from bandi.model.config_text import parse_config

    name, _, settings = text.partition(":")
    pairs = [pair.partition("=")[::2] for pair in settings.split(",") if pair]
    toml = "".join(f", {key} = {value if _is_number(value) else chr(34) + value + chr(34)}" for key, value in pairs)
    return parse_config(f'placements.home.policy = {{ use = "{name}"{toml} }}', "--policy").placements["home"].policy


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _over_http(url: str, parameters: Any, placements: tuple[str, ...], visits: int) -> None:
    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import progress
    from bandi.evaluation.http_readers import HttpReaders
    from bandi.evaluation.worlds.webtoon import World

    with HttpReaders(url, World(parameters, 1), 1, parameters.run.k) as readers, progress("visits", visits) as advance:
        readers.load_catalogue()
        for visit in range(visits):
            readers.visit(placements[visit % len(placements)])
            advance(1)
    rows = [
        [
            name,
            f"{tally.requests:,}",
            f"{tally.impressions:,}",
            f"{tally.clicks:,}",
            f"{tally.clicks / max(1, tally.impressions):.2%}",
            f"{readers.waste(name) or 0:.1%}",
        ]
        for name, tally in readers.tallies.items()
    ]
    print_table(url, ["placement", "requests", "impressions", "clicks", "CTR", "wasted impressions"], rows)
