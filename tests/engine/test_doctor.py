"""What the examination of a folder says where there is little to examine; the commands' tests have the damaged ones."""

import shutil
from pathlib import Path

import bandi
from bandi.engine.doctor import examine
from bandi.engine.folder import make_folder


def test_a_folder_just_made_is_sound(folder: Path) -> None:
    make_folder(folder)
    assert all(finding.ok for finding in examine(folder))


def test_a_log_that_is_gone_beside_its_snapshots_is_damage(folder: Path) -> None:
    with bandi.open(folder) as engine:
        engine.put_items([bandi.Item(id="t1")])
    assert all(finding.ok for finding in examine(folder))
    shutil.rmtree(folder / "log")
    assert not all(finding.ok for finding in examine(folder))
