"""`bandi simulate`: policies, or whole services, in a world with known truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bandi.cli.simulate_funnel import is_funnel, simulate_funnel
from bandi.cli.simulate_puzzle import puzzle
from bandi.cli.simulate_talk import talk

POLICIES = ("editor", "epsilon_greedy", "ucb1", "thompson")


@click.group("simulate", invoke_without_command=True, short_help="Run policies in a world with known truth.")
@click.option(
    "--world",
    metavar="NAME|FILE",
    help="webtoon, personal; calibrated, thin, hits, slow_payers, drifting (worlds with payments); or a world's TOML file "
    "[default: webtoon; personal for services].",
)
@click.option("--print-world", is_flag=True, help="Print the file of the world named by --world and end.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A policy, such as thompson or epsilon_greedy:epsilon=0.05; may be given several times [default: all].",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME|FILE",
    help="Run whole services instead: spine, personal, or a bandi.toml; may be given several times, the first is the baseline.",
)
@click.option(
    "--train-every-days",
    type=click.FloatRange(min=0.01, max=3650),
    default=2.0,
    show_default=True,
    help="Services: simulated days between two trainings.",
)
@click.option("--processes", type=click.IntRange(1, 64), help="Services: worker processes [default: one a core].")
@click.option("--baseline", help="Policy that others are compared with [default: the first].")
@click.option(
    "--seeds", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Worlds, one for each seed."
)
@click.option(
    "--visits",
    type=click.IntRange(20, 100_000_000),
    help="Visits in each run [default: 20000; services: 60000; with payments: the world's].",
)
@click.option("--days", type=click.IntRange(1, 3650), help="With payments: days of a run [default: the world's].")
@click.option("--readers", type=click.IntRange(1, 10_000_000), help="With payments: readers [default: the world's].")
@click.option(
    "--segments",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="With payments: segments of readers that policies learn by; 0: all readers are one.",
)
@click.option(
    "--objective",
    type=click.Choice(["click", "continued", "coins"]),
    default="click",
    show_default=True,
    help="With payments: what an impression is rewarded for.",
)
@click.option(
    "--update-every",
    type=click.IntRange(1, 100_000),
    help="Visits between two updates of a policy [default: 20; 50 for services and worlds with payments].",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the runs as Parquet and report.md."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--http",
    "url",
    metavar="URL",
    help="Drive a running service with one world's readers instead; policies are its placements.",
)
@click.pass_context
def command(
    context: click.Context, world: str | None, print_world: bool, policies: tuple[str, ...],
    services: tuple[str, ...], train_every_days: float, processes: int | None, baseline: str | None,
    seeds: int, visits: int | None, days: int | None, readers: int | None, segments: int,
    objective: Any, update_every: int | None, out: Path | None, as_json: bool, url: str | None,
) -> None:  # fmt: skip
    """Run policies in a world with known truth: regret, click rate over time, impressions that could not win.

    With --service, whole services: each bandi.toml runs in the real engine on simulated time, with its targeters and with
    training, placement home and, beside the title just read, viewer_end.

    In worlds with payments (calibrated, thin, hits, slow_payers, drifting): coins, continuation and payers besides.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import progress
    from bandi.evaluation.worlds.parameters import read_parameters

    if print_world:
        click.echo(world_file(world or "webtoon").read_text(encoding="utf-8"), nl=False)
        return
    if services:
        if policies or url or baseline:
            raise click.UsageError(
                "--service runs without --policy, --baseline and --http: the first service is the baseline"
            )
        from bandi.evaluation.service_runs import Plan

        plan = Plan(visits or 60_000, update_every or 50, train_every_days)
        _services(services, read_parameters(world_file(world or "personal")), seeds, plan, processes, out, as_json)
        return
    if is_funnel(world_file(world or "webtoon")):
        if url is not None:
            raise click.UsageError("--http drives worlds without payments only, such as webtoon")
        from bandi.evaluation.worlds.funnel.running import Plan as FunnelPlan

        configs, base = _contenders(policies, baseline)
        funnel_plan = FunnelPlan(update_every or 50, segments, objective=objective)
        sizes = {"days": days, "readers": readers, "visits": visits}
        simulate_funnel(world_file(world or ""), configs, base, seeds, sizes, funnel_plan, out, as_json)
        return
    parameters = read_parameters(world_file(world or "webtoon"))
    visits, update_every = visits or 20_000, update_every or 20
    if url is not None:
        _over_http(url, parameters, policies or ("home",), visits)
        return
    from bandi.evaluation.comparison import HEADER, compare, rows, summarise, write_runs

    configs, base = _contenders(policies, baseline)
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


