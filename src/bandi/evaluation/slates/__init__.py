"""Whole lists evaluated from logs of lists, by how readers are taken to look at them."""
