"""Experiments over HTTP: looked at, changed, refused; a change acts on the next request."""

import time
from collections import Counter

import msgspec
import pytest
from tests.engine.conftest import ITEMS
from tests.engine.test_experiments import CONFIG, READERS
from tests.serving.conftest import Ask

import bandi
from bandi.experiments.result import ExperimentResult
from bandi.serving import openapi_examples as examples
from bandi.serving.server import start_in_thread

WORDS = {"who": "kim", "why": "over HTTP"}


@pytest.fixture
def asking(tmp_path):
    folder = tmp_path / "shop.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    with bandi.open(folder) as engine:
        engine.put_items(ITEMS)
        server = start_in_thread(engine)
        yield Ask(server.port)
        server.stop()


def met(ask, readers):
    answers = [ask("POST", "/v1/recommendations", {"user": reader}).json for reader in readers]
    assert {answer["placement"] for answer in answers} == {"home"}
    return {answer["variant"] for answer in answers if "variant" in answer}


def test_an_experiment_is_run_over_http(asking):
    listed = asking("GET", "/v1/experiments").json["experiments"]
    assert [(view["name"], view["status"]) for view in listed] == [("bold", "declared")]
    assert met(asking, READERS[:12]) == set()
    started = asking("POST", "/v1/experiments/bold/changes", {"action": "start", **WORDS})
    assert (started.status, started.json["status"]) == (200, "running")
    ramped = asking("POST", "/v1/experiments/bold/changes", {**examples.CHANGE, "share": 1.0})
    assert ramped.json["share"] == 1.0
    assert met(asking, READERS[:12]) == {"bold.control", "bold.treatment"}
    concluded = asking("POST", "/v1/experiments/bold/changes", {"action": "conclude", "winner": "control", **WORDS})
    assert concluded.json["winner"] == "control"
    assert met(asking, READERS[:12]) == set()
    view = asking("GET", "/v1/experiments/bold").json
    assert [record["change"]["action"] for record in view["changes"]] == ["start", "ramp", "conclude"]
    assert {record["change"]["who"] for record in view["changes"]} == {"kim", "kim@example.com"}
    assert sum(variant["readers"] for variant in view["variants"]) == 12


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"action": "start", "who": "kim"}, 422, "$.why"),
        ({"action": "begin", **WORDS}, 422, "$.action"),
        ({"action": "ramp", "share": 1.5, **WORDS}, 422, "$.share"),
        ({"action": "ramp", "share": 0.2, **WORDS}, 422, "$.share"),
        ({"action": "stop", **WORDS}, 422, "$.action"),
        (b"{", 400, "body"),
    ],
)
def test_bad_changes_are_refused_and_change_nothing(asking, body, status, where):
    answer = asking("POST", "/v1/experiments/bold/changes", body)
    assert answer.status == status
    assert answer.json["errors"][0]["where"] == where
    assert asking("GET", "/v1/experiments/bold").json["changes"] == []


def test_an_unknown_experiment_is_not_found(asking):
    for method, path, body in (("GET", "", None), ("POST", "/changes", {"action": "start", **WORDS})):
        answer = asking(method, f"/v1/experiments/bald{path}", body)
        assert answer.status == 404
        assert "did you mean bold" in answer.json["detail"]


def test_what_an_experiment_says_is_read_from_the_log(asking):
    asking("POST", "/v1/experiments/bold/changes", {"action": "start", **WORDS})
    answers = [asking("POST", "/v1/recommendations", {"user": reader}).json for reader in READERS[:40]]
    counts = Counter(answer["variant"].removeprefix("bold.") for answer in answers if "variant" in answer)
    deadline = time.monotonic() + 30.0
    while True:  # decisions reach the log a moment after their answers
        answer = asking("GET", "/v1/experiments/bold/report?looks=1")
        found = msgspec.json.decode(answer.body, type=ExperimentResult)
        if sum(found.readers) == sum(counts.values()) or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert dict(zip(found.variants, found.readers, strict=True)) == counts
    assert answer.headers["cache-control"] == "no-store"
    assert (found.state, found.control, len(found.looks_ms)) == ("running", "control", 1)
    assert found.metrics[0].lifts["treatment"].plain.estimates == [None]  # no impression was sent


def test_a_report_is_bounded_and_named(asking):
    for looks in ("0", "1001", "x"):
        answer = asking("GET", f"/v1/experiments/bold/report?looks={looks}")
        assert (answer.status, answer.json["errors"][0]["where"]) == (422, "query looks")
    assert asking("GET", "/v1/experiments/bald/report").status == 404
