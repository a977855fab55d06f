"""From the tables of `bandi.toml` to the settings of what is learned."""

from __future__ import annotations

from bandi.features.factors.als import AlsConfig
from bandi.model.config import Factors


def als_config(settings: Factors) -> AlsConfig:
    """Hyperparameters of factors as `[factors]` says them."""
    return AlsConfig(settings.factors, settings.regularisation, settings.alpha, settings.nu, settings.iterations)
