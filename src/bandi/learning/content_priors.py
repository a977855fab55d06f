"""Priors of arms from content: a new title starts from what titles like it have got (empirical Bayes).

A title's rate, and a segment's rate of it, in two levels:

    rate_i  ~ Beta(m_i c, (1 - m_i) c),            logit m_i  = level + x_i' beta
    rate_si ~ Beta(m_si c_s, (1 - m_si) c_s),      logit m_si = logit rate_i + level_s + x_i' gamma_s

x_i: the title's content (content_features.py); c: how many trials content is worth, c_s: how many trials the rest of the
readers are worth to a segment. Found from all titles together, the parametric empirical Bayes of Robbins (1956) and Efron and
Morris (1975): beta and gamma by the penalised beta-binomial likelihood of the titles' counts (Griffiths 1973; Williams 1982),
the penalties by the evidence (MacKay 1992), c and c_s by marginal likelihood, so badly predicted titles start from a wide
belief and well predicted ones from a narrow one. Starting a cold title from a regression on its features, and segments as
deviations from it: Agarwal, Chen and Elango (2009), Agarwal and Chen (2009).

The prior of title i in segment s holds what the other segments know of the title, not the segment's own counts: these are
added by the arm. Nothing here is about clicks: successes and trials may be of any step that follows another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.learning._content_kernels import add_doubts, likelihood
from bandi.learning.beta_binomial import Cells, Regression, fit_regression
from bandi.learning.content_features import Content, level_alone
from bandi.model.policy_config import Prior
from bandi.model.records import Array
from bandi.policies.protocol import ContentPriors

FIRST_TRIALS = 30
"""Of each title held out that are foretold."""
_HELD_OUT = 5
"""One title of so many is held out."""
_LEAST_RATE = 1e-6


@dataclass(frozen=True, slots=True)
class LearnedPriors:
    """priors, and what speaks for them.

    metrics: titles (with trials), strength (trials that content is worth: the median title's), segment_strength (that the
    other readers are worth at most, with segments); held_out_titles, and the mean ln-likelihood of such a title's first
    FIRST_TRIALS trials, learned without it: by content (held_out_content), by one prior for all titles that was learned
    likewise (held_out_constant), and by the configured prior (held_out_configured).
    """

    priors: ContentPriors
    metrics: dict[str, float]


def learn_content_priors(counts: Array, content: Content, configured: Prior) -> LearnedPriors:
    """Priors for all titles of `content`.

    counts: float32[items, segments, 2], successes and trials of arms; items at or beyond its end have none, successes beyond
    the trials count as trials, negative counts as 0. configured: what is believed where nothing was counted; it also anchors
    level and strength while little was. Deterministic; O(rounds * (cells + labels * segments)).
    """
    successes, failures = _cells(counts, content.items)
    all_successes, all_failures = successes.sum(axis=0), failures.sum(axis=0)
    titles = fit_titles(all_successes, all_failures, content, configured)
    mean, worth = foretold(titles, content)
    tried = all_successes + all_failures > 0
    metrics = {"titles": float(tried.sum()), "strength": float(np.median(worth)) if len(worth) else configured.strength}
    rows = [(mean, worth)]
    if len(successes) > 1:
        more, strength = _of_segments(successes, failures, mean, worth, content, configured)
        rows += more
        metrics["segment_strength"] = strength
    priors = ContentPriors(
        np.array([m * w for m, w in rows], np.float32), np.array([(1.0 - m) * w for m, w in rows], np.float32)
    )
    return LearnedPriors(priors, metrics | _held_out(all_successes, all_failures, content, configured))


def fit_titles(successes: Array, failures: Array, content: Content, configured: Prior) -> Regression:
    """Titles' rates by their content. successes, failures: float64[items], over all readers."""
    anchor = np.full(content.items, np.log(configured.mean / (1.0 - configured.mean)))
    cells = Cells(successes[None], failures[None], anchor[None], np.zeros((1, content.items)))
    return fit_regression(cells, content, configured.strength)


def foretold(titles: Regression, content: Content) -> tuple[Array, Array]:
    """Mean rate and its worth in trials of every title, its own counts unseen: float64[items] each.

    What is not sure of beta counts against the worth (to the first order: the variance of a rate is m (1 - m) / (c + 1) and
    (m (1 - m))**2 times that of its log-odds).
    """
    mean = _rate(titles.odds[0])
    return mean, _worth(1.0 / (titles.strength + 1.0) + mean * (1.0 - mean) * doubts(titles, 0, content))


