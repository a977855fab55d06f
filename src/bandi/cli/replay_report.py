"""What `bandi replay` prints: estimates, what the weights look like, and verdicts; as tables or as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bandi.evaluation.intervals import Interval
    from bandi.evaluation.off_policy.evaluation import Evaluation
    from bandi.evaluation.replay import Matching

Overlap = Literal["bars", "none"]
NOTHING_MATCHED = "no logged row shows what the policy would have shown"
_WEIGHTS = {
    "effective_rows": "effective rows",
    "positives": "rows with a click",
    "effective_positives": "of these in effect",
    "max_weight": "largest weight",
    "top_share": "weight held by 1 % of rows",
    "pareto_k": "Pareto k of the tail",
    "mean_weight": "mean weight",
    "unsupported": "of the policy never logged",
    "longest_pause": "longest pause, share of time",
}


@dataclass(slots=True)
class Report:
    """Lines as dictionaries: one for each estimate, and one for each policy."""

    rows: int
    refused: int
    lines: list[dict[str, Any]] = field(default_factory=list)
    policies: list[dict[str, Any]] = field(default_factory=list)
    target: Interval | None = None

    def add_rate(self, policy: str, rate: Interval, rows: int) -> None:
        """A click rate that was really got."""
        self.lines.append({"policy": policy, "estimator": "click rate", **_bounds(rate), "rows": rows})

    def add_target(self, rate: Interval, rows: int) -> None:
        """The click rate that the evaluated policy really got: later estimates are held against it."""
        self.add_rate("the target's own log", rate, rows)
        self.target = rate

    def add_matching(self, policy: str, matching: Matching) -> None:
        """Replay by matching."""
        rate = matching.click_rate
        self._add(policy, "replay matching", rate, rate, rows=matching.rows, note="" if rate else NOTHING_MATCHED)

    def add_evaluation(self, policy: str, evaluation: Evaluation) -> None:
        """All estimates of one policy. `low` and `high` are Student's; the bootstrap is the studentised one."""
        for estimate in evaluation.estimates:
            value = None if estimate.value is None else estimate.student
            self._add(
                policy,
                estimate.name,
                value,
                estimate.studentised or estimate.student,
                estimate=estimate.value,
                **_bounds(estimate.studentised, "bootstrap_"),
                **_bounds(estimate.percentile, "percentile_"),
                **_bounds(estimate.bernstein, "bernstein_"),
                parameter=estimate.parameter,
                bias=estimate.bias,
                note=estimate.note,
            )
        self.policies.append(
            {
                "policy": policy,
                **asdict(evaluation.diagnostics),
                "overlap": evaluation.overlap,
                "verdict": evaluation.verdict.level,
                "sentences": evaluation.verdict.sentences,
                "text": str(evaluation.verdict),
            }
        )

    def to_json(self) -> bytes:
        """One object. What is not defined is null; an infinite parameter (weights are left as they are) too."""
        import msgspec

        return msgspec.json.encode(
            {"rows": self.rows, "refused": self.refused, "lines": self.lines, "policies": self.policies}
        )

    def _add(self, policy: str, estimator: str, shown: Interval | None, held: Interval | None, **more: Any) -> None:
        line = {"policy": policy, "estimator": estimator, **_bounds(shown), **more}
        if shown is not None:
            line.setdefault("estimate", shown.estimate)
        if self.target is not None:
            value = line.get("estimate")
            line["overlaps_target"] = None if held is None else held.overlaps(self.target)
            if value is not None and self.target.estimate > 0:
                line["relative_error"] = value / self.target.estimate - 1.0
        self.lines.append(line)


def print_report(title: str, report: Report, overlap: Overlap) -> None:
    """Tables and verdicts on the terminal, with the overlap of the policies as bars if wanted.

    Bernstein's bounds and the percentile bootstrap are in the JSON alone.
    """
    import click

    from bandi.cli.console_tables import print_table

    rates = [line for line in report.lines if line["estimator"] == "click rate"]
    cells = [[line["policy"], _cell(line["estimate"]), _range(line, ""), _cell(line["rows"])] for line in rates]
    caption = f"{report.rows:,} rows taken, {report.refused:,} refused"
    print_table(title, ["policy", "click rate", "95 %", "rows"], cells, caption)
    for policy in report.policies:
        lines = [line for line in report.lines if line["policy"] == policy["policy"] and line not in rates]
        print_table(policy["policy"], *_columns(lines, report.target is not None))
        for note in dict.fromkeys(line["note"] for line in lines if line.get("note")):
            named = ", ".join(line["estimator"] for line in lines if line.get("note") == note)
            click.echo(f"  {named}: {note}.")
        seen = [f"{label} {_cell(policy[name])}" for name, label in _WEIGHTS.items() if policy[name] is not None]
        click.echo(f"weights: {', '.join(seen)}.")
        if overlap == "bars":
            print_table("where the weights lie", ["weight", "rows", "held"], _overlap_rows(policy["overlap"]))
        click.echo(f"verdict: {policy['text']}.\n")


def _columns(lines: list[dict[str, Any]], against: bool) -> tuple[list[str], list[list[str]]]:
    """Header and cells of one policy's estimates."""
    header = ["estimator", "estimate", "bootstrap-t", "Student t", "parameter"]
    if against:
        header += ["error", "target"]
    cells = []
    for line in lines:
        parameter = line["rows"] if "rows" in line else line.get("parameter")
        text = f"{parameter:,} rows" if "rows" in line else _cell(parameter)
        cells.append([line["estimator"], _cell(line["estimate"]), _range(line, "bootstrap_"), _range(line, ""), text])
        if against:
            error = line.get("relative_error")
            cells[-1] += ["" if error is None else f"{error:+.0%}", _within(line.get("overlaps_target"))]
    return header, cells


def _within(overlaps: bool | None) -> str:
    return "" if overlaps is None else "within" if overlaps else "OUTSIDE"


def _range(line: dict[str, Any], prefix: str) -> str:
    low, high = line.get(f"{prefix}low"), line.get(f"{prefix}high")
    if low is None or high is None:
        return ""
    width, size = high - low, max(abs(low), abs(high))
    digits = min(2 - math.floor(math.log10(width / size)), 8) if 0 < width < size else 2
    return f"{low:.{digits}g} to {high:.{digits}g}"


def _overlap_rows(bins: list[tuple[float, float, float]]) -> list[list[str]]:
    """Bins of weights as bars, without those at the ends that hold nothing."""
    held = [i for i, (_, rows, _) in enumerate(bins) if rows > 0]
    lines = []
    for edge, rows, weight in bins[held[0] : held[-1] + 1] if held else []:
        name = f"{edge:g} and more" if edge >= 1 or edge == 0 else f"1/{1 / edge:g} and more"
        lines.append([name, *(f"{share:4.0%} {'#' * round(40 * share)}" for share in (rows, weight))])
    return lines


def _bounds(interval: Interval | None, prefix: str = "") -> dict[str, Any]:
    if interval is None:
        return {f"{prefix}low": None, f"{prefix}high": None}
    bounds: dict[str, Any] = {f"{prefix}low": interval.low, f"{prefix}high": interval.high}
    return bounds if prefix else {"estimate": interval.estimate, **bounds}


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)
