"""`bandi segments`: how many segments there should be, and what those that were trained are like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bandi.segments.choosing import Choice
    from bandi.segments.profiles import Attribute, Lifted, Profiles


@click.command("segments", short_help="Show how many segments there should be, and what they are like.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--k",
    "ks",
    multiple=True,
    type=click.IntRange(1, 64),
    help="Only this number of segments (may be given several times).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the evidence and the profiles as JSON.")
def command(folder: Path, ks: tuple[int, ...], as_json: bool) -> None:
    """Show what speaks for each number of segments of readers, and describe those of the artifact in use.

    The newest title of each reader is held out and foretold from what they read before. The folder may be in use, and
    nothing is changed: `k` in `[segments]` of bandi.toml says how many `bandi train` makes.
    """
    import msgspec

    from bandi.cli.progress import steps
    from bandi.jobs.segmenting import segment_evidence
    from bandi.segments.choosing import KS

    with steps() as on_step:
        choice = segment_evidence(folder, tuple(sorted(set(ks))) or KS, on_step)
    artifact, profiles = _trained(folder)
    if as_json:
        found = {"artifact": artifact, "profiles": profiles}
        click.echo(msgspec.json.encode({"choice": choice, **found}))
        return
    _print_choice(folder, choice)
    if profiles is None:
        click.echo("no segments are trained: put [segments] with k into bandi.toml, then `bandi train`")
    else:
        _print_profiles(artifact, profiles)


def _trained(folder: Path) -> tuple[str, Profiles | None]:
    from bandi.engine.artifacts import Shelf

    shelf = Shelf(folder)
    name = shelf.current()
    return name, shelf.manifest(name).segments if name else None


def _print_choice(folder: Path, choice: Choice) -> None:
    from bandi.cli.console_tables import print_table

    if not choice.evidence:
        click.echo("no reader has two titles yet: nothing can be held out, and nothing speaks for more than 1 segment")
        return
    rows = [
        [
            str(row.k), str(row.used), f"{row.log_likelihood:.4f}", f"{row.standard_error:.4f}", f"{row.perplexity:.1f}",
            f"{row.shortfall:.4f}", f"{row.shortfall_error:.4f}", f"{row.stability:.2f}",
            "suggested" if row.k == choice.suggested else "",
        ]
        for row in choice.evidence
    ]  # fmt: skip
    header = ["k", "used", "log-likelihood", "error", "perplexity", "shortfall", "its error", "stability", ""]
    caption = f"nats for each of {choice.readers} held-out reads; suggested: {choice.rule}"
    print_table(f"{folder}: how many segments", header, rows, caption)


def _print_profiles(artifact: str, profiles: Profiles) -> None:
    from bandi.cli.console_tables import print_table

    rows = [
        [
            str(segment.number), f"{segment.readers:.0f}", f"{segment.share:.1%}", _lifted(segment.genres),
            _lifted(segment.tags), _lifted(segment.titles), "\n".join(map(_attribute, segment.attributes)),
        ]
        for segment in profiles.segments
    ]  # fmt: skip
    header = ["segment", "readers", "share", "genres", "tags", "titles", "who they are"]
    caption = (
        f"{profiles.readers} readers, by weight; x: lift, share of the segment's reads over share of all reads, shrunk; in"
        " brackets: all readers of whom it is known"
    )
    print_table(f"artifact {artifact}: segments", header, rows, caption)
    numbers = [str(segment.number) for segment in profiles.segments]
    overlap = [
        [number, *(f"{value:.2f}" for value in row)] for number, row in zip(numbers, profiles.overlap, strict=True)
    ]
    print_table("overlap", ["segment", *numbers], overlap, "cosine of two segments' weights over readers")


def _lifted(labels: list[Lifted]) -> str:
    return "\n".join(f"{label.name} x{label.lift:.1f}" for label in labels)


def _attribute(about: Attribute) -> str:
    """One line: the segment's figure, in brackets that of all readers."""
    if about.mean is not None and about.population_mean is not None:
        return f"{about.name} {about.mean:.1f} ({about.population_mean:.1f})"
    if about.known <= 0 or not about.values:
        return f"{about.name} not known"
    values = (f"{value.value} {value.share:.0%} ({value.population_share:.0%})" for value in about.values[:3])
    return f"{about.name} {', '.join(values)}"
