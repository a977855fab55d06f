"""The result of one experiment from a folder's log, as of a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bandi.experiments.inference import mismatch_at_every_look
from bandi.experiments.metrics._event_kernels import NEVER
from bandi.experiments.metrics.columns import FUNNEL, FUNNEL_STEPS, OPEN, all_columns, columns_of
from bandi.experiments.metrics.exposed import Exposed, read_exposures
from bandi.experiments.metrics.gathering import MAX_COLUMNS, Done, Gathering, calendar_of, read_events
from bandi.experiments.metrics.judging import by_exposure_day, corrected, guarded, lifts_of, series_of
from bandi.experiments.metrics.looks import Readers, readers_of, steps_reached
from bandi.experiments.metrics.measuring import Measured, measure
from bandi.experiments.result import ExperimentResult, FunnelStep, MetricResult
from bandi.log.folder import LogFolder
from bandi.log.protocol import Log
from bandi.log.sqlite import open_log_read_only
from bandi.model.config import Config
from bandi.model.config_kinds import nearest
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import EventKind
from bandi.model.experiment_config import Experiment
from bandi.model.metric_config import BUILT_IN_NAMES, Metric, metric_of
from bandi.model.records import Array
from bandi.model.variants import moment_ms

DEFAULT_METRICS = ("ctr",)
"""Of an experiment that names none."""
_BUILT_IN_EVENTS = tuple(kind.name.lower() for kind in EventKind)
OnRecords = Callable[[int, int], None]
"""Called with the records read so far, and how many there are: twice those of the log."""


def evaluate(
    source: Path | Log,
    experiment: str,
    *,
    now_ms: int,
    config: Config | None = None,
    on_records: OnRecords = lambda _done, _total: None,
) -> ExperimentResult:
    """What the experiment has shown by `now_ms`, from a folder (which may be in use) or an open log.

    config: says which metrics and guardrails; None: as the log said last, that is when the folder was opened. The log is read
    twice; memory goes with exposed readers, and with the days on which each of them did something. Raises UnknownNameError for
    an experiment that the log does not know, InvalidInputError where there is no log, and what reading raises.
    """
    if not isinstance(source, Path):
        return _evaluated(source, experiment, now_ms, config, on_records)
    if not LogFolder(source).root.exists():
        raise InvalidInputError(Problem("log", "none", "a folder with a log", "has a service run on this folder?"))
    log = open_log_read_only(source)
    try:
        return _evaluated(log, experiment, now_ms, config, on_records)
    finally:
        log.close()


def _evaluated(log: Log, name: str, now_ms: int, config: Config | None, on_records: OnRecords) -> ExperimentResult:
    total = 2 * log.next_position
    exposed = read_exposures(log, name, now_ms, lambda done: on_records(done, total))
    said = exposed.config if config is None or name not in config.experiments else config
    experiment = said.experiments[name]
    metrics = _metrics(experiment, said)
    columns = all_columns(metrics.values())
    if len(columns) > MAX_COLUMNS:
        found = f"{len(columns)} different tallies"
        raise InvalidInputError(Problem(f"experiments.{name}.metrics", found, f"at most {MAX_COLUMNS}", "name fewer"))
    calendar = calendar_of(exposed, now_ms)
    gathering = Gathering(exposed, columns, calendar, now_ms)
    done = read_events(log, gathering, lambda read: on_records(total // 2 + read, total))
    return _result(exposed, experiment, metrics, done, now_ms)


def _metrics(experiment: Experiment, config: Config) -> dict[str, Metric]:
    """The deciding one first, guardrails behind all metrics."""
    found = {}
    for name in dict.fromkeys([*(experiment.metrics or DEFAULT_METRICS), *experiment.guardrails]):
        metric = metric_of(name, config.metrics)
        if metric is None:  # a log from before names were checked
            known = [*BUILT_IN_NAMES, *config.metrics]
            hint = nearest(name, known) or "say it in [metrics.NAME]"
            raise InvalidInputError(Problem("metric", repr(name)[:66], f"one of: {', '.join(known)}", hint))
        found[name] = metric
    return found


def _result(
    exposed: Exposed, experiment: Experiment, metrics: dict[str, Metric], done: Done, now_ms: int
) -> ExperimentResult:
    readers, planned = readers_of(exposed, done), float(experiment.planned_readers)
    control = control_of(experiment, exposed.names)
    measured = {name: measure(metric, done, readers, control, now_ms) for name, metric in metrics.items()}
    main = next(iter(metrics))
    ends: list[int] = done.calendar.ends_ms.tolist()
    rails = {name: metrics[name] for name in experiment.guardrails}
    shares = _shares(exposed.weights[-1])
    return ExperimentResult(
        experiment=exposed.experiment,
        state=_state(exposed, now_ms),
        control=control,
        variants=exposed.names,
        shares=shares,
        readers=np.bincount(exposed.variants, minlength=len(exposed.names)).tolist(),
        looks_ms=ends,
        mismatch=_mismatch(readers, shares),
        metrics=_judged(metrics, measured, done, exposed, planned, experiment.metrics or DEFAULT_METRICS),
        funnel=_funnel(done, exposed),
        by_exposure_day=by_exposure_day(metrics[main], done, readers, control),
        guardrails=guarded(rails, measured, planned, ends),
        moved=int(exposed.moved.sum()),
        corrections=(
            "Benjamini and Hochberg over metrics and treatments, of always-valid p-values; guardrails by Holm, by themselves"
        ),
        words=list(_words(exposed, experiment, done)),
    )


def control_of(experiment: Experiment, names: Sequence[str]) -> str:
    """The variant that others are compared with."""
    asked = experiment.control or "control"
    return asked if asked in names else names[0]


def _judged(
    metrics: dict[str, Metric],
    measured: dict[str, Measured],
    done: Done,
    exposed: Exposed,
    planned: float,
    deciding: Sequence[str],
) -> list[MetricResult]:
    lifts = {name: lifts_of(measured[name], planned) for name in metrics}
    adjusted = dict(zip(deciding, corrected([lifts[name] for name in deciding]), strict=True))
    found = []
    for name, metric in metrics.items():
        found.append(
            MetricResult(
                metric=name,
                kind=metric.__struct_config__.tag,  # type: ignore[arg-type]
                unit=metric.unit,
                better=metric.better,
                variants=series_of(measured[name], exposed.names),
                lifts={
                    treatment: msgspec.structs.replace(
                        lift, corrected=adjusted.get(name, {}).get(treatment, lift.p_value)
                    )
                    for treatment, lift in lifts[name].items()
                },
                immature=measured[name].immature,
                words=" ".join(_metric_words(name, metric, measured[name], done, exposed)),
            )
        )
    return found


def _metric_words(name: str, metric: Metric, measured: Measured, done: Done, exposed: Exposed) -> Iterator[str]:
    custom = exposed.interner.texts("kind")
    for column in dict.fromkeys(columns_of(metric)):
        for event in column.events:
            if event not in _BUILT_IN_EVENTS and event not in custom:
                hint = nearest(event, [*_BUILT_IN_EVENTS, *custom])
                yield f"No event {event!r} was ever seen in the log{f' ({hint})' if hint else ''}."
                if name == "latency":
                    yield "The log does not hold how long a decision took: send it as an event of your own of that name."
        if done.counts[done.index(column)] == 0 and len(exposed.users):
            yield f"No {' or '.join(column.events)} by an exposed reader has counted so far."
    if measured.immature and columns_of(metric)[0].end_ms != OPEN:
        total = len(exposed.users)
        yield f"{total - measured.immature:,} of {total:,} readers are mature; {measured.immature:,} wait for their window to close."
        if measured.all_readers:
            yield "all_readers counts them too, weighed by how much of their window has been seen."


def _words(exposed: Exposed, experiment: Experiment, done: Done) -> Iterator[str]:
    if not len(exposed.users):
        yield "No reader has met a variant so far."
    if not experiment.metrics:
        yield f"The experiment names no metrics: it is judged by {DEFAULT_METRICS[0]}."
    if len(exposed.weights) > 1:
        yield (
            f"The variants' weights were changed {len(exposed.weights) - 1} times: readers are compared within the time in "
            "which they came, and the shares are checked of the newest."
        )
    if exposed.moved.any():
        yield f"{int(exposed.moved.sum()):,} readers met another variant later; they count for their first."
    if done.unmatched > 0.0:
        yield f"Refunds of {done.unmatched:g} coins by exposed readers have no purchase in the log: they were not taken off."


def _shares(weights: Sequence[float]) -> list[float]:
    """Weights such as 0.3333 three times are meant as a whole."""
    return [weight / sum(weights) for weight in weights]


def _mismatch(readers: Readers, shares: Sequence[float]) -> str | None:
    """Of readers who came under the weights that are in force."""
    stage, variants = len(readers.exposed.weights) - 1, len(shares)
    own = readers.exposed.stages == stage
    keys = readers.entries[own].astype(np.int64) * variants + readers.exposed.variants[own]
    counts: Array = np.bincount(keys, minlength=readers.looks * variants).reshape(readers.looks, variants)
    found = mismatch_at_every_look(counts.cumsum(axis=0), np.array(shares), readers.exposed.names)
    return found.words if found.found else None


def _funnel(done: Done, exposed: Exposed) -> list[FunnelStep]:
    steps = []
    for i, name in enumerate(FUNNEL_STEPS):
        reached = steps_reached(done, FUNNEL[: i + 1]) != NEVER
        counts = np.bincount(exposed.variants[reached], minlength=len(exposed.names)).tolist()
        steps.append(FunnelStep(name, dict(zip(exposed.names, counts, strict=True))))
    return steps


def _state(exposed: Exposed, now_ms: int) -> str:
    """As `bandi experiment list` says it."""
    config, status = exposed.config.experiments[exposed.experiment], exposed.standing.status
    if status != "running":
        return status
    if config.starts_at is not None and now_ms < moment_ms(config.starts_at):
        return "waiting"
    return "ended" if config.ends_at is not None and now_ms >= moment_ms(config.ends_at) else "running"
