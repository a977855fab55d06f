"""A catalogue's path names a file under its root, or nothing."""

import os
from pathlib import Path

import pytest

from bandi.features.image.files import read_under
from bandi.model.errors import InvalidInputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(b"secret")
    root = tmp_path / "images"
    (root / "covers").mkdir(parents=True)
    (root / "covers" / "a.jpg").write_bytes(b"a" * 100)
    (root / "inside").symlink_to("covers")
    (root / "outside").symlink_to("..")
    (root / "passwords").symlink_to("/etc/passwd")
    (root / "round").symlink_to("round")
    (root / "empty").touch()
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize("path", ["covers/a.jpg", "inside/a.jpg", "covers/../covers/a.jpg", "./covers//a.jpg"])
def test_files_under_the_root_are_read(root: Path, path: str) -> None:
    assert read_under(root, path, 100) == b"a" * 100


def test_a_root_that_is_itself_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read_under(tmp_path / "link", "covers/a.jpg", 100) == b"a" * 100


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("../secret", "leads out"),
        ("covers/../../secret", "leads out"),
        ("outside/secret", "leads out"),
        ("passwords", "leads out"),
        ("/etc/passwd", "absolute"),
        ("", "no path"),
        ("a\0b", "no file can be called"),
        ("a\ud800b", "no file can be called"),
        ("covers", "folder"),
        (".", "folder"),
        ("pipe", "pipe"),
        ("empty", "empty"),
        ("missing.jpg", "No such file"),
        ("covers/a.jpg/b", "Not a directory"),
        ("round", "symbolic link"),
        ("x" * 1_000, "too long"),
        ("https://example.com/a.jpg", "No such file"),
    ],
)
def test_what_is_refused(root: Path, path: str, found: str) -> None:
    with pytest.raises(InvalidInputError, match=found):
        read_under(root, path, 100)


def test_a_file_that_is_too_long(root: Path) -> None:
    with pytest.raises(InvalidInputError, match="more than 99 bytes"):
        read_under(root, "covers/a.jpg", 99)
