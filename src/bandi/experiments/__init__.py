"""Experiments: who gets which variant, what is measured, and what may be said of it."""
