"""The catalogue in memory: ids, items and users, folded from the log."""
