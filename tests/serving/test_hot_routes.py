"""The two hot routes: a list, and what readers did."""

import itertools
import time

import pytest

import bandi

unique = (f"hot-{i}" for i in itertools.count())


def click(**fields):
    return {"type": "click", "user": "u1", "item": "t1", "placement": "home", **fields}


def test_a_list_has_k_different_items_and_all_that_is_needed_to_ask_again(ask):
    answer = ask("POST", "/v1/recommendations", {"user": "u42", "placement": "home", "k": 5})
    ranking = answer.json
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert len({entry["item"] for entry in ranking["items"]}) == 5
    assert [entry["position"] for entry in ranking["items"]] == [0, 1, 2, 3, 4]
    assert ranking["candidates"] >= 20
    assert ranking["policy"].startswith("thompson@")
    assert ask("GET", f"/v1/decisions/{ranking['request_id']}").json == ranking


@pytest.mark.parametrize("body", [{}, {"user": None}, {"user": None, "k": None}])
def test_an_anonymous_reader_gets_the_default_list(ask, body):
    answer = ask("POST", "/v1/recommendations", body)
    assert answer.status == 200
    assert answer.json["placement"] == "home"
    assert len(answer.json["items"]) == 10


def test_the_editors_list_is_in_the_editors_order(running):
    items = running.ask("POST", "/v1/recommendations", {"placement": "viewer_end", "k": 4}).json["items"]
    assert [entry["item"] for entry in items] == ["t0", "t1", "t2", "t3"]


@pytest.mark.parametrize("wrap", [lambda e: e[0], lambda e: {"events": e}, lambda e: e], ids=["one", "keyed", "array"])
def test_one_event_or_a_batch(running, wrap):
    events = [click(), click(type="impression"), click(type="purchase", coins=3)]
    before = running.engine.stats().position
    body = wrap(events)
    count = 1 if body is events[0] else 3
    answer = running.ask("POST", "/v1/events", body)
    assert (answer.status, answer.json["accepted"]) == (202, count)
    assert sum(running.engine.stats().events.values()) == count
    assert running.engine.stats().position > before


def test_every_kind_of_event_is_taken(running):
    events = [
        click(type="impression", position=0),
        click(occurred_at=time.time()),
        click(type="read", episode=4),
        click(type="purchase", coins=2.5, episode=5),
        click(type="dismiss"),
        click(type="custom", name="shared", value=2.0),
    ]
    assert running.ask("POST", "/v1/events", {"events": events}).json["accepted"] == 6
    assert sum(running.engine.stats().events.values()) == 6


def test_a_repeat_is_recognised(ask):
    event = click(event_id=next(unique))
    assert ask("POST", "/v1/events", event).json == {"accepted": 1}
    assert ask("POST", "/v1/events", event).json == {"accepted": 0, "duplicates": 1}


def test_bad_records_of_a_batch_are_named_and_the_good_ones_kept(running):
    events = [
        click(),
        click(type="purchase", coins="two"),  # not decodable
        click(item="nowhere"),  # decodable, but unknown to the catalogue
        click(type="wave"),
        click(occurred_at=1e12),
        click(),
        {"type": "click", "user": "u1"},
        click(surprise=1),
        click(type="purchase", coins=-1),
    ]
    answer = running.ask("POST", "/v1/events", {"events": events})
    assert answer.status == 202
    assert answer.json["accepted"] == 2
    refused = {entry["index"]: entry["problem"] for entry in answer.json["refused"]}
    assert {index: problem["where"] for index, problem in refused.items()} == {
        1: "$.events[1].coins",
        2: "$.events[2].item",
        3: "$.events[3].type",
        4: "$.events[4].occurred_at",
        6: "$.events[6].item",
        7: "$.events[7].surprise",
        8: "$.events[8].coins",
    }
    assert refused[1] == {"where": "$.events[1].coins", "found": "'two'", "expected": "float"}
    assert "impression, click, read" in refused[3]["expected"]
    assert "PUT /v1/items/nowhere" in refused[2]["hint"]
    assert running.engine.stats().events == {"click": 2}


def test_places_in_a_bare_array_and_in_a_single_event(ask):
    answer = ask("POST", "/v1/events", [click(item="x"), click()])
    assert [entry["problem"]["where"] for entry in answer.json["refused"]] == ["$[0].item"]
    answer = ask("POST", "/v1/events", click(item="x"))
    assert answer.status == 422
    assert answer.json["errors"][0]["where"] == "$.item"


def test_when_nothing_could_be_taken_the_answer_is_422(ask):
    answer = ask("POST", "/v1/events", {"events": [click(item="x"), {"type": "click"}]})
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["where"] for error in answer.json["errors"]] == ["$.events[0].item", "$.events[1].user"]


def test_an_empty_batch_is_no_mistake(ask):
    assert ask("POST", "/v1/events", {"events": []}).json == {"accepted": 0}
    assert ask("POST", "/v1/events", []).status == 202


def test_a_list_may_stand_beside_an_item(running):
    answer = running.ask("POST", "/v1/recommendations", {"user": "u1", "k": 3, "item": "t4"})
    assert answer.status == 200
    assert len(answer.json["items"]) == 3
    unknown = running.ask("POST", "/v1/recommendations", {"user": "u1", "item": "nothing"})
    assert unknown.status == 422
    assert unknown.json["errors"][0]["where"] == "$.item"


def test_age_and_region_say_which_titles_are_for_the_reader(running):
    running.engine.put_items(
        [bandi.Item(id="adult", editor_rank=1, age_rating=18), bandi.Item(id="korea", editor_rank=1, regions=("KR",))]
    )

    def titles(**who):
        answer = running.ask("POST", "/v1/recommendations", {"user": "u1", "k": 22, **who})
        assert answer.status == 200
        return {slot["item"] for slot in answer.json["items"]} & {"adult", "korea"}

    assert titles(age=17, region="US") == set()
    assert titles(age=18, region="US") == {"adult"}
    assert titles(age=17, region="KR") == {"korea"}
    for field, value in (("age", -1), ("age", 200), ("age", "18"), ("region", ""), ("region", 7)):
        refused = running.ask("POST", "/v1/recommendations", {"user": "u1", field: value})
        assert (refused.status, refused.json["errors"][0]["where"]) == (422, f"$.{field}")
