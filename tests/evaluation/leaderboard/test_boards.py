"""The three protocols on small data with known answers."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bandi.evaluation.leaderboard.boards import ranking_board, replay_board, world_board
from bandi.evaluation.leaderboard.entries import PolicyEntry, read_entries
from bandi.evaluation.leaderboard.report import Section, markdown
from bandi.evaluation.worlds.parameters import read_parameters
from bandi.loading.public import read_registry
from bandi.model.policy_config import Editor, EpsilonGreedy, Thompson

REGISTRY = read_registry()
QUICK = [
    PolicyEntry(name="thompson", policy=Thompson(), by="us"),
    PolicyEntry(name="greedy", policy=EpsilonGreedy(epsilon=0.5)),
    PolicyEntry(name="editor", policy=Editor()),
]


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Readers of two tastes; what they rate under 4 is no click."""
    random = np.random.default_rng(1)
    lines = ["user,item,rating,timestamp"]
    for reader in range(60):
        for place, title in enumerate(random.permutation(30)[:20]):
            liked = title % 2 == reader % 2
            lines.append(f"u{reader},t{title},{5 if liked else 2},{1_000_000_000 + place}")
    file = tmp_path / "ratings.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """A uniform log of two slots in which title 3 is clicked four times as often as the others."""
    random = np.random.default_rng(2)
    rows = 6_000
    titles = random.integers(0, 4, rows)
    clicks = random.random(rows) < np.where(titles == 3, 0.4, 0.1)
    lines = ["timestamp,item_id,position,click,propensity_score"]
    lines += [
        f"2019-11-24 00:{i // 60 % 60:02}:{i % 60:02}+00:00,{titles[i]},{i % 2 + 1},{int(clicks[i])},0.25"
        for i in range(rows)
    ]
    file = tmp_path / "men.csv"
    file.write_text("\n".join(lines) + "\n")
    (tmp_path / "item_context.csv").write_text("item_id\n0\n1\n2\n3\n")
    return file


def test_readers_next_titles(ratings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit", None)
    entries = [entry for entry in read_entries([]) if "tuned" not in entry.name]
    done: list[str] = []
    board = ranking_board("ratings", REGISTRY.format_of("ratings"), ratings, entries, 1, done.append)
    cells = {row[1]: row for row in board.rows}
    assert done == ["popularity", "item-kNN", "iALS"]
    assert "thompson" not in cells
    assert cells["implicit"][2] == "not run: implicit is not installed"
    figures = [float(row[2].split()[0]) for row in board.rows if row[1] != "implicit"]
    assert figures == sorted(figures, reverse=True)
    assert cells["popularity"][0].endswith("3")
    assert float(cells["item-kNN"][2].split()[0]) > float(cells["popularity"][2].split()[0])
    assert any("60 readers" in line for line in board.protocol)


def test_logged_decisions(logged: Path) -> None:
    layout = REGISTRY.format_of("open-bandit")
    board = replay_board("open-bandit", layout, logged, QUICK, 1, lambda name: None)
    cells = {row[1]: row for row in board.rows}
    assert board.rows[0][1] == "thompson"
    assert cells["thompson"][6] == "says"
    assert cells["editor"][0] == ""
    assert cells["editor"][6] == "the log has no editors' order"
    rate = float(cells["thompson"][2].split("%")[0])
    assert 22.0 < rate < 28.0  # title 3 in one of two slots: (0.4 + 0.1) / 2
    assert int(cells["thompson"][5].replace(",", "")) == pytest.approx(6_000 / 4, rel=0.25)


def test_a_log_that_cannot_say_gives_no_places(tmp_path: Path) -> None:
    lines = ["timestamp,item_id,position,click,propensity_score"]
    lines += [f"2019-11-24 00:00:{i % 60:02}+00:00,{i % 3},1,{int(i == 7)},0.3333" for i in range(300)]
    (tmp_path / "men.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "item_context.csv").write_text("item_id\n0\n")
    board = replay_board("open-bandit", REGISTRY.format_of("open-bandit"), tmp_path, QUICK[:2], 1, lambda name: None)
    assert [row[0] for row in board.rows] == ["", ""]
    assert all(row[6].startswith("cannot say: ") for row in board.rows)


def test_where_care_is_due_no_place_is_given(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    lines = ["timestamp,item_id,position,click,propensity_score"]
    for i in range(4_000):
        title = random.integers(0, 4)
        lines.append(f"2019-11-24 00:{i // 60 % 60:02}:{i % 60:02}+00:00,{title},1,{int(random.random() < 0.01)},0.25")
    (tmp_path / "men.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "item_context.csv").write_text("item_id\n0\n")
    board = replay_board("open-bandit", REGISTRY.format_of("open-bandit"), tmp_path, QUICK[:1], 1, lambda name: None)
    assert board.rows[0][0] == ""
    assert board.rows[0][6].startswith("says with care: only ")


def test_worlds() -> None:
    board = world_board("webtoon", read_parameters(), QUICK, range(1, 4), 200, lambda name: None)
    assert sorted(row[1] for row in board.rows) == ["editor", "greedy", "thompson"]
    assert all("%" in row[2] and "%" in row[3] for row in board.rows)
    rates = [float(row[2].split("%")[0]) for row in board.rows]
    assert rates == sorted(rates, reverse=True)
    again = world_board("webtoon", read_parameters(), QUICK, range(1, 4), 200, lambda name: None)
    assert again == board


def test_the_page_says_licence_citation_and_how_it_was_made(ratings: Path) -> None:
    entries = [entry for entry in read_entries([]) if entry.name == "popularity"]
    board = ranking_board("movielens-small", REGISTRY.format_of("ratings"), ratings, entries, 1, lambda name: None)
    page = markdown(
        [Section(board, REGISTRY.find("movielens-small"))], "Bandi 9, 2026-01-01", "bandi leaderboard again"
    )
    for words in (
        "Code: Bandi 9, 2026-01-01",
        "bandi leaderboard again",
        "GroupLens",
        "Harper",
        "commercial use: no",
        "Seed 1",
    ):
        assert words in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
