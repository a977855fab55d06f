"""The OpenAPI document: whole, true, and no request drawn from it (or from beside it) makes the service fail."""

import re
import time

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from bandi.engine.crediting import CreditReport
from bandi.engine.delay_curves import DelayReport
from bandi.experiments.result import ExperimentResult
from bandi.model.config import Serve
from bandi.serving import openapi_examples as examples
from bandi.serving.admin_views import Explanation, SegmentsView
from bandi.serving.openapi import openapi_document
from bandi.serving.report_routes import PushDraft

OPERATIONS = {
    result.ok().label: result.ok()
    for result in schemathesis.openapi.from_dict(openapi_document(Serve(max_batch=2_000))).get_all_operations()
}
POSITIVE = [(label, GenerationMode.POSITIVE) for label in OPERATIONS]
NEGATIVE = [
    (label, GenerationMode.NEGATIVE)
    for label, operation in OPERATIONS.items()
    if operation.body or list(operation.iter_parameters())
]
BATCHES = ("POST /v1/events", "POST /v1/items:batch", "POST /v1/users:batch")


@pytest.mark.parametrize(("label", "mode"), POSITIVE + NEGATIVE)
def test_no_request_makes_the_service_fail(shared, label, mode):
    excluded = [checks.positive_data_acceptance]  # a valid event may name an item that the catalogue does not know
    if label in BATCHES:
        excluded.append(checks.negative_data_rejection)  # the good records of a bad batch are taken

    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    @settings(max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(case):
        case.call_and_validate(base_url=shared.server.url, excluded_checks=excluded)

    holds()


def test_every_route_is_in_the_document_and_answers(ask):
    paths = ask("GET", "/openapi.json").json["paths"]
    assert sorted(paths) == sorted(
        ["/v1/recommendations", "/v1/events", "/v1/items", "/v1/items:batch", "/v1/items/{id}", "/v1/users",
         "/v1/users:batch", "/v1/users/{id}", "/v1/arms", "/v1/decisions/{id}", "/v1/stats", "/v1/live", "/healthz",
         "/readyz", "/v1/rules", "/v1/rules:batch", "/v1/rules/{id}", "/v1/segments", "/v1/explanations", "/v1/credit",
         "/v1/delays", "/v1/push", "/v1/experiments", "/v1/experiments/{id}", "/v1/experiments/{id}/changes",
         "/v1/experiments/{id}/report"]
    )  # fmt: skip
    for path, operations in paths.items():
        allowed = ask("OPTIONS", path.replace("{id}", "t1")).headers["allow"].split(", ")
        documented = {method.upper() for method in operations if method != "parameters"}
        assert documented == set(allowed) - {"HEAD"}


def test_every_reference_leads_somewhere(ask):
    document = ask("GET", "/openapi.json").json
    for reference in set(re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(document).decode())):
        place = document
        for name in reference.split("/"):
            place = place[name]
        assert place


@pytest.mark.parametrize(("answer", "view"), [
        (examples.SEGMENTS, SegmentsView), (examples.EXPLANATION, Explanation), (examples.CREDIT, CreditReport),
        (examples.DELAYS, DelayReport), (examples.PUSH, PushDraft), (examples.EXPERIMENT_REPORT, ExperimentResult),
    ])  # fmt: skip
def test_the_examples_of_answers_are_answers(answer, view):
    assert msgspec.to_builtins(msgspec.convert(answer, view)) == answer


def test_the_examples_are_requests_that_work(running):
    for path, example in (("/v1/items", examples.ITEM), ("/v1/users", examples.USER)):
        assert running.ask("PUT", f"{path}/{example['id']}", example).json == {"accepted": 1}
    rule = {**examples.RULE, "ends_at": time.time() + 86_400}  # a date in a page is past some day
    assert running.ask("PUT", f"/v1/rules/{rule['id']}", rule).json == {"accepted": 1}
    assert running.ask("POST", "/v1/rules:batch", {"rules": [rule]}).json == {"accepted": 1}
    for example in examples.EVENTS.values():
        answer = running.ask("POST", "/v1/events", example["value"])
        assert answer.status == 202
        assert "refused" not in answer.json
    document = running.ask("GET", "/openapi.json").json
    body = document["paths"]["/v1/recommendations"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert set(running.ask("POST", "/v1/recommendations", body).json) == set(examples.RANKING)
