"""The report on clicks and on the talk's four experiments: tables, and sentences chosen by what came out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandi.evaluation.intervals import Interval, t_interval
from bandi.evaluation.talk import summary
from bandi.evaluation.talk.frozen import Arm, Frozen, Sign
from bandi.evaluation.talk.record import Run
from bandi.evaluation.talk.summary import Runs
from bandi.evaluation.talk.tables import change, number, percent, share, table
from bandi.evaluation.talk.tasks import oracle_name

EDGES = (0, 1, 3, 6, 11)
_EDGE_TITLES = ("0", "1 to 2", "3 to 5", "6 to 10", "11 and more")
CONVERGED = 0.5
"""Posterior's deviation in multiples of the truth's between titles, at most."""
_TALK_EDITORS = 2.42
_SIGN_WORDS: dict[Sign, str] = {"-": "fell", "0": "did not change", "+": "rose"}


def clicks_section(runs: Runs, frozen: Frozen) -> list[str]:
    """Thompson sampling beside the others that look at clicks alone."""
    control = runs[frozen.control.name]
    header = ["policy", "CTR, expected", f"against {frozen.control.name}"]
    header += [f"regret, oracle by {resolution}" for resolution in frozen.oracle.resolutions] + ["wasted impressions"]
    rows = []
    for arm in frozen.of("control", "clicks"):
        mine = runs[arm.name]
        oracles = [runs[oracle_name(resolution, 0.0)] for resolution in frozen.oracle.resolutions]
        rows.append(
            [
                arm.title,
                share(t_interval(summary.each(mine, summary.expected_ctr)), 2),
                "" if arm is frozen.control else change(summary.effect(mine, control, summary.expected_ctr)),
                *(share(summary.regret(mine, oracle)) for oracle in oracles),
                share(t_interval(summary.each(mine, lambda run: run.result.waste))),
            ]
        )
    return [
        "Regret: clicks lost beside the oracle's best lists for clicks, as a share of the oracle's, both expected by the truth. "
        "The oracle by reader knows each reader's chance of a click now; the oracle by population knows the mean over readers, "
        "which is what a policy without features of readers could know at best. Wasted: on titles whose mean attraction is "
        "below the world's margin of the last one in the best list.",
        table(header, rows),
        *_editor_sentence(runs, control),
    ]


def _editor_sentence(runs: Runs, control: Sequence[Run]) -> list[str]:
    if "editor" not in runs:
        return []
    against = summary.effect(control, runs["editor"], summary.ctr)
    times = Interval(*(1.0 + value for value in (against.estimate, against.low, against.high)))
    inside = times.low <= _TALK_EDITORS <= times.high
    return [
        f"Thompson sampling's CTR is {number(times)} times the editors' (the talk: {_TALK_EDITORS:g}, which is "
        f"{'inside' if inside else 'outside'} that interval)."
    ]


def experiments_section(runs: Runs, frozen: Frozen) -> list[str]:
    """The four experiments, and how they come about."""
    arms = frozen.of("experiment")
    here = [arm for arm in arms if arm.not_available is None]
    return [
        "Each policy has the whole service, with the same readers and the same luck as the control's, so neither learns from the "
        "other. Effects are relative to Thompson sampling on clicks, paired by world. *As it fell*: what an A/B test would have "
        "counted, payments after the end of the run included. *Expected*: by the truth, of the same impressions, with "
        "less noise; coins of a payer do not depend on the title here, so expected payers and expected coins are in proportion.",
        table(
            ["experiment", "CTR, as it fell", "CTR, expected", "paid conversion, as it fell", "paid conversion, expected",
             "coins per reader with organic ones, expected", "the talk: clicks, paid", "here: clicks, paid"],
            [_experiment_row(arm, runs, frozen) for arm in arms],
        ),
        *(_verdict(arm, runs, frozen) for arm in here),
        "What the service knew when it chose: impressions by the number of payments, from lists, that had come in for the title; "
        "how many went to titles that no reader whom a list led there ever paid for; rank correlation of what the policy "
        "believes at the end (of coins per start; for the reward of coins, of payments per impression; for the retention score, "
        "of reading on) with the true coins, over the titles that it showed; the last bandit's posterior standard deviation, "
        "averaged over impressions, as a multiple of the truth's standard deviation between those titles (payers per start; for "
        f"the reward of coins, per impression in the first slot). Above {CONVERGED:g} it has not converged: its doubt about a title is "
        "of the size of what it should tell apart.",
        table(
            ["policy", *(f"{edge} payments" for edge in _EDGE_TITLES), "titles nobody paid for", "rank correlation",
             "posterior's deviation"],
            [_mechanism_row(arm, runs[arm.name]) for arm in [frozen.control, *here, *frozen.of("whole")] if arm.name in runs],
        ),
        *(sentence for arm in here if (sentence := _convergence(arm, runs[arm.name]))),
    ]  # fmt: skip


def _experiment_row(arm: Arm, runs: Runs, frozen: Frozen) -> list[str]:
    talk = f"{arm.talk_clicks or 'not said'}, {arm.talk_paid or 'not said'}"
    if arm.not_available is not None:
        return [arm.title, f"not run: {arm.not_available}", "", "", "", "", talk, ""]
    mine, control = runs[arm.name], runs[frozen.control.name]
    clicks, paid = _fell(mine, control)
    return [
        arm.title,
        change(clicks),
        change(summary.effect(mine, control, summary.expected_ctr)),
        change(paid),
        change(summary.effect(mine, control, lambda run: run.expected_paid_conversion)),
        change(summary.effect(mine, control, summary.all_coins)),
        talk,
        f"{summary.sign_of(clicks)}, {summary.sign_of(paid)}",
    ]


def _fell(mine: Sequence[Run], control: Sequence[Run]) -> tuple[Interval, Interval]:
    """Effects on CTR and on paid conversion, as an A/B test counts them."""
    return summary.effect(mine, control, summary.ctr), summary.effect(mine, control, summary.paid_conversion)


def _verdict(arm: Arm, runs: Runs, frozen: Frozen) -> str:
    """Whether the talk's signs came out."""
    parts = []
    for what, said, found in zip(
        ("clicks", "paid conversion"),
        (arm.talk_clicks, arm.talk_paid),
        _fell(runs[arm.name], runs[frozen.control.name]),
        strict=True,
    ):
        if said is None:
            continue
        came = summary.sign_of(found)
        agrees = "as the talk says" if came == said else f"**not** as the talk says ({_SIGN_WORDS[said]})"
        shown = "cannot be told from no change" if came == "0" else _SIGN_WORDS[came]
        parts.append(f"{what} {shown}, {agrees}: {change(found)}")
    return f"- {arm.title}. " + "; ".join(parts) + "."


