"""The nouns: events, items, users, decisions, configuration, errors. Imports nothing else of Bandi."""
