"""Segments: readers in a few groups by what they read, each reader with a weight in every group."""
