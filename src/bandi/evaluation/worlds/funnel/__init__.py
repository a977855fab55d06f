"""The funnel world: from the impression to the coins, with known truth (docs of every parameter are in presets/)."""
