"""`bandi rules`, `bandi segments`, `bandi train` and `bandi recommend --why` on one small folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import bandi
from bandi.cli.main import bandi_command
from bandi.model.errors import BandiError

CONFIG = """
[placements.home]
targeters = [{ use = "factors", n = 10 }, { use = "popular", n = 30 }]
[factors]
factors = 4
[segments]
k = 2
"""
PIN = {"type": "pin", "id": "r1", "owner": "kim", "reason": "launch week", "item": "t7", "slot": 1}


def run(*arguments: str | Path, text: str | None = None) -> Result:
    """In this process; an error is the result's exception."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(bandi_command, [str(part) for part in arguments], input=text)


def out(*arguments: str | Path, text: str | None = None) -> str:
    done = run(*arguments, text=text)
    assert done.exception is None, done.exception
    return done.stdout


def error(*arguments: str | Path, text: str | None = None) -> str:
    done = run(*arguments, text=text)
    assert isinstance(done.exception, BandiError)
    return str(done.exception)


def soon(days: int) -> float:
    from bandi.engine.engine import now_ms

    return now_ms() / 1000 + days * 86_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Women read even titles, dramas; men odd ones."""
    folder = tmp_path_factory.mktemp("cli") / "shop.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    random = np.random.default_rng(1)
    with bandi.open(folder) as engine:
        titles = [bandi.Item(id=f"t{i}", title=f"Title {i}", genre=("drama", "action")[i % 2]) for i in range(40)]
        engine.put_items(titles)
        engine.put_users(
            [bandi.User(id=f"u{u}", age=20 + 20 * (u % 2), fields={"gender": "fm"[u % 2]}) for u in range(60)]
        )
        reads = [(f"u{user}", f"t{2 * random.integers(0, 20) + user % 2}") for user in range(60) for _ in range(9)]
        engine.record_many([bandi.Read(user=user, item=item) for user, item in reads])
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> str:
    """What the training said."""
    return out("train", folder)


def test_training_says_what_it_learned(trained: str) -> None:
    assert "recall_at_20" in trained
    assert "factors 4, regularisation 10" in trained
    assert "2, 2 with readers" in trained
    assert "method lsa" in trained


def test_tuning_leaves_what_sixty_readers_cannot_better(folder: Path, trained: str, tmp_path: Path) -> None:
    shop = copied(folder, tmp_path)
    assert "no setting is surely better on held-out reads; [factors] stays as configured" in out(
        "train", shop, "--tune"
    )
    again, before = (json.loads(out("artifacts", "show", shop, name)) for name in ("000002", "000001"))
    assert hyperparameters(again) == hyperparameters(before)


def test_tuning_leaves_a_poor_setting(tmp_path: Path) -> None:
    """Six tastes of twenty titles; a configuration that learns next to nothing of them."""
    shop = tmp_path / "tastes.bandi"
    shop.mkdir()
    config = '[placements.home]\ntargeters = [{ use = "factors" }]\n[factors]\nfactors = 8\nalpha = 100.0\n'
    (shop / "bandi.toml").write_text(config + "regularisation = 0.01\niterations = 2\n", encoding="utf-8")
    random = np.random.default_rng(1)
    with bandi.open(shop) as engine:
        engine.put_items([bandi.Item(id=f"t{i}") for i in range(120)])
        reads = [(f"u{user}", f"t{random.integers(0, 20) * 6 + user % 6}") for user in range(120) for _ in range(12)]
        engine.record_many([bandi.Read(user=user, item=item) for user, item in reads])
    before = json.loads(out("train", shop, "--json"))
    shown = out("train", shop, "--tune")
    after = json.loads(out("artifacts", "show", shop, "000002"))
    assert "surely better" not in shown
    assert hyperparameters(after) != hyperparameters(before)
    assert after["metrics"]["ndcg_at_20"] > before["metrics"]["ndcg_at_20"] + 0.05


def copied(folder: Path, place: Path) -> Path:
    return Path(shutil.copytree(folder, place / "copy.bandi"))


def hyperparameters(manifest: Any) -> dict[str, float]:
    return {key: manifest["features"]["factors"][key] for key in ("alpha", "regularisation", "nu", "iterations")}


def test_segments_are_weighed_and_described(folder: Path, trained: str) -> None:
    shown = out("segments", folder, "--k", "1", "--k", "2")
    assert "suggested" in shown
    assert "gender f 100% (50%)" in shown
    assert "age 20.0 (30.0)" in shown
    assert "drama x" in shown
    assert "overlap" in shown
    found: Any = json.loads(out("segments", folder, "--k", "2", "--k", "1", "--json"))
    assert [row["k"] for row in found["choice"]["evidence"]] == [1, 2]
    assert found["choice"]["suggested"] == 2
    assert {segment["genres"][0]["name"] for segment in found["profiles"]["segments"]} == {"drama", "action"}


def test_segments_before_training(tmp_path: Path) -> None:
    with bandi.open(tmp_path / "new.bandi") as engine:
        engine.put_items([bandi.Item(id="t1"), bandi.Item(id="t2")])
        engine.record_many([bandi.Read(user="u1", item="t1"), bandi.Read(user="u2", item="t2")])
    shown = out("segments", tmp_path / "new.bandi")
    assert "nothing can be held out" in shown
    assert "no segments are trained" in shown


def test_a_list_says_why(folder: Path, trained: str) -> None:
    out("rules", "put", folder, "-", text=json.dumps(PIN | {"ends_at": soon(7)}))
    shown = out("recommend", folder, "--user", "u3", "-k", "5", "--why", "--age", "20", "--region", "KR")
    assert "r1: launch week" in shown
    assert "popular" in shown
    why = json.loads(out("recommend", folder, "--user", "u3", "-k", "5", "--why", "--json"))
    assert (why["items"][1]["item"], why["items"][1]["rule"]) == ("t7", "r1")
    assert set(why["because"]) == {slot["item"] for slot in why["items"]}
    assert any(why["because"].values())
    assert "because" not in json.loads(out("recommend", folder, "--user", "u3", "--json"))
    assert "from 0 to 199" in error("recommend", folder, "--age", "200")
    out("rules", "delete", folder, "r1")


def test_rules_are_put_listed_and_deleted(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    later = {"type": "bury", "id": "r2", "owner": "lee", "reason": "stale", "where": 'genre == "drama"', "factor": 0.5}
    rules = [PIN | {"ends_at": soon(7)}, later | {"starts_at": soon(1), "ends_at": soon(7)}]
    file.write_text(json.dumps(rules))
    assert "rules put: 2" in out("rules", "put", folder, file)
    shown = out("rules", "list", folder)
    for text in ("r1", "t7, slot 1", "kim", "launch week", "bury x0.5", 'genre == "drama"', "of which act now: 1"):
        assert text in shown
    listed = json.loads(out("rules", "list", folder, "--json"))
    assert ([rule["id"] for rule in listed["rules"]], listed["acting"]) == (["r1", "r2"], ["r1"])
    assert "r9" in error("rules", "delete", folder, "r1", "r9")
    assert len(json.loads(out("rules", "list", folder, "--json"))["rules"]) == 2
    assert "rules deleted: 2" in out("rules", "delete", folder, "r1", "r2")
    assert json.loads(out("rules", "list", folder, "--json")) == {"rules": [], "acting": []}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "one rule or a list"),
        ('{"type": "pin", "slot": "one"', "one rule or a list"),
        (json.dumps(PIN), "$.ends_at: expected this field"),
        (json.dumps([PIN | {"ends_at": 4e9, "slot": -1}]), "$[0].slot"),
        (json.dumps({"type": "hide"}), "one of: pin, boost, bury, block"),
        (json.dumps(PIN | {"ends_at": 1.0}), "a moment after now"),
        ("7", "expected"),
        ("", "one rule or a list"),
        ("[" * 100_000, "one rule or a list"),
    ],
)
def test_bad_rules_are_named(folder: Path, text: str, said: str) -> None:
    assert said in error("rules", "put", folder, "-", text=text)
    assert json.loads(out("rules", "list", folder, "--json"))["rules"] == []


def test_a_busy_folder_names_the_other_way(folder: Path) -> None:
    with bandi.open(folder):
        assert "PUT /v1/rules/ID" in error("rules", "list", folder)
