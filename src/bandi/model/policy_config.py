"""What ranks: one table for each policy, as `policy` of a placement says it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from bandi.model.config_values import Duration, Name, Share, Struct


class Prior(Struct, frozen=True):
    """What is believed of an arm before its first impression: Beta(mean * strength, (1 - mean) * strength)."""

    source: Literal["fixed", "content"] = "fixed"
    """`fixed`: mean and strength as they stand here; `content`: what titles like it have got, learned by `bandi train`."""
    mean: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.1
    """Expected rate, 0 to 1."""
    strength: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 10.0
    """Worth of the belief, in impressions."""


class ChangeDetection(Struct, frozen=True):
    """A test of each title for a jump of its rate; on an alarm only what came since counts (docs/policies/non-stationary.md)."""

    false_alarms: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.01
    """Probability, at most, that a title whose rate stays as it is will ever be taken for changed."""


Learned = Literal["learned", "ignored"]
Position = Literal["learned", "cascade", "ignored"]
WAYS_TO_FORGET = ("half_life", "window", "change_detection")
"""A policy has one of them at most."""


class CountingArms(Struct, frozen=True):
    """What policies with arms have in common."""

    prior: Prior = Prior()
    """Belief before the first impression."""
    half_life: Duration | None = None
    """Evidence loses half its weight in this time; absent: never."""
    borrow: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 20.0
    """What other segments know of a title counts as at most so many impressions (with [segments] alone)."""
    position: Position = "learned"
    """How an impression counts. `learned`: by how likely its slot is looked at; `cascade`: by how likely it was looked at given
    the clicks on its list; `ignored`: whole (docs/policies/slates.md).
    """


class ForgettingArms(CountingArms, frozen=True):
    """Arms that may forget in other ways than by halves."""

    window: Duration | None = None
    """Only evidence of this last stretch of time counts; absent: all."""
    change_detection: ChangeDetection | None = None
    """Forget what a title did before its rate jumped, such as `{ false_alarms = 0.01 }`; absent: never."""

    def __post_init__(self) -> None:
        given = [name for name in WAYS_TO_FORGET if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"only one of {', '.join(WAYS_TO_FORGET)} may be given, found {' and '.join(given)}")


class EpsilonGreedy(ForgettingArms, frozen=True, tag_field="use", tag="epsilon_greedy"):
    """Each slot: the best mean so far, or with probability `epsilon` a candidate at random."""

    objective: Name = "click"
    """Which objective counts as reward."""
    epsilon: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    """Share of slots spent on exploring, 0 to 1."""


class Ucb1(ForgettingArms, frozen=True, tag_field="use", tag="ucb1"):
    """Mean plus a bonus that shrinks with trials."""

    objective: Name = "click"
    """Which objective counts as reward."""
    exploration: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    """Weight of the bonus: 1 is Auer, Cesa-Bianchi and Fischer's sqrt(2 ln t / n)."""


class Thompson(ForgettingArms, frozen=True, tag_field="use", tag="thompson"):
    """A draw from each arm's Beta posterior; the highest draws are shown."""

    objective: Name = "click"
    """Which objective counts as reward."""


FittedScore = Annotated[float, msgspec.Meta(ge=-1_000, le=1_000)]
FittedRow = Annotated[tuple[FittedScore, ...], msgspec.Meta(max_length=2_000)]


class Fitted(CountingArms, frozen=True, tag_field="use", tag="fitted"):
    """Lists drawn without replacement by scores that `bandi replay --fit` learned from this folder's log (docs/reference/own-log.md)."""

    objective: Name = "click"
    """Which objective its arms count; they decide nothing."""
    titles: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)], ...], msgspec.Meta(max_length=2_000)] = ()
    """Numbers of titles in this folder's log."""
    scores: Annotated[tuple[FittedRow, ...], msgspec.Meta(max_length=65)] = ()
    """By segment, the first for readers of whom nothing is known, a score for each of `titles`: one more is e times as often."""
    others: FittedScore = 0.0
    """Score of every other title."""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.scores):
            if len(row) != len(self.titles):
                raise ValueError(f"scores[{number}] has {len(row)} scores for {len(self.titles)} titles")


class Editor(Struct, frozen=True, tag_field="use", tag="editor"):
    """The editors' pick: items by `editor_rank`, lowest first; the baseline that everything is compared with."""

    objective: Name = "click"
    """Which objective is counted for its arms (the order never changes)."""


Setting = str | int | float | bool


class Plugin(CountingArms, kw_only=True, frozen=True, tag_field="use", tag="plugin"):
    """A policy of your own, which gets the table `settings`; where it fails, Thompson sampling on these arms serves
    (docs/how-to/own-policy.md).
    """

    name: Name
    """Its name in the entry points `bandi.policies`, or as it was registered."""
    objective: Name = "click"
    """Which objective counts as reward."""
    settings: dict[Name, Setting] = msgspec.field(default_factory=dict)
    """What it wants to know."""


Chain = Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=2)]


class BeyondTheClick(CountingArms, frozen=True):
    """What policies that look beyond the click have in common."""

    objective: Name = "click"
    """What starts the chain."""
    then: Chain = ("continued", "coins")
    """What follows a start, in order; the last brings coins."""


