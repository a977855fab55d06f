"""Benchmarks: each prints a Markdown table; run one with `python -m bench.NAME`."""