command.add_command(talk)
command.add_command(puzzle)


def _refuse_options(context: click.Context) -> None:
    """A report has its own options, after its name."""
    for name in context.params:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{name} stands before {context.invoked_subcommand}: a report's options follow its name"
            )


def _contenders(policies: tuple[str, ...], baseline: str | None) -> tuple[dict[str, Any], str]:
    """Policies by their text, and which is the baseline."""
    configs = {text: parse_policy(text) for text in policies or POLICIES}
    base = baseline or next(iter(configs))
    if base not in configs:
        raise click.UsageError(f"--baseline {base}: expected one of: {', '.join(configs)}")
    return configs, base


def world_file(name: str) -> Path:
    """The file of a world that comes with Bandi, or the file named."""
    from bandi.evaluation.worlds.funnel.parameters import PRESETS, preset_file
    from bandi.evaluation.worlds.parameters import DEFAULT, PERSONAL

    known = {"webtoon": DEFAULT, "personal": PERSONAL} | {preset: preset_file(preset) for preset in PRESETS}
    return known.get(name, Path(name))


def _services(
    names: tuple[str, ...],
    parameters: Any,
    seeds: int,
    plan: Any,
    processes: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    import os

    import msgspec

    from bandi.cli.console_tables import print_table
    from bandi.cli.progress import progress
    from bandi.evaluation import service_report as report
    from bandi.evaluation.service_comparison import run_services, summarise_services
    from bandi.jobs.training import train

    services = [read_service(name) for name in names]
    if len({service.name for service in services}) < len(services):
        raise click.UsageError(f"--service: each once, and files of different names: {', '.join(names)}")
    with progress("visits", seeds * len(services) * plan.visits) as advance:
        results = run_services(
            services, parameters, range(1, seeds + 1), plan, train, processes or os.cpu_count() or 1, advance
        )
    comparison = summarise_services(results)
    if out is not None:
        for file in report.write_service_runs(results, comparison, out):
            click.echo(f"wrote {file}", err=True)
    if as_json:
        click.echo(msgspec.json.encode(comparison))
        return
    caption = f"{plan.visits:,} visits in each of {seeds} worlds. {report.NOTE}"
    print_table(
        "placements", report.titled(report.PLACEMENT_HEADER, comparison), report.placement_rows(comparison), caption
    )
    print_table("services", report.titled(report.SERVICE_HEADER, comparison), report.service_rows(comparison))
    print_table("CTR over time", report.OVER_TIME_HEADER, report.over_time_rows(comparison), "by share of the run")


def read_service(name: str) -> Any:
    """A service that comes with Bandi, or the bandi.toml named; called by its file's name. Raises ConfigError and others."""
    from bandi.evaluation.service_runs import checked_service
    from bandi.evaluation.worlds.parameters import DEFAULT
    from bandi.model.errors import InvalidInputError, Problem

    preset = DEFAULT.parent / "services" / f"{name}.toml"
    file = preset if name.isidentifier() and preset.is_file() else Path(name)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(path.stem for path in preset.parent.glob("*.toml")))
        raise InvalidInputError(Problem(f"--service {name}", str(error), f"one of: {known}; or a bandi.toml")) from None
    return checked_service(file.stem, text)


def parse_policy(text: str, objectives: Mapping[str, Any] | None = None) -> Any:
    """A policy's configuration from `name` or `name:key=value,key=value`. Raises ConfigError.

    objectives: what it may name (`model.config.Objective` by name), None: clicks alone.
    """
    import json

    import msgspec

    from bandi.model.config_text import parse_config

    name, _, settings = text.partition(":")
    pairs = [pair.partition("=")[::2] for pair in settings.split(",") if pair]
    toml = "".join(f", {key} = {value if _is_number(value) else chr(34) + value + chr(34)}" for key, value in pairs)
    lines = [f'placements.home.policy = {{ use = "{name}"{toml} }}']
    for known, objective in (objectives or {}).items():
        keys = {key: value for key, value in msgspec.to_builtins(objective).items() if value is not None}
        lines.append(f"[objectives.{json.dumps(known)}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return parse_config("\n".join(lines), "--policy").placements["home"].policy


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
