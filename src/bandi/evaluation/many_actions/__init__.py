"""Evaluation where there are many things to show: by what they are, not by which they are."""
