"""Public data sets: what they are, what may be done with them, and how their published files go into an engine."""

from bandi.loading.public.loading import load_public
from bandi.loading.public.registry import DataSet, Format, Registry, Step, read_registry

__all__ = ["DataSet", "Format", "Registry", "Step", "load_public", "read_registry"]
