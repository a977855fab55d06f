"""Write docs/reference/config.md, cli.md and data.md from the code, so that they cannot drift; a test compares them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bandi.cli.main import COMMANDS, EXIT_STATUS
from bandi.loading.public import read_registry
from bandi.model import config, config_values, experiment_config, metric_config, policy_config
from bandi.model.config_writing import keys_of, policies, targeters

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def config_page() -> str:
    """Every key of bandi.toml: meaning, type, default."""
    parts = [
        "# bandi.toml\n\nMade from the code by `python scripts/write_reference.py`. A key that is absent has its default; an unknown key,"
        " a bad value or a\nmissing objective is refused with file, line and the nearest valid name. What a change does to arms is said at"
        " the next start:\nthey carry over unless what they count (objective, window, `impressions`, the way to forget) has changed.\n"
    ]
    sections: list[tuple[str, type[config_values.Struct]]] = [("[placements.NAME]", config.Placement)]
    sections += [
        (f'[placements.NAME.policy] with use = "{policy.__struct_config__.tag}"', policy) for policy in policies()
    ]
    sections += [
        (f'[[placements.NAME.targeters]] with use = "{targeter.__struct_config__.tag}"', targeter)
        for targeter in targeters()
    ]
    sections += [
        ("[placements.NAME.policy.prior]", policy_config.Prior),
        ("[placements.NAME.policy.change_detection]", policy_config.ChangeDetection),
        ("[placements.NAME.seen]", config.Seen),
        ("[placements.NAME.exploration]", config.Exploration),
        ("[placements.NAME.states.STATE]", config.ForState),
        ("[placements.NAME.push]", config.Push),
        ("[[placements.NAME.diversity]]", config.Cap),
        ("[placements.NAME.mmr]", config.Mmr),
        ("[objectives.NAME]", config.Objective),
        ("[factors]", config.Factors),
        ("[text]", config.Text),
        ("[images]", config.Images),
        ("[segments]", config.Segments),
        ("[holdout]", config.Holdout),
        ("[layers.NAME]", experiment_config.Layer),
        ("[experiments.NAME]", experiment_config.Experiment),
        ("[experiments.NAME.variants.NAME]", experiment_config.Variant),
        ('[metrics.NAME] with kind = "mean"', metric_config.MeanMetric),
        ('[metrics.NAME] with kind = "ratio"', metric_config.RatioMetric),
        ("[metrics.NAME.numerator] and [metrics.NAME.denominator]", metric_config.Tally),
        ('[metrics.NAME] with kind = "quantile"', metric_config.QuantileMetric),
        ('[metrics.NAME] with kind = "funnel"', metric_config.FunnelMetric),
        ("[[metrics.NAME.steps]]", metric_config.Step),
        ('[metrics.NAME] with kind = "retention"', metric_config.RetentionMetric),
        ("[log]", config.Log),
        ("[serve]", config.Serve),
    ]
    for title, struct in sections:
        parts.append(
            f"\n## {title}\n\n{(struct.__doc__ or '').strip()}\n\n| key | meaning | type | default |\n| --- | --- | --- | --- |\n"
        )
        for key in keys_of(struct):
            default = "required" if key.required else "absent" if key.default is None else f"`{key.default}`"
            parts.append(f"| `{key.name}` | {key.meaning} | {key.kind} | {default} |\n")
    return "".join(parts)


_CONTEXT: Any = {"help_option_names": ["-h", "--help"], "max_content_width": 110, "terminal_width": 110}


def _help(command: click.Command, context: click.Context) -> str:
    command._help_option = None  # kept from whoever asked first, with that one's names
    return command.get_help(context)


def cli_page() -> str:
    """Every command with its options, and the exit statuses."""
    parts = ["# The bandi command\n\nMade from the code by `python scripts/write_reference.py`.\n"]
    for name in COMMANDS:
        command = import_module(f"bandi.cli.{name}").command
        context = click.Context(command, info_name=f"bandi {name}", **_CONTEXT)
        parts.append(f"\n## bandi {name}\n\n```\n{_help(command, context)}\n```\n")
        for inner in command.commands.values() if isinstance(command, click.Group) else ():
            inside = click.Context(inner, context, inner.name, **_CONTEXT)
            parts.append(f"\n### bandi {name} {inner.name}\n\n```\n{_help(inner, inside)}\n```\n")
    parts.append(
        "\n## Exit statuses\n\n| status | meaning |\n| --- | --- |\n| 0 | done |\n| 1 | done, but some records were refused |\n"
        "| 2 | mend the input or the options |\n"
    )
    words = {
        3: "another process has the folder open",
        4: "the log or a snapshot is damaged",
        5: "written by a newer version",
        6: "the disk is full",
    }
    parts += [f"| {status} | {words[status]} (`{error}`) |\n" for error, status in EXIT_STATUS.items()]
    parts.append(
        "| 70 | a bug; `BANDI_DEBUG=1` shows where |\n| 130 | Ctrl-C |\n| 141 | whoever read the output went away |\n"
    )
    return "".join(parts)


DATA_INTRODUCTION = """# Public data sets

Made from `src/bandi/loading/public/registry.toml` by `python scripts/write_reference.py`. `bandi data` lists them, `bandi data show NAME`
says all of one, `bandi data load NAME PATH FOLDER` loads the files that you have. Bandi downloads nothing.

Facts are those of the pages and files that the publishers put out, as far as they could be looked up; what could not be confirmed is
`unknown`, and then the licence must be read before use. `same terms`: it may be passed on under its own licence alone. This page is no
legal advice.

## What may be done with them

| name | records | licence | redistribute | commercial use | loaded as |
| --- | --- | --- | --- | --- | --- |
"""
DATA_FORMATS = """
## How files are read

PATH is the folder with the published files, or the file of events itself; then items are looked for beside it. Each file may be
gzipped. The folder is made where there is none; refused rows are written to it. Each step is one `bandi load` ([load.md](load.md)), so a
file loaded twice counts once. Files without a header, with slots from 1 or with dates in another writing are written anew first, to a
temporary folder: of a file without a header, line n of a refusal is its line n - 1. A format can be named instead of a set: `bandi data
load ratings mine.csv mine.bandi`. For other columns: `bandi load --map`.

| format | rows | leaderboard |
| --- | --- | --- |
"""


def data_page() -> str:
    """Public data sets and the formats of their files."""
    registry = read_registry()
    parts = [DATA_INTRODUCTION]
    for one in registry.sets:
        cells = (one.name, one.records, one.licence, one.redistribute, one.commercial, one.format or "not loaded")
        parts.append("| " + " | ".join(cells) + " |\n")
    parts.append("\n## Where to get them, and how to cite them\n")
    for one in registry.sets:
        parts.append(
            f"\n**{one.name}**: {one.title}; {one.about}.\n\n- from {one.obtain}\n- files: {', '.join(one.files)}\n"
        )
        parts.append(f"- cite: {one.citation}\n" + (f"- {one.note}\n" if one.note else ""))
    parts.append(DATA_FORMATS)
    for layout in registry.formats:
        parts.append(f"| {layout.name} | {layout.about} | {layout.judged or 'not judged'} |\n")
    return "".join(parts)


PAGES = {"config.md": config_page, "cli.md": cli_page, "data.md": data_page}


def main() -> None:
    """Write them all."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
