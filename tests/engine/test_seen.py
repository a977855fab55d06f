"""`seen` in the engine: what was shown and not clicked makes room, and the log remembers it."""

from pathlib import Path

import bandi
from bandi.engine.recovery import SNAPSHOTS

CONFIG = """
[placements.home]
policy = { use = "thompson" }
impressions = "implied"
k = 4
seen = { strength = 1.0, half_life = "365d" }
"""
ITEMS = {f"t{i}" for i in range(8)}


def shown(engine: bandi.Engine, user: str) -> set[str]:
    return {slot.item for slot in engine.recommend(user=user, placement="home")}


def test_what_was_passed_over_makes_room_also_after_a_restart(folder: Path) -> None:
    folder.mkdir()
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    readers = [f"u{i}" for i in range(12)]
    with bandi.open(folder) as engine:
        engine.items.put([bandi.Item(id=item) for item in sorted(ITEMS)])
        engine.record(*[bandi.Read(user=user, item="t0") for user in readers])  # readers that have an id
        first = {user: shown(engine, user) for user in readers}
        engine._flushed()
        assert all(shown(engine, user) == ITEMS - first[user] for user in readers[:4])
    with bandi.open(folder) as engine:  # from the snapshot
        assert all(shown(engine, user) == ITEMS - first[user] for user in readers[4:8])
    for path in (folder / SNAPSHOTS).iterdir():
        path.unlink()
    with bandi.open(folder) as engine:  # from the log alone
        assert all(shown(engine, user) == ITEMS - first[user] for user in readers[8:])
