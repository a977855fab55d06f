"""Worlds: simulated services with known truth."""
