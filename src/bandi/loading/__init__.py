"""Files and iterables to validated records: typed, mapped, the bad ones named and kept aside."""

from bandi.loading.loads import load_events, load_items, load_users
from bandi.loading.mapping import Mapping
from bandi.loading.report import LoadReport

__all__ = ["LoadReport", "Mapping", "load_events", "load_items", "load_users"]
