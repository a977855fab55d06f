"""`bandi replay --service`: other policies on a folder's own log, and a table learned from it."""

import json
from pathlib import Path

from bandi.evaluation.service_runs import Plan, Service, run_service_in
from bandi.evaluation.worlds.parameters import read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.config_text import parse_config

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


def test_wrong_ways_to_ask(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("item_id\n1\n")
    assert "--service FOLDER" in run("replay", status=2).stderr
    assert "--service FOLDER" in run("replay", log, "--fit", status=2).stderr
    assert "at least one --policy" in run("replay", "--service", tmp_path, status=2).stderr
    assert "bandi.toml" in run("replay", "--service", tmp_path, "--policy", "thompson", status=2).stderr