def _mechanism_row(arm: Arm, runs: Sequence[Run]) -> list[str]:
    seen = [percent(part) for part in summary.shown_after(runs, EDGES)]
    unpaid = share(t_interval(summary.each(runs, lambda run: run.unpaid_share)))
    return [arm.title, *seen, unpaid, *(_believed(runs, name) for name in ("correlation", "blur"))]


def _believed(runs: Sequence[Run], name: str) -> str:
    values = _mechanisms(runs, name)
    return number(t_interval(values)) if len(values) else ""


def _mechanisms(runs: Sequence[Run], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.array([getattr(run.mechanism, name) for run in runs if run.mechanism is not None], np.float64)
    return values[np.isfinite(values)]


def _convergence(arm: Arm, runs: Sequence[Run]) -> str:
    """Whether the last bandit's posterior is narrower than titles differ."""
    blurs = _mechanisms(runs, "blur")
    if not len(blurs):
        return ""
    blur = float(blurs.mean())
    told = "has not converged" if blur > CONVERGED else "has converged"
    unseen = float(summary.shown_after(runs, EDGES)[0])
    return (
        f"- {arm.title}: at the end the last bandit {told}: its posterior's deviation is {blur:.2f} times that of the truth "
        f"between titles. {percent(unseen)} of its impressions were on titles without one payment known."
    )
