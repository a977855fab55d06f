"""The scenarios of features/operator_rules.feature."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

import bandi
from bandi.engine.engine import Engine
from bandi.engine.opening import open_folder
from bandi.serving.server import start_in_thread

scenarios(str(Path(__file__).parent.parent / "features" / "operator_rules.feature"))

CONFIG = '[placements.home]\npolicy = { use = "editor" }\n'
DAY_MS = 86_400_000
ID = "launch/t9"


class Desk:
    """A service with a clock that can be turned, and what its operator did last."""

    def __init__(self, folder, ask_type):
        folder.mkdir()
        (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
        self._passed_ms = 0
        self.engine = Engine(open_folder(folder, self.now_ms), self.now_ms)
        self.server = start_in_thread(self.engine)
        self.ask = ask_type(self.server.port)

    def now_ms(self):
        return time.time_ns() // 1_000_000 + self._passed_ms

    def wait(self, days):
        self._passed_ms += days * DAY_MS

    def rule(self, kind, days, **fields):
        ends_at = datetime.fromtimestamp((self.now_ms() + days * DAY_MS) / 1000, UTC).isoformat()
        return {"type": kind, "owner": "kim", "reason": "launch week", "ends_at": ends_at, **fields}

    def put(self, rule, rule_id=ID):
        self.answer = self.ask("PUT", f"/v1/rules/{rule_id}", rule)

    def items(self):
        return [slot["item"] for slot in self.ranking["items"]]

    def stop(self):
        self.server.stop()
        self.engine.close()


@pytest.fixture
def desk(tmp_path, request):
    desk = Desk(tmp_path / "shop.bandi", type(request.getfixturevalue("ask")))
    yield desk
    desk.stop()


@given(parsers.parse("a service whose editors ranked {count:d} titles"))
def _(desk, count):
    desk.engine.put_items([bandi.Item(id=f"t{i}", title=f"Title {i}", editor_rank=i + 1) for i in range(count)])


@given(parsers.parse("a reader asked for {k:d} titles"))
def _(desk, k):
    desk.first = ask_for(desk, k)


@when(parsers.parse("a reader asks for {k:d} titles"))
def _(desk, k):
    desk.ranking = ask_for(desk, k)


def ask_for(desk, k):
    answer = desk.ask("POST", "/v1/recommendations", {"user": "u1", "k": k})
    assert answer.status == 200, answer.body
    return answer.json


@when(parsers.parse('an operator pins "{item}" to slot {slot:d} until {days:d} days from now'))
def _(desk, item, slot, days):
    desk.put(desk.rule("pin", days, item=item, slot=slot))
    assert desk.answer.json == {"accepted": 1}


@when(parsers.parse('an operator blocks "{item}" until {days:d} days from now'))
def _(desk, item, days):
    desk.put(desk.rule("block", days, items=[item]), "block")
    assert desk.answer.json == {"accepted": 1}


@when(parsers.parse('an operator pins "{item}" without "{field}"'))
def _(desk, item, field):
    desk.put({name: value for name, value in desk.rule("pin", 7, item=item, slot=1).items() if name != field})


@when(parsers.parse('an operator pins "{item}" with "{field}" blank'))
def _(desk, item, field):
    desk.put(desk.rule("pin", 7, item=item, slot=1) | {field: "  "})


@when(parsers.parse('an operator sends a pin of "{item}" and a pin of a title that nobody knows'))
def _(desk, item):
    rules = [desk.rule("pin", 7, id=f"r{i}", item=name, slot=i) for i, name in enumerate([item, "unknown"])]
    desk.answer = desk.ask("POST", "/v1/rules:batch", {"rules": rules})


@when("the rule is deleted")
def _(desk):
    assert desk.ask("DELETE", f"/v1/rules/{ID}").status == 204
    assert desk.ask("GET", f"/v1/rules/{ID}").status == 404
    assert desk.ask("DELETE", f"/v1/rules/{ID}").status == 404


@when(parsers.parse("{days:d} days pass"))
def _(desk, days):
    desk.wait(days)


@when("the decision is asked for again")
def _(desk):
    desk.again = desk.ask("GET", f"/v1/decisions/{desk.ranking['request_id']}").json


@then(parsers.parse('"{item}" stands in slot {slot:d}, by the operator\'s rule'))
def _(desk, item, slot):
    placed = desk.ranking["items"][slot]
    assert (placed["item"], placed["rule"]) == (item, ID)
    assert desk.ask("GET", "/v1/rules").json["acting"] == [ID]


@then("no other slot names a rule")
def _(desk):
    assert sum("rule" in slot for slot in desk.ranking["items"]) == 1


@then("no slot names a rule")
def _(desk):
    assert not any("rule" in slot for slot in desk.ranking["items"])


@then("the titles around it are the policy's, in its order")
def _(desk):
    assert desk.items() == ["t0", "t9", "t1", "t2", "t3"]


@then(parsers.parse('"{item}" is not in the list'))
def _(desk, item):
    assert item not in desk.items()


@then(parsers.parse("the list has {count:d} different titles"))
def _(desk, count):
    assert len(desk.items()) == len(set(desk.items())) == count


@then("it is the same list as at first")
def _(desk):
    assert desk.ranking["items"] == desk.first["items"]


@then("the service says that the rule does not act")
def _(desk):
    listed = desk.ask("GET", "/v1/rules").json
    assert [rule["id"] for rule in listed["rules"]] == [ID]
    assert listed["acting"] == []


@then(parsers.parse('the rule is refused, and the message names "{where}"'))
def _(desk, where):
    assert desk.answer.status == 422
    assert desk.answer.headers["content-type"] == "application/problem+json"
    assert [error["where"] for error in desk.answer.json["errors"]] == [where]
    assert where in desk.answer.json["detail"]


@then("there are no rules")
def _(desk):
    assert desk.ask("GET", "/v1/rules").json == {"rules": [], "acting": []}


@then("the answer is the same list, with the rule in its slot")
def _(desk):
    assert desk.again == desk.ranking
    assert desk.again["items"][1]["rule"] == ID
