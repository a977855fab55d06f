"""Bandi: decides which titles to show, learns from every click within a second, keeps every fact in one log.

>>> import bandi, tempfile
>>> with bandi.open(tempfile.mkdtemp() + "/shop.bandi") as shop:
...     _ = shop.items.put([bandi.Item(id="t1", title="Firefly"), bandi.Item(id="t2", title="Lantern")])
...     ranking = shop.recommend(user="u42", placement="home", k=1)
...     receipt = shop.record(bandi.Click(user="u42", item=ranking[0].item, request=ranking.request_id))
>>> receipt.accepted
1
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bandi.kernel_cache import choose_kernel_cache

if TYPE_CHECKING:
    from bandi.engine import Engine, open, open_existing
    from bandi.model.answers import Ranking, Receipt
    from bandi.model.catalog import Item, User
    from bandi.model.config import Config
    from bandi.model.errors import (
        BandiError,
        ClosedError,
        ConfigError,
        FolderBusyError,
        InvalidInputError,
        LogDamagedError,
        NewerVersionError,
        OverloadedError,
        PluginContractError,
        Problem,
        StorageFullError,
        UnknownNameError,
    )
    from bandi.model.events import Click, Custom, Dismiss, Event, Impression, Purchase, Read, Refund
    from bandi.policies.plugins import register_policy

__version__ = "0.1.0"

_HOMES = {
    "bandi.engine": ("Engine", "open", "open_existing"),
    "bandi.model.answers": ("Ranking", "Receipt"),
    "bandi.model.catalog": ("Item", "User"),
    "bandi.model.config": ("Config",),
    "bandi.model.errors": (
        "BandiError",
        "ClosedError",
        "ConfigError",
        "FolderBusyError",
        "InvalidInputError",
        "LogDamagedError",
        "NewerVersionError",
        "OverloadedError",
        "PluginContractError",
        "Problem",
        "StorageFullError",
        "UnknownNameError",
    ),
    "bandi.model.events": ("Click", "Custom", "Dismiss", "Event", "Impression", "Purchase", "Read", "Refund"),
    "bandi.policies.plugins": ("register_policy",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BandiError",
    "Click",
    "ClosedError",
    "Config",
    "ConfigError",
    "Custom",
    "Dismiss",
    "Engine",
    "Event",
    "FolderBusyError",
    "Impression",
    "InvalidInputError",
    "Item",
    "LogDamagedError",
    "NewerVersionError",
    "OverloadedError",
    "PluginContractError",
    "Problem",
    "Purchase",
    "Ranking",
    "Read",
    "Receipt",
    "Refund",
    "StorageFullError",
    "UnknownNameError",
    "User",
    "open",
    "open_existing",
    "register_policy",
]

choose_kernel_cache()


def __getattr__(name: str) -> Any:
    """Names are imported when first used, so that `import bandi` and `bandi --help` stay light."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'bandi' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value
