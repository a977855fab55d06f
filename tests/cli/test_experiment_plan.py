"""`bandi experiment plan`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.engine.test_experiments import CONFIG

from bandi.cli.main import bandi_command
from bandi.model.errors import BandiError


def run(*arguments: str | Path) -> Result:
    command = ["experiment", "plan", *(str(part) for part in arguments)]
    return CliRunner(env={"COLUMNS": "200"}).invoke(bandi_command, command)


def test_a_table_of_three_effects():
    done = run("--rate", "0.08", "--arrivals", "4000", "--explained", "0.4")
    assert done.exception is None, done.exception
    for text in ("+1%", "+5%", "+20%", "fixed horizon", "fixed, CUPED", "sequence, CUPED", "151,822", "261,486"):
        assert text in done.stdout


def test_without_covariates_there_are_no_lines_for_them():
    done = run("--baseline", "3", "--variance", "40", "--arrivals", "100", "--effect", "0.1")
    assert "CUPED" not in done.stdout
    assert "never" not in done.stdout
    assert "never" in run("--baseline", "3", "--variance", "40", "--arrivals", "0", "--effect", "0.1").stdout


def test_weights_and_share_of_a_declared_experiment(tmp_path):
    (tmp_path / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    done = run(
        tmp_path,
        "--experiment",
        "bold",
        "--rate",
        "0.1",
        "--mean",
        "20",
        "--arrivals",
        "1000",
        "--window",
        "14d",
        "--json",
    )
    found = json.loads(done.stdout)
    assert (found["arrivals"], found["design"]["variants"]) == ([500.0], ["control", "treatment"])
    assert (found["terms"]["window_days"], len(found["effects"])) == (14.0, 3)
    assert found["baseline"]["variance"] == pytest.approx(0.1 * 800 - 4)
    unknown = run(tmp_path, "--experiment", "bolt", "--rate", "0.1", "--arrivals", "1000")
    assert isinstance(unknown.exception, BandiError) and "did you mean bold" in str(unknown.exception)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rate", "0.1"), "Missing option '--arrivals'"), ((), "Missing option"),
        (("--arrivals", "1"), "say what is known of the metric"),
        (("--rate", "0.1", "--baseline", "1", "--variance", "1", "--arrivals", "1"), "say what is known of the metric"),
        (("--baseline", "1", "--arrivals", "1"), "belong together"), (("--mean", "1", "--arrivals", "1"), "need --rate"),
        (("--rate", "0.1", "--deviation", "1", "--arrivals", "1"), "needs --mean"),
        (("--rate", "0.1", "--arrivals", "1", "--weights", "half,half"), "2 to 16 numbers"),
        (("--rate", "0.1", "--arrivals", "1", "--window", "two weeks"), "such as 30m"),
        (("--rate", "0.1", "--arrivals", "1", "--experiment", "bold"), "needs the folder"),
        (("--rate", "1.5", "--arrivals", "1"), "above 0 and below 1"), (("--rate", "0.1", "--arrivals", "nan"), "readers by day"),
        (("--rate", "0.1", "--arrivals", "1", "--effect", "0"), "other than 0"),
        (("--rate", "0.1", "--arrivals", "1", "--weights", "0.5,0.6"), "sum to 1"),
        (("--rate", "0.1", "--arrivals", "1", "--power", "0.05"), "more than alpha"),
        (("--rate", "0.1", "--arrivals", "1", *("--effect", "0.1") * 21), "1 to 20"),
    ],
)  # fmt: skip
def test_bad_input(arguments, words):
    done = run(*arguments)
    assert done.exit_code != 0
    assert words in (str(done.exception) if isinstance(done.exception, BandiError) else done.output)
