"""Items and users over HTTP."""

from urllib.parse import quote

import pytest


@pytest.mark.parametrize("noun", ["items", "users"])
def test_put_get_replace_delete(ask, noun):
    path = f"/v1/{noun}/new-one"
    first = {"fields": {"since": 2024, "paying": True, "city": None}}
    assert ask("GET", path).status == 404
    assert (ask("PUT", path, first).status, ask("GET", path).json) == (200, {"id": "new-one", **first})
    assert ask("PUT", path, {"id": "new-one", "fields": {"since": 2025}}).json == {"accepted": 1}
    assert ask("GET", path).json == {"id": "new-one", "fields": {"since": 2025}}
    gone = ask("DELETE", path)
    assert (gone.status, gone.body) == (204, b"")
    assert ask("GET", path).status == 404
    assert ask("DELETE", path).status == 404


@pytest.mark.parametrize("item_id", ["반디", "a/b", "a b?c=d#e", "%41", "책" * 85, "..", "/"])
def test_any_id_can_stand_in_a_path(ask, item_id):
    path = "/v1/items/" + quote(item_id, safe="")
    assert ask("PUT", path, {"title": item_id}).status == 200
    assert ask("GET", path).json == {"id": item_id, "title": item_id}
    assert ask("HEAD", path).status == 200
    assert ask("DELETE", path).status == 204


def test_a_batch_keeps_the_good_items(ask):
    items = [{"id": "b1"}, {"id": "b2", "title": 7}, {"title": "no id"}, {"id": "b3", "editor_rank": 0}, {"id": "b4"}]
    answer = ask("POST", "/v1/items:batch", {"items": items})
    assert (answer.status, answer.json["accepted"]) == (200, 2)
    assert [(r["index"], r["problem"]["where"]) for r in answer.json["refused"]] == [
        (1, "$.items[1].title"),
        (2, "$.items[2].id"),
        (3, "$.items[3].editor_rank"),
    ]
    assert [ask("GET", f"/v1/items/{name}").status for name in ("b1", "b2", "b4")] == [200, 404, 200]
    ask("DELETE", "/v1/items/b1"), ask("DELETE", "/v1/items/b4")


def test_what_only_the_engine_can_refuse_keeps_its_place(ask):
    answer = ask("POST", "/v1/items:batch", [{"id": 7}, {"id": "책" * 100}, {"id": "c1"}])
    assert [(r["index"], r["problem"]["where"]) for r in answer.json["refused"]] == [(0, "$[0].id"), (1, "$[1]")]
    ask("DELETE", "/v1/items/c1")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"id": "other"}, "$.id"),
        ({"title": "x" * 10_001}, "$.title"),
        ({"launched_at": "soon"}, "$.launched_at"),
        ({"tags": ["a", 1]}, "$.tags[1]"),
        ({"fields": {"deep": {}}}, "$.fields[...]"),
        ({"price": -1}, "$.price"),
        ([], "$"),
    ],
)
def test_a_bad_item_is_refused(ask, value, where):
    answer = ask("PUT", "/v1/items/bad", value)
    assert (answer.status, answer.json["errors"][0]["where"]) == (422, where)
    assert ask("GET", "/v1/items/bad").status == 404


def test_pages_follow_each_other(running):
    got, after = [], ""
    while True:
        page = running.ask("GET", f"/v1/items?limit=7{after}").json["items"]
        if not page:
            break
        got += [item["id"] for item in page]
        after = f"&after={page[-1]['id']}"
    assert got == [f"t{i}" for i in range(20)]
