"""Held-out readers: drawn by id and salt alone, served what the configuration says, told apart in the log for ever."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bandi
from bandi.model.config import Holdout
from bandi.model.config_text import parse_config
from bandi.model.errors import ConfigError
from bandi.model.holdout import is_held_out, version_served
from bandi.model.rules import Block

from .conftest import ITEMS, write_config

CONFIG = (
    '[placements.home]\nk = 3\n\n[placements.push]\nk = 2\n\n[holdout]\nshare = 0.5\nsalt = "spring"\nserves = "%s"\n'
)


# the share from which on each (id, salt) is held out, as any implementation of BLAKE2b gives it
VECTORS = [
    ("u1", "holdout", 0.14020892825),
    ("u42", "holdout", 0.18301366157),
    ("독자", "holdout", 0.94956305772),
    ("u42", "spring", 0.26497474479),
]


@pytest.mark.parametrize(("user", "salt", "share"), VECTORS)
def test_documented_vectors(user: str, salt: str, share: float) -> None:
    if share < 0.499:
        assert is_held_out(Holdout(salt=salt, share=share + 1e-9), user)
    assert not is_held_out(Holdout(salt=salt, share=min(share - 1e-9, 0.5)), user)


@given(st.text(min_size=1, max_size=20), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_a_larger_share_keeps_those_who_were_held_out(user: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert is_held_out(Holdout(share=small), user) <= is_held_out(Holdout(share=large), user)


def test_as_many_are_held_out_as_asked_for_and_other_salts_draw_others() -> None:
    """Of 20,000 readers 0.05 +- 4 standard deviations (false alarms: 1 in 16,000 for each of the salts); pairs of salts alike."""
    users = [f"reader-{i}" for i in range(20_000)]
    drawn = [[is_held_out(Holdout(share=0.05, salt=salt), user) for user in users] for salt in ("a", "b")]
    for held in drawn:
        assert abs(sum(held) - 1_000) < 4 * (20_000 * 0.05 * 0.95) ** 0.5
    both = sum(a and b for a, b in zip(*drawn, strict=True))
    assert abs(both - 50) < 4 * 50**0.5


def readers() -> tuple[str, str]:
    """A held-out reader, and another."""
    holdout = Holdout(share=0.5, salt="spring")
    names = [f"u{i}" for i in range(50)]
    return next(u for u in names if is_held_out(holdout, u)), next(u for u in names if not is_held_out(holdout, u))


def popular_first(shop: bandi.Engine) -> None:
    shop.items.put(ITEMS)
    reads = {"t5": 9, "t6": 4, "t2": 2}
    shop.record_many([bandi.Read(user=f"r{j}", item=item) for item, times in reads.items() for j in range(times)])
    shop.record_many([bandi.Impression(user=f"r{j}", item="t5", placement="home") for j in range(200)])
    for _ in range(2):
        shop.record_many([bandi.Click(user=f"r{j}", item="t0", placement="home") for j in range(100)])


@pytest.mark.parametrize(
    ("serves", "expected"), [("popular", ["t0", "t5", "t6"]), ("editor", ["t0", "t1", "t2"]), ("nothing", [])]
)
def test_they_get_what_it_serves_and_the_decision_says_so(folder: Path, serves: str, expected: list[str]) -> None:
    write_config(folder, CONFIG % serves)
    held, treated = readers()
    with bandi.open(folder) as shop:
        popular_first(shop)
        ranking = shop.recommend(held)
        assert [slot.item for slot in ranking] == expected
        holdout = shop.config.holdout
        assert holdout is not None and ranking.policy == version_served(holdout)
        assert ranking.policy.startswith(f"holdout_{serves}@")
        assert shop.recommend(treated).policy == shop.policy_version("home") != ranking.policy
        assert shop.recommend(None).policy == shop.policy_version("home")
        shop.record(bandi.Read(user="x", item="t0"))
        again = shop.ask_again(ranking.request_id)
        assert (again.policy, again.items) == (ranking.policy, ranking.items)
        for each in shop.propensities(ranking.request_id, 20):
            assert each.in_slot == 1.0


def test_a_new_reader_is_held_out_from_the_first_request_and_after_a_restart(folder: Path) -> None:
    write_config(folder, CONFIG % "editor")
    held, _ = readers()
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        first = shop.recommend(held)
        shop.record(bandi.Read(user=held, item="t7"))
        assert shop.recommend(held).policy == first.policy
        assert shop.ask_again(first.request_id).items == first.items
    with bandi.open(folder) as shop:
        assert shop.recommend(held).policy == first.policy
        assert shop.opening.notes == []


def test_only_the_named_placements_hold_out(folder: Path) -> None:
    write_config(folder, CONFIG % "editor" + 'placements = ["push"]\n')
    held, _ = readers()
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        assert shop.recommend(held, "push").policy.startswith("holdout_editor@")
        assert shop.recommend(held, "home").policy == shop.policy_version("home")


def test_what_is_excluded_and_what_operators_block_holds_for_them_too(folder: Path) -> None:
    write_config(folder, CONFIG.replace("k = 3", 'k = 3\nexclude = ["read"]') % "editor")
    held, _ = readers()
    with bandi.open(folder) as shop:
        shop.items.put(ITEMS)
        shop.record(bandi.Read(user=held, item="t0"))
        shop.rules.put(
            Block(id="no", owner="ops", reason="rights", ends_at=datetime.now(UTC) + timedelta(days=30), items=("t1",))
        )
        assert [slot.item for slot in shop.recommend(held)] == ["t2", "t3", "t4"]


def test_a_holdout_names_placements_that_there_are() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config('[placements.home]\n[holdout]\nplacements = ["hom"]\n')
    assert "holdout.placements" in str(refused.value) and "home" in str(refused.value)


def test_the_digest_tells_draws_apart() -> None:
    versions = {version_served(Holdout(share=share, salt=salt)) for share in (0.05, 0.1) for salt in ("a", "b")}
    assert len(versions) == 4
    assert hashlib.sha256(b"0.05 a").hexdigest()[:8] in version_served(Holdout(share=0.05, salt="a"))
