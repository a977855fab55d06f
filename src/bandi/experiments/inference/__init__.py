"""The statistics of experiments, as pure functions over what readers of each variant did: see docs/experiments/inference.md.

Totals of the readers go in (totals.py), a comparison of two variants comes out (comparing.py, quantiles.py), and is judged once at
the end (fixed_horizon.py) or at every look (sequences.py, msprt.py, guardrails.py).
"""

from bandi.experiments.inference.bounds import Bounds
from bandi.experiments.inference.comparing import Comparison, State, at_looks, compare_means, compare_ratios
from bandi.experiments.inference.encouragement import (
    Compliance,
    Doubt,
    Encouragement,
    anderson_rubin,
    compliance,
    encouragement_of,
    encouragement_of_rows,
    first_stage,
    in_words,
    intention_to_treat,
    local_effect,
    strength,
)
from bandi.experiments.inference.fixed_horizon import difference_test, lift_test
from bandi.experiments.inference.guardrails import Guardrail, Verdict, judge, judge_all
from bandi.experiments.inference.maturity import Maturity, by_maturity, maturity_of, only_mature
from bandi.experiments.inference.msprt import mixture_test
from bandi.experiments.inference.multiplicity import benjamini_hochberg, holm
from bandi.experiments.inference.planning import (
    Baseline,
    Plan,
    Requirement,
    detectable_effect,
    mean_baseline,
    plan,
    ratio_baseline,
)
from bandi.experiments.inference.proportions import share_difference, share_interval
from bandi.experiments.inference.quantiles import (
    Quantile,
    bootstrapped_quantile_difference,
    compare_quantiles,
    quantile_of,
)
from bandi.experiments.inference.sample_ratio import Mismatch, mismatch_at_every_look, mismatch_once
from bandi.experiments.inference.sequences import difference_sequence, intersected, lift_sequence, not_yet
from bandi.experiments.inference.stages import across_stages
from bandi.experiments.inference.totals import Totals, accumulated, stacked, totals_of

__all__ = [
    "Baseline",
    "Bounds",
    "Comparison",
    "Compliance",
    "Doubt",
    "Encouragement",
    "Guardrail",
    "Maturity",
    "Mismatch",
    "Plan",
    "Quantile",
    "Requirement",
    "State",
    "Totals",
    "Verdict",
    "accumulated",
    "across_stages",
    "anderson_rubin",
    "at_looks",
    "benjamini_hochberg",
    "bootstrapped_quantile_difference",
    "by_maturity",
    "compare_means",
    "compare_quantiles",
    "compare_ratios",
    "compliance",
    "detectable_effect",
    "difference_sequence",
    "difference_test",
    "encouragement_of",
    "encouragement_of_rows",
    "first_stage",
    "holm",
    "in_words",
    "intention_to_treat",
    "intersected",
    "judge",
    "judge_all",
    "lift_sequence",
    "lift_test",
    "local_effect",
    "maturity_of",
    "mean_baseline",
    "mismatch_at_every_look",
    "mismatch_once",
    "mixture_test",
    "not_yet",
    "only_mature",
    "plan",
    "quantile_of",
    "ratio_baseline",
    "share_difference",
    "share_interval",
    "stacked",
    "strength",
    "totals_of",
]
