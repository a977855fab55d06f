"""A report as one HTML page: no script, nothing loaded, tables beside every plot, light and dark by the reader's system."""

from __future__ import annotations

from html import escape

from bandi.experiments.report.charts import Chart, effect_chart, funnel_chart, novelty_chart
from bandi.experiments.report.tables import (
    Table,
    funnel_table,
    guardrails_table,
    looks_table,
    metrics_table,
    novelty_table,
    variants_table,
)  # fmt: skip
from bandi.experiments.report.verdicts import cautions_of, headline, novelty_of, standing, verdicts_of
from bandi.experiments.report.wording import sentence
from bandi.experiments.result import ExperimentResult

_STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f4f6f8; --ink: #17202a; --soft: #4d5966; --line: #c9d1d9;
  --effect: #0072b2; --control: #6b7785; --good: #00674b; --bad: #a53d00; --loud: #8a1c1c; --loud-ground: #fdecec; }
@media (prefers-color-scheme: dark) { :root { --ground: #11161d; --panel: #1a212b; --ink: #e6ebf0; --soft: #a9b4c0; --line: #3a4654;
  --effect: #56b4e9; --control: #9aa7b5; --good: #4fd1a5; --bad: #ff9d5c; --loud: #ffb3b3; --loud-ground: #3a1a1d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; } h3 { font-size: 1rem; margin: 0 0 .4rem; }
.lead { font-size: 1.15rem; margin: .3rem 0; } .soft, caption, figcaption { color: var(--soft); }
.loud { border: 3px solid var(--loud); background: var(--loud-ground); color: var(--ink); padding: .7rem 1rem; margin: 1rem 0; }
.loud strong { color: var(--loud); font-size: 1.15rem; display: block; }
.note { border-left: 4px solid var(--line); padding: .2rem .8rem; }
ul.verdicts { list-style: none; padding: 0; } ul.verdicts > li { background: var(--panel); padding: .6rem .9rem; margin: .5rem 0; }
.outcome { font-weight: 700; margin-right: .6rem; } .better { color: var(--good); } .worse { color: var(--bad); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; caption-side: bottom; padding: .4rem 0; overflow-wrap: normal; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: normal; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--panel); padding: .8rem; min-width: 0; } summary { cursor: pointer; color: var(--soft); }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; } svg text { fill: var(--ink); }
svg .strong { font-weight: 700; } svg .grid { stroke: var(--line); stroke-width: .6; }
svg .zero { stroke: var(--ink); stroke-dasharray: 5 3; }
svg .band { fill: var(--effect); opacity: .25; } svg .line { fill: none; stroke: var(--effect); stroke-width: 2.2; }
svg .error { stroke: var(--effect); stroke-width: 2; } svg .dot { fill: var(--effect); } svg .bar { fill: var(--effect); }
svg .bar.control { fill: var(--control); }
@media print { .plots { display: block; } figure { break-inside: avoid; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page_of(result: ExperimentResult) -> str:
    """The whole document. Every text of the result is escaped; the page may load and run nothing."""
    title = f"Experiment {result.experiment}"
    body = [
        f"<h1>{escape(title)}</h1>", *_lead(result),
        f'<p class="soft">{escape(standing(result))}</p>', *(f'<p class="note">{escape(words)}</p>' for words in result.words),
        _verdicts(result), _section(metrics_table(result)), _section(guardrails_table(result)), _effects(result),
        _funnel(result), _novelty(result), _section(variants_table(result)),
    ]  # fmt: skip
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>\n{chr(10).join(body)}\n</main></body></html>\n"
    )


def _lead(result: ExperimentResult) -> list[str]:
    """What is wrong, loudly; where nothing is, the whole in one sentence."""
    cautions = cautions_of(result)
    if not cautions:
        return [f'<p class="lead">{escape(headline(result))}</p>']
    return [
        f'<div class="loud" role="alert"><strong>{escape(caution.title)}</strong>{escape(sentence(caution.words))}</div>'
        for caution in cautions
    ]


def _verdicts(result: ExperimentResult) -> str:
    entries = []
    for verdict in verdicts_of(result):
        notes = "".join(f"<li>{escape(note)}</li>" for note in verdict.not_yet)
        entries.append(
            f'<li><span class="outcome {verdict.outcome.split(" ", maxsplit=1)[0]}">{escape(verdict.outcome)}</span>'
            f" {escape(verdict.says)}{f'<ul>{notes}</ul>' if notes else ''}</li>"
        )
    return f'<h2>What it says</h2><ul class="verdicts">{"".join(entries)}</ul>' if entries else ""


def _effects(result: ExperimentResult) -> str:
    figures = []
    for metric in result.metrics:
        for variant, lift in metric.lifts.items():
            chart = effect_chart(result, metric.metric, variant, lift)
            if chart is not None:
                figures.append(_figure(chart, looks_table(result, metric, variant)))
    said = "The line is the lift at each look, the band its always-valid interval: the truth is outside at no look, with 95 % confidence."
    return _plots("Effect over time", said, figures)


def _funnel(result: ExperimentResult) -> str:
    chart = funnel_chart(result)
    return (
        ""
        if chart is None
        else _plots(
            "Funnel by variant", "Shares are of readers at the first step.", [_figure(chart, funnel_table(result))]
        )
    )


def _novelty(result: ExperimentResult) -> str:
    if not result.metrics:
        return ""
    name = result.metrics[0].metric
    charts = (novelty_chart(result.control, name, variant, ages) for variant, ages in result.by_exposure_day.items())
    figures = [f"<figure><h3>{escape(chart.title)}</h3>{chart.svg}</figure>" for chart in charts if chart is not None]
    if not figures:
        return ""
    plots = _plots("Days since first exposure", " ".join(novelty_of(result)), figures)
    return plots + f"<details><summary>figures</summary>{_set(novelty_table(result))}</details>"


def _plots(title: str, said: str, figures: list[str]) -> str:
    if not figures:
        return ""
    return f'<h2>{escape(title)}</h2><p>{escape(said)}</p><div class="plots">{"".join(figures)}</div>'


def _figure(chart: Chart, table: Table) -> str:
    figures = f"<details><summary>figures</summary>{_set(table)}</details>"
    return f"<figure><h3>{escape(chart.title)}</h3>{chart.svg}{figures}</figure>"


def _section(table: Table) -> str:
    return f"<h2>{escape(table.title)}</h2>{_set(table)}" if table.rows else ""


def _set(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.header)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
