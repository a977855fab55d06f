"""The commands as a user meets them: each in a process of its own where that matters."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import bandi
from bandi.cli.replay import ESTIMATOR_NAMES
from bandi.log.protocol import Finding

BANDI = [sys.executable, "-m", "bandi"]


def run(*arguments: str | Path, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*BANDI, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "160"} | environment,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder with three films, loaded by the command."""
    folder = tmp_path / "films.bandi"
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Firefly,a|b\n2,Lantern,\n3,Tide,c\n")
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n1,1,4.5,964982703\n1,2,3.0,964982704\n2,1,5.0,964982705\n2,9,5.0,964982706\n"
    )
    run("init", folder)
    run(
        "load",
        folder,
        "items",
        tmp_path / "movies.csv",
        "--map",
        "id=movieId",
        "--map",
        "tags=genres",
        "--split",
        "tags=|",
    )
    return folder


def load_ratings(folder: Path, status: int) -> str:
    flags = ["--map", "user=userId", "--map", "item=movieId", "--map", "occurred_at=timestamp", "--placement", "home"]
    rules = ["--as", "read", "--as", "click if rating >= 4"]
    return run("load", folder, "events", folder.parent / "ratings.csv", *flags, *rules, status=status).stdout


def test_from_files_to_a_ranked_list(films: Path) -> None:
    out = load_ratings(films, status=1)  # one film is unknown: its read and its click are refused
    assert "4 rows read: 5 events taken, 0 known already, 2 refused" in out
    assert "seconds since 1970, the first 2000-07-30" in out
    aside = films.parent / "ratings.csv.refused.jsonl"
    assert [json.loads(line)["where"] for line in aside.read_text().splitlines()] == ["ratings.csv:5: item"] * 2
    assert "0 events taken, 5 known already" in load_ratings(films, status=1)
    ranking = json.loads(run("recommend", films, "--user", "1", "-k", "3", "--json").stdout)
    assert {slot["item"] for slot in ranking["items"]} == {"1", "2", "3"}
    again = json.loads(run("recommend", films, "--user", "1", "-k", "3", "--seed", ranking["seed"], "--json").stdout)
    assert [slot["item"] for slot in again["items"]] == [slot["item"] for slot in ranking["items"]]
    assert "Firefly" in run("recommend", films, "-k", "3").stdout
    arms = json.loads(run("arms", films, "--item", "1", "--json").stdout)
    assert (arms[0]["trials"], arms[0]["successes"]) == (2, 2)
    assert "sound" in run("doctor", films).stdout


def test_the_doctor_finds_damage_and_says_so_by_its_status(films: Path) -> None:
    path = next((films / "snapshots").iterdir())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    findings = [Finding(**finding) for finding in json.loads(run("doctor", films, "--json", status=4).stdout)]
    assert any(not finding.ok and "checksum" in finding.detail for finding in findings)


def test_mistakes_are_one_message_and_a_status(films: Path, tmp_path: Path) -> None:
    assert "expected no such file yet" in run("init", films, status=2).stderr
    assert "one of: home" in run("recommend", films, "--placement", "hom", status=2).stderr
    assert "from 1 to 1000" in run("recommend", films, "-k", "0", status=2).stderr
    assert "bandi init" in run("recommend", tmp_path, status=2).stderr
    assert "Invalid value for 'FOLDER'" in run("recommend", tmp_path / "nowhere", status=2).stderr
    assert "No such command" in run("recomend", status=2).stderr
    (films / "bandi.toml").write_text('[placements.home]\npolicy = { use = "tompson" }\n')
    assert "bandi.toml:2: placements.home.policy.use" in run("recommend", films, status=2).stderr