def _of_segments(
    successes: Array, failures: Array, mean: Array, worth: Array, content: Content, configured: Prior
) -> tuple[list[tuple[Array, Array]], float]:
    """Mean and worth in each segment from 1 on, and what the other readers are worth to one at most."""
    own = slice(1, None)
    other_successes = successes.sum(axis=0) - successes[own] + mean * worth
    other_failures = failures.sum(axis=0) - failures[own] + (1.0 - mean) * worth
    others = np.maximum(other_successes + other_failures, 1.0)
    rate = np.clip(other_successes / others, _LEAST_RATE, 1.0 - _LEAST_RATE)
    spread = 1.0 / (others + 1.0)
    anchor = np.log(rate / (1.0 - rate))
    segments = fit_regression(Cells(successes[own], failures[own], anchor, spread), content, configured.strength)
    rows = []
    for s, odds in enumerate(segments.odds):
        m = _rate(odds)
        rows.append(
            (m, _worth(spread[s] + 1.0 / (segments.strength + 1.0) + m * (1.0 - m) * doubts(segments, s, content)))
        )
    return rows, segments.strength


def _cells(counts: Array, items: int) -> tuple[Array, Array]:
    """Successes and failures, each at least 0: float64[segments, items]."""
    cells = np.zeros((counts.shape[1], items, 2))
    known = min(items, len(counts))
    cells[:, :known] = np.nan_to_num(counts[:known], nan=0.0, posinf=0.0, neginf=0.0).transpose(1, 0, 2)
    successes = np.maximum(cells[:, :, 0], 0.0)
    return successes, np.maximum(cells[:, :, 1] - cells[:, :, 0], 0.0)


def _rate(odds: Array) -> Array:
    return np.asarray(np.clip(1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0))), _LEAST_RATE, 1.0 - _LEAST_RATE))


def _worth(spread: Array) -> Array:
    """Trials, at least 1, from a variance as a share of m (1 - m)."""
    return np.asarray(1.0 / np.clip(spread, 1e-9, 0.5) - 1.0)


def doubts(found: Regression, row: int, content: Content) -> Array:
    """Variance of each title's log-odds by what is not sure of the effects; the level's moves all titles alike and is left out."""
    sums = np.zeros(content.items)
    variances = found.variances[row].copy()
    variances[0] = 0.0
    add_doubts(content.starts, content.rows, content.values, variances, sums)
    return sums


def _held_out(successes: Array, failures: Array, content: Content, configured: Prior) -> dict[str, float]:
    """How well the first trials of titles held out are foretold; empty where too few titles have trials.

    Under the model a title's trials are exchangeable, so its first ones are a draw without replacement from all.
    """
    tried = np.flatnonzero(successes + failures >= 1.0)
    held = tried[::_HELD_OUT]
    if len(tried) < 2 * _HELD_OUT:
        return {}
    won, lost = np.rint(successes[held]).astype(np.int64), np.rint(failures[held]).astype(np.int64)
    first = np.random.default_rng(1).hypergeometric(won, lost, np.minimum(won + lost, FIRST_TRIALS)).astype(float)
    rest = np.minimum(won + lost, FIRST_TRIALS) - first
    kept = np.ones(content.items)
    kept[held] = 0.0
    figures = {"held_out_titles": float(len(held))}
    for name, design in (("content", content), ("constant", level_alone(content.items))):
        mean, worth = foretold(fit_titles(successes * kept, failures * kept, design, configured), design)
        figures[f"held_out_{name}"] = mean_likelihood(first, rest, mean[held], worth[held])
    fixed = np.full(len(held), configured.mean), np.full(len(held), configured.strength)
    figures["held_out_configured"] = mean_likelihood(first, rest, *fixed)
    return figures


def mean_likelihood(successes: Array, failures: Array, mean: Array, worth: Array) -> float:
    """Mean ln P over titles of their counts (binomial coefficients left out) when rates are Beta(mean, worth): float64[n] each."""
    odds = np.log(mean / (1.0 - mean))
    return float(likelihood(successes, failures, odds, 1.0 / (worth + 1.0), 0.0) / max(len(odds), 1))