class Earning(BeyondTheClick, frozen=True, tag_field="use", tag="earning"):
    """Thompson sampling on clicks that gives up a stated share of them for coins: the earning dial."""

    give_up: Share = 0.05
    """Share of expected clicks that may be given up for coins, 0 to 1; 0: none, 1: coins alone."""
    explore: Share = 0.0
    """0: a title is worth what is expected of it; 1: a draw of what it may be worth."""
    delay: Learned = "learned"
    """`learned`: a start counts by how much of what it will bring should have come by now; `ignored`: in full at once."""
    readers: Learned = "learned"
    """`learned`: readers who are likelier to pay give up more clicks; `ignored`: all alike."""


class Value(BeyondTheClick, frozen=True, tag_field="use", tag="value"):
    """Thompson sampling on expected coins: one posterior for the whole chain."""


class Surrogate(BeyondTheClick, frozen=True, tag_field="use", tag="surrogate"):
    """Coins as early reading predicts them: titles differ in how many read on, not in what those who do then pay."""


class Conditional(BeyondTheClick, frozen=True, tag_field="use", tag="conditional"):
    """The talk's chain of bandits: a Beta bandit for each step, their draws multiplied; to be compared with."""

    then: Chain = ("coins",)
    """What follows a start, in order."""


class Retention(BeyondTheClick, frozen=True, tag_field="use", tag="retention"):
    """Clicks weighed by how many readers a title keeps."""

    then: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=1)] = ("continued",)
    """What counts as reading on."""
    strength: Annotated[float, msgspec.Meta(ge=0, le=10)] = 1.0
    """0: clicks alone; 1: in proportion to the share that reads on."""


ChainConfig = Earning | Value | Surrogate | Conditional | Retention
"""Policies that look beyond the click."""

Dimensions = Annotated[int, msgspec.Meta(ge=2, le=64)]
MostTitles = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]


class Linear(Struct, frozen=True):
    """What linear policies have in common."""

    objective: Name = "click"
    """Which objective counts as reward."""
    dimensions: Dimensions = 16
    """Numbers in a reader's vector, made from what they read last."""
    model: Literal["disjoint", "hybrid"] = "disjoint"
    """`disjoint`: weights of each title's own; `hybrid`: and weights on reader and title that all titles share."""
    prior: Prior = Prior()
    """Belief before the first impression: the rate for every reader, and its worth in impressions."""
    half_life: Duration | None = None
    """Evidence loses half its weight in this time (`disjoint` alone); absent: never."""
    most_titles: MostTitles = 10_000
    """Titles that a model is kept of; of more, those learned from longest ago go back to the prior."""

    def __post_init__(self) -> None:
        if self.model == "hybrid" and self.half_life is not None:
            raise ValueError('no half_life with model = "hybrid", which does not forget')


class LinTs(Linear, frozen=True, tag_field="use", tag="lin_ts"):
    """Linear Thompson sampling: a title's rate as a linear function of the reader, drawn from its posterior."""

    exploration: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.3
    """Standard deviation of one reward: 0.3 is that of clicks with a rate of 0.1."""


class LinUcb(Linear, frozen=True, tag_field="use", tag="lin_ucb"):
    """A title's rate as a linear function of the reader, plus a bonus for what is not known of it."""

    exploration: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.5
    """Weight of the bonus: alpha in Li, Chu, Langford and Schapire (2010)."""


class Logistic(Struct, frozen=True, tag_field="use", tag="logistic"):
    """Logistic regression on reader and title with an intercept of each title's own, drawn from its posterior."""

    objective: Name = "click"
    """Which objective counts as reward: one that happens or does not."""
    dimensions: Annotated[int, msgspec.Meta(ge=2, le=32)] = 16
    """Numbers in the vectors of readers and of titles; 2 * dimensions - 1 weights are learned."""
    mean: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.1
    """Expected rate before the first impression, 0 to 1."""
    weight_deviation: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.5
    """Standard deviation of the shared weights before the first impression, in log odds."""
    title_deviation: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.5
    """How far titles differ beyond what their vectors say: standard deviation of their intercepts, in log odds."""
    exploration: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    """Width of the draws: 1 is the posterior, 0 its mode."""
    half_life: Duration | None = None
    """Evidence loses half its weight in this time; absent: never."""
    most_titles: MostTitles = 100_000
    """Titles that an intercept is kept of; of more, those learned from longest ago go back to the prior."""


ContextualConfig = LinTs | LinUcb | Logistic
"""Policies that look at vectors of readers (and some at those of titles)."""
PolicyConfig = EpsilonGreedy | Ucb1 | Thompson | Fitted | Editor | Plugin | ContextualConfig | ChainConfig
NOT_ACCOUNTED = ("editor", "lin_ts", "lin_ucb", "logistic")
"""Policies without an `exploration` budget: one does not explore, the others know no expected clicks by themselves."""
THEN: dict[str, tuple[str, ...]] = {
    str(config.__struct_config__.tag): config().then for config in (Earning, Value, Surrogate, Conditional, Retention)
}
"""By policy, what it looks for after a start where its table does not say."""
EARN_COINS = ("earning", "value", "surrogate")
"""Policies that weigh coins."""
