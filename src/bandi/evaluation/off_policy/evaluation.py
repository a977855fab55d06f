"""A policy evaluated on a decision log: weights, a reward model, all estimates, diagnostics and a verdict in words."""

from __future__ import annotations

from dataclasses import dataclass, field

from bandi.evaluation.decision_log import DecisionLog
from bandi.evaluation.intervals import wilson_interval
from bandi.evaluation.off_policy.diagnostics import Diagnostics, diagnose, overlap, unsupported_mass
from bandi.evaluation.off_policy.estimation import Estimate, Settings, estimate
from bandi.evaluation.off_policy.reward_models import Fit, Rows, predict, random_folds, robust_table, smoothed_table
from bandi.evaluation.off_policy.sample import Sample
from bandi.evaluation.off_policy.verdict import Verdict, judge
from bandi.evaluation.off_policy.weights import importance_weights
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class RewardModel:
    """What predicts rewards. fit: of the direct method and DR; robust: of MRDR; folds: 1 for a model of all rows, else
    cross-fitting by that many."""

    fit: Fit = field(default_factory=smoothed_table)
    robust: Fit = field(default_factory=robust_table)
    folds: int = 5


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a log says of a policy. overlap: of `diagnostics.overlap`, where its weights lie."""

    estimates: tuple[Estimate, ...]
    diagnostics: Diagnostics
    overlap: tuple[tuple[float, float, float], ...]
    verdict: Verdict


def evaluate(
    log: DecisionLog,
    action_probabilities: Array,
    contexts: Array | None = None,
    model: RewardModel | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """Evaluate the policy whose probabilities are given, as in `weights.importance_weights`. Raises InvalidInputError."""
    settings = settings or Settings()
    sample = sample_of(log, action_probabilities, contexts, model or RewardModel(), settings.seed)
    estimates = tuple(estimate(sample, settings))
    missing = unsupported_mass(action_probabilities, log.items, log.positions, contexts)
    diagnostics = diagnose(sample.weights, sample.rewards, missing, log.times_ms)
    verdict = judge(diagnostics, estimates, wilson_interval(log.clicks), log.refused)
    return Evaluation(estimates, diagnostics, tuple(overlap(sample.weights)), verdict)


def sample_of(
    log: DecisionLog, action_probabilities: Array, contexts: Array | None, model: RewardModel, seed: int
) -> Sample:
    """Weights and predictions of a log's rows; seed: of the folds. Raises InvalidInputError."""
    weights = importance_weights(action_probabilities, log.items, log.positions, log.propensities, contexts)
    shape = (int(action_probabilities.shape[-2]), int(action_probabilities.shape[-1]))
    folds = random_folds(len(log), model.folds, seed)
    rows = Rows(log.items, log.positions, weights, log.clicks, shape, folds)
    prediction, robust = predict(rows, (model.fit, model.robust), action_probabilities, contexts)
    return Sample(weights, log.clicks, prediction, robust)
