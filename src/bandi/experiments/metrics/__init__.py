"""Experiments' metrics from the log: who was exposed to what, what they did from then on, and what may be said of it.

The log is read twice: decisions for each reader's first exposure (exposed.py), then events into one row per reader
(gathering.py). Rows become totals at each look (looks.py), which bandi.experiments.inference judges (judging.py, evaluating.py).
"""

from bandi.experiments.metrics.evaluating import evaluate

__all__ = ["evaluate"]
