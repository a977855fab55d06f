"""Builds the console's page into the wheel where it was not built before."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleBuildHook(BuildHookInterface[Any]):
    """An editable install goes without: `make console` builds the page into the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        script = Path(self.root) / "scripts" / "build_console.py"
        if version != "editable" and script.exists():
            runpy.run_path(str(script), run_name="__main__")
