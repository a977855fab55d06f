"""From a request to the few hundred titles worth ranking."""
