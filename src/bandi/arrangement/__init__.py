"""From a ranked pool to the list that is shown: operator rules and diversity, as pure functions over arrays."""
