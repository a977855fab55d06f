"""Learning: pure folds over the log — duplicates, attribution — and the snapshots of their state."""
