"""About the project itself: pins, pages that must not drift, light imports, no machine's paths."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from bandi.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    """Files that git keeps, or all where this is no checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_pins_name_no_address() -> None:
    for path in (ROOT / "requirements").iterdir():
        assert not re.search(r"https?://|--(extra-)?index-url", path.read_text()), path
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert name == "" or package["integrity"].startswith("sha512-"), name


def test_every_pin_has_a_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        pins = re.split(r"\n(?=[A-Za-z0-9])", path.read_text())
        assert all("--hash=sha256:" in pin for pin in pins if "==" in pin.partition("\n")[0]), path


def test_the_installed_needs_are_those_of_run_in() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [
        line
        for line in (ROOT / "requirements" / "run.in").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert sorted(project["dependencies"]) == sorted(listed)


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    homes = re.compile(r"(?<![\w<>}])/(?:(?:home|Users)/[a-z]\w+|ro" + r"ot|wo" + r"rk)/")
    for path in tracked():
        if path.suffix in {".png", ".svg", ".lock", ".json"} or path == Path(__file__):
            continue
        assert not homes.search(path.read_text(encoding="utf-8")), path


def test_the_reference_pages_are_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("write_reference", ROOT / "scripts" / "write_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, page in module.PAGES.items():
        assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == page(), (
            f"run scripts/write_reference.py ({name})"
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_lines_are_the_commands_own(name: str) -> None:
    command = import_module(f"bandi.cli.{name}").command
    assert (command.name, command.short_help) == (name, COMMANDS[name])


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom bandi.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('numpy', 'numba', 'polars', 'rich', 'starlette', 'uvicorn', 'msgspec') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in COMMANDS)


def test_the_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_public_name_can_be_imported() -> None:
    import bandi

    for name in bandi.__all__:
        assert getattr(bandi, name) is not None
        assert name in dir(bandi)
    with pytest.raises(AttributeError):
        _ = bandi.nothing  # type: ignore[attr-defined]
