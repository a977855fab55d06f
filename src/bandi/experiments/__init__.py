"""Experiments: who gets which variant, what became of each, and what can be said of it."""
