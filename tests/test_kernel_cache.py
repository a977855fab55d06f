"""Compiled kernels are kept somewhere even where the installation cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bandi
from bandi.kernel_cache import choose_kernel_cache


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    real = os.access
    package = Path(bandi.__file__).parent
    monkeypatch.setattr(os, "access", lambda path, mode: False if Path(path) == package else real(path, mode))


def test_a_writable_installation_keeps_them_beside_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    choose_kernel_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_else_the_users_cache_folder(read_only: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    choose_kernel_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "bandi" / "kernels")
    assert (tmp_path / "bandi" / "kernels").stat().st_mode & 0o077 == 0


def test_a_folder_that_others_may_write_is_not_trusted(
    read_only: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bandi" / "kernels").mkdir(parents=True)
    (tmp_path / "bandi" / "kernels").chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    choose_kernel_cache()
    chosen = Path(os.environ["NUMBA_CACHE_DIR"])
    assert chosen.parent == tmp_path
    assert chosen.name.startswith("bandi-kernels-")


def test_a_choice_of_the_operators_stands(read_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    choose_kernel_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "/somewhere"


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    """With an empty cache the kernels are compiled and kept; the next process finds each of them."""
    script = (
        "from bandi.policies.warm import warm\nwarm()\nfrom bandi.policies.thompson import sample_best\n"
        "print(sum(sample_best.stats.cache_hits.values()), sum(sample_best.stats.cache_misses.values()))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    counts = [
        subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert counts == [["0", "1"], ["1", "0"]]
