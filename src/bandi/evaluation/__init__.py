"""Evaluation: worlds with known truth, and logged decisions of services with known propensities."""
