"""`bandi replay --service`: other policies on a folder's own log, and a table learned from it."""

import json
from pathlib import Path

import bandi
from bandi.evaluation.service_runs import Plan, Service, run_service_in
from bandi.evaluation.worlds.parameters import read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.config_text import parse_config
from bandi.model.experiment_changes import Start

from .test_commands import run


def test_a_folders_own_log_is_evaluated_and_learned_from(tmp_path: Path) -> None:
    folder, table = tmp_path / "shop.bandi", tmp_path / "fitted.toml"
    folder.mkdir()
    config = "[placements.home]\nk = 3\n"
    run_service_in(folder, Service("shop", config), World(read_parameters(), 1), 1, Plan(120), None)
    options: list[str | Path] = ["--service", folder, "--sample", "60", "--draws", "20"]
    told = json.loads(run("replay", *options, "--policy", "thompson", "--policy", "editor", "--json").stdout)
    assert (told["decisions"], told["sampled"], told["differs"]) == (120, 60, 0)
    assert told["lists"] + told["young"] == 60
    estimates = {(line["policy"], line["estimator"]): line["estimate"] for line in told["lines"]}
    assert estimates.keys() >= {("thompson", "DR"), ("editor", "SNIPS"), ("the log itself", "clicks per list")}
    assert [one["policy"] for one in told["policies"]] == ["thompson", "editor"]
    shown = run("replay", *options, "--fit", "--out", table).stdout
    assert "fitted less the log itself" in shown
    assert parse_config(table.read_text(), "fitted.toml").placements["home"].policy.__struct_config__.tag == "fitted"
    assert "written to" in shown


def test_a_policy_that_looks_beyond_the_click_may_be_asked_about(tmp_path: Path) -> None:
    folder = tmp_path / "shop.bandi"
    folder.mkdir()
    config = """
[objectives.click]
event = "click"
[objectives.continued]
event = "read"
count = 4
window = "7d"
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
[placements.home]
k = 3
policy = { use = "earning", give_up = 0.05 }
"""
    run_service_in(folder, Service("shop", config), World(read_parameters(), 1), 1, Plan(120), None)
    options: list[str | Path] = ["--service", folder, "--sample", "30", "--draws", "20", "--json"]
    told = json.loads(run("replay", *options, "--policy", "earning:give_up=0.0", "--policy", "value").stdout)
    assert [one["policy"] for one in told["policies"]] == ["earning:give_up=0.0", "value"]


def test_what_is_not_counted_is_told_and_no_number_is_made_up(tmp_path: Path) -> None:
    """A placement whose arms serve a variant of another one, its only lists too young."""
    (tmp_path / "bandi.toml").write_text(
        '[placements.home]\n[placements.side]\n[layers.all]\n[experiments.bold]\nplacement = "side"\nlayer = "all"\nowner = "kim"\n'
        "[experiments.bold.variants.a]\nweight = 0.5\n"
        '[experiments.bold.variants.b]\nweight = 0.5\nuse_placement = "home"\n'
    )
    with bandi.open(tmp_path) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(4)])
        engine.experiments.change("bold", Start(who="kim", why="now"))
        engine.recommend("u0", "home")
        variants = [engine.recommend(f"u{i}", "side").variant for i in range(30)]
    ours = variants.count("bold.b")
    assert 0 < ours < 30
    options: list[str | Path] = ["--service", tmp_path, "--policy", "lin_ts", "--placement"]
    home = " ".join(run("replay", *options, "home").stdout.split())
    assert f"{ours} more were served from its arms and shown elsewhere" in home
    assert "1 too young (their window of 30m had not passed" in home
    assert "nan" not in home
    side = " ".join(run("replay", *options, "side").stdout.split())
    assert "30 decisions were lists of experiments' variants" in side
    told = json.loads(run("replay", *options, "bold.b", "--json").stdout)
    assert (told["decisions"], told["of_variants"], told["elsewhere"]) == (ours, 0, 0)
    assert told["lines"] == [
        {"policy": "the log itself", "estimator": "clicks per list", "estimate": None, "low": None, "high": None}
    ]
    assert "bold.a, bold.b" in run("replay", *options, "bold.c", status=2).stderr


def test_wrong_ways_to_ask(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("item_id\n1\n")
    assert "--service FOLDER" in run("replay", status=2).stderr
    assert "--service FOLDER" in run("replay", log, "--fit", status=2).stderr
    assert "at least one --policy" in run("replay", "--service", tmp_path, status=2).stderr
    assert "bandi.toml" in run("replay", "--service", tmp_path, "--policy", "thompson", status=2).stderr
