"""Factors of readers and titles from what was read: implicit-feedback matrix factorisation."""