def test_a_busy_folder_a_newer_log_and_a_bug_have_statuses_of_their_own(films: Path) -> None:
    with bandi.open(films):
        assert "process" in run("recommend", films, status=3).stderr
    manifest = films / "log" / "manifest.json"
    text = manifest.read_text()
    data = json.loads(text)
    key = next(name for name in data if "format" in name)
    manifest.write_text(json.dumps(data | {key: 99}))
    assert "pgrade" in run("recommend", films, status=5).stderr
    manifest.write_text(text)
    (films / "log" / "tail.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 100)
    assert run("recommend", films, status=4).stderr.startswith("bandi: ")


def test_serve_says_what_it_does_and_stops_cleanly(films: Path) -> None:
    server = subprocess.Popen([*BANDI, "serve", str(films), "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    said = []
    for line in server.stderr:
        said.append(line)
        if "ready on" in line:
            break
    url = said[-1].split()[3]
    body = json.dumps({"user": "u", "k": 2}).encode()
    request = urllib.request.Request(url + "/v1/recommendations", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        ranking = json.load(response)
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    said += server.stderr.readlines()
    server.stderr.close()
    assert any("compiling kernels" in line for line in said)
    assert said[-1] == "bandi: stopped\n"
    with bandi.open(films) as engine:
        assert engine.opening.folded <= 1  # a snapshot was written
        assert engine.ask_again(ranking["request_id"]).request_id == ranking["request_id"]


def test_ctrl_c_is_quiet(films: Path) -> None:
    heard = ["env", "--default-signal=INT"]  # where the tests run behind a shell, SIGINT is ignored from the start
    server = subprocess.Popen([*heard, *BANDI, "serve", str(films), "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    assert server.stderr.readline().startswith("bandi: compiling kernels")  # it starts: Python itself is ready to hear
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=30)
    assert server.returncode in (0, 130)
    assert "Traceback" not in said


def test_a_port_in_use_is_named(films: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port}" in run("serve", films, "--port", port, status=2).stderr


def test_simulate_prints_a_table_and_takes_worlds_and_policies(tmp_path: Path) -> None:
    world = tmp_path / "world.toml"
    world.write_text(
        run("simulate", "--print-world")
        .stdout.replace("count = 200 ", "count = 30 ")
        .replace("launched_before = 160", "launched_before = 30")
    )
    flags = [
        "--world",
        world,
        "--seeds",
        "2",
        "--visits",
        "300",
        "--policy",
        "editor",
        "--policy",
        "thompson:half_life=7d",
    ]
    comparison = json.loads(run("simulate", *flags, "--json", "--out", tmp_path / "out").stdout)
    assert [line["policy"] for line in comparison["lines"]] == ["editor", "thompson:half_life=7d"]
    assert comparison["lines"][0]["ctr"][1] <= comparison["lines"][0]["ctr"][0] <= comparison["lines"][0]["ctr"][2]
    assert "| thompson:half_life=7d |" in (tmp_path / "out" / "report.md").read_text()
    assert "did you mean thompson?" in run("simulate", "--policy", "tompson", status=2).stderr
    assert "--baseline" in run("simulate", "--baseline", "x", status=2).stderr
    world.write_text(world.read_text().replace("count = 30 ", "count = -3 "))
    assert "titles.count" in run("simulate", "--world", world, status=2).stderr


def test_replay_evaluates_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = [f"{1574553600 + i},{i % 4},{i % 2 + 1},{int(i % 7 == 0)},0.25" for i in range(400)]
    log.write_text("timestamp,item_id,position,click,propensity_score\n" + "\n".join(rows) + "\n")
    distribution = tmp_path / "policy.json"
    distribution.write_text(json.dumps([[0.25, 0.25]] * 4))
    found = json.loads(
        run(
            "replay",
            log,
            "--policy",
            "thompson",
            "--action-dist",
            distribution,
            "--target",
            log,
            "--draws",
            "50",
            "--json",
        ).stdout
    )
    by_name = {(line["policy"], line["estimator"]): line for line in found["lines"]}
    assert by_name["fixed (policy.json)", "IPS"]["estimate"] == pytest.approx(
        by_name["the log itself", "click rate"]["estimate"]
    )
    assert by_name["fixed (policy.json)", "SNIPS"]["overlaps_target"]
    assert by_name["fixed (policy.json)", "DR"]["relative_error"] == pytest.approx(0, abs=0.05)
    assert by_name["thompson", "replay matching"]["rows"] > 50
    assert [line["estimator"] for line in found["lines"] if line["policy"] == "thompson"][1:] == list(ESTIMATOR_NAMES)
    fixed, learned = found["policies"]
    assert (fixed["verdict"], fixed["max_weight"], fixed["unsupported"]) == ("cannot say", 1.0, 0.5)
    assert "50% of what this policy does was never logged" in fixed["text"]
    assert learned["policy"] == "thompson"
    log.write_text(log.read_text() + "1574553600,1,1,0,0\n")
    assert "propensity_score" in run("replay", log, status=1).stderr
    chosen = (
        "--estimator",
        "dros",
        "--estimator",
        "IPS",
        "--parameter",
        "DRos=4",
        "--folds",
        "2",
        "--prior-clicks",
        "1",
    )
    out = run("replay", log, "--action-dist", distribution, "--overlap", "bars", *chosen, status=1).stdout
    assert "│ 1 and more │" in out
    assert "DRos" in out
    assert "clipped" not in out
    assert "verdict: these logs cannot say" in out
    for wrong in ("DR=1", "DRos=0", "DRos", "x=1"):
        assert "arameter" in run("replay", log, "--action-dist", distribution, "--parameter", wrong, status=2).stderr
    distribution.write_text("[[1")
    assert "a JSON matrix" in run("replay", log, "--action-dist", distribution, status=2).stderr


def test_the_demo_runs_headless() -> None:
    out = run("demo", "--once").stdout
    assert "thompson" in out
    assert "of the editors' pick" in out
    clusters, alike = out.split("clusters of readers")[1].split("similar titles")
    assert all(f"│ {number:>7} │" in clusters for number in range(1, 7))
    assert "artifact 000001" in clusters
    assert "likeness by text+factors" in alike
