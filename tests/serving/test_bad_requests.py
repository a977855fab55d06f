"""Every bad input over HTTP: the right status, problem details that point at the field, and a service that goes on."""

import json
import socket
import time

import pytest

from bandi.model.errors import BandiError, ClosedError, OverloadedError, StorageFullError
from bandi.serving import connection

RECOMMEND, EVENTS = "/v1/recommendations", "/v1/events"
CLICK = {"type": "click", "user": "u1", "item": "t1", "placement": "home"}
UNFINISHED = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n["
DEEP = b"[" * 100_000 + b"]" * 100_000


def problem(answer, status):
    """The problem details, of the announced kind."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    details = answer.json
    assert details["status"] == status
    assert details["title"]
    assert "Traceback" not in answer.body.decode()
    return details


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        (RECOMMEND, b'{"k": 0}', "$.k"),
        (RECOMMEND, b'{"k": 1000000000}', "$.k"),
        (RECOMMEND, b'{"k": -1}', "$.k"),
        (RECOMMEND, b'{"k": 1000000000000000000000000000000}', "$.k"),
        (RECOMMEND, b'{"k": 1.5}', "$.k"),
        (RECOMMEND, b'{"k": "10"}', "$.k"),
        (RECOMMEND, b'{"k": true}', "$.k"),
        (RECOMMEND, b'{"user": 7}', "$.user"),
        (RECOMMEND, b'{"user": ""}', "$.user"),
        (RECOMMEND, json.dumps({"user": "u" * 257}).encode(), "$.user"),
        (RECOMMEND, json.dumps({"user": "책" * 100}).encode(), "$.user"),
        (RECOMMEND, b'{"placement": "nowhere"}', "$.placement"),
        (RECOMMEND, b'{"placement": null}', "$.placement"),
        (RECOMMEND, b'{"usr": "u1"}', "$.usr"),
        (RECOMMEND, b"[]", "$"),
        (RECOMMEND, b"null", "$"),
        (EVENTS, b'"click"', "$"),
        (EVENTS, b"{}", "$.type"),
        (EVENTS, b'{"type": "wave"}', "$.type"),
        (EVENTS, b'{"type": ["click"]}', "$.type"),
        (EVENTS, b'{"events": {}}', "$.events"),
        (EVENTS, b'{"events": [], "more": 1}', "$.more"),
        (EVENTS, json.dumps(CLICK | {"item": "unknown"}).encode(), "$.item"),
        (EVENTS, json.dumps(CLICK | {"placement": "unknown"}).encode(), "$.placement"),
        (EVENTS, json.dumps(CLICK | {"request": "no-such-id"}).encode(), "$.request"),
        (EVENTS, json.dumps(CLICK | {"position": -1}).encode(), "$.position"),
        (EVENTS, json.dumps(CLICK | {"position": 100_000}).encode(), "$.position"),
        (EVENTS, json.dumps(CLICK | {"occurred_at": 0}).encode(), "$.occurred_at"),
        (EVENTS, json.dumps(CLICK | {"occurred_at": "1970-01-01T00:00:00Z"}).encode(), "$.occurred_at"),
        (EVENTS, json.dumps(CLICK | {"occurred_at": "2999-01-01T00:00:00Z"}).encode(), "$.occurred_at"),
        (EVENTS, json.dumps(CLICK | {"occurred_at": "yesterday"}).encode(), "$.occurred_at"),
        (EVENTS, json.dumps(CLICK | {"event_id": "e" * 257}).encode(), "$.event_id"),
        (EVENTS, json.dumps(CLICK | {"type": "purchase", "coins": -1}).encode(), "$.coins"),
        (EVENTS, json.dumps(CLICK | {"type": "purchase", "coins": None}).encode(), "$.coins"),
        (EVENTS, json.dumps(CLICK | {"type": "purchase"}).encode(), "$.coins"),
        (EVENTS, json.dumps(CLICK | {"type": "read", "episode": 0}).encode(), "$.episode"),
        (EVENTS, json.dumps(CLICK | {"coins": 1}).encode(), "$.coins"),
    ],
)
def test_a_bad_field_is_named(ask, path, body, where):
    details = problem(ask("POST", path, body), 422)
    assert details["errors"][0]["where"] == where
    assert details["errors"][0]["expected"]
    assert where in details["detail"]


@pytest.mark.parametrize("path", [RECOMMEND, EVENTS, "/v1/items:batch"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"user=u1",
        b'{"user": "u1"} {}',
        b'{"user": "\xff"}',
        b'{"type": "purchase", "user": "u", "item": "t1", "coins": NaN}',
        b'{"type": "purchase", "user": "u", "item": "t1", "coins": Infinity}',
        b'{"type": "purchase", "user": "u", "item": "t1", "coins": -Infinity}',
        b'{"user": ' + DEEP + b"}",
        DEEP,
        b'{"events": ' + DEEP + b"}",
        b'[{"type": "wave"}, ' + DEEP + b"]",
        b"\x00\x01\x02",
        b'{"user": "\\ud800"}',
        b'[{"type": "wave", "user": "\xff"}]',
    ],
    ids=range(15),
)
def test_what_is_no_json_is_400(ask, path, body):
    details = problem(ask("POST", path, body), 400)
    assert details["errors"][0]["where"] == "body"


@pytest.mark.parametrize("number", [b"1e999", b"-1e999"])
def test_numbers_out_of_range_are_refused(ask, number):
    body = b'{"type": "purchase", "user": "u", "item": "t1", "coins": ' + number + b"}"
    assert ask("POST", EVENTS, body).status in (400, 422)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""]
)
@pytest.mark.parametrize(("method", "path"), [("POST", RECOMMEND), ("POST", EVENTS), ("PUT", "/v1/items/t1")])
def test_a_body_must_be_announced_as_json(ask, method, path, content_type):
    details = problem(ask(method, path, b"{}", {"content-type": content_type}), 415)
    assert details["errors"][0]["where"] == "header content-type"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_announced_with_its_charset(ask, content_type):
    assert ask("POST", RECOMMEND, b"{}", {"content-type": content_type}).status == 200


def test_a_body_of_10_mb_is_413(ask):
    details = problem(ask("POST", EVENTS, b" " * 10_000_000), 413)
    assert details["errors"][0]["expected"] == "at most 1000000 bytes"


def test_a_long_body_without_a_length_is_413(ask):
    chunk = b"%x\r\n%b\r\n" % (100_000, b" " * 100_000)
    body = chunk * 50 + b"0\r\n\r\n"
    head = (
        b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    assert b" 413 " in raw(ask.port, head + body).split(b"\r\n")[0]


def test_a_batch_may_hold_so_many_records(ask):
    details = problem(ask("POST", EVENTS, [CLICK] * 2_001), 413)
    assert details["errors"] == [
        {
            "where": "$",
            "found": "2001 records",
            "expected": "at most 2000 in one request",
            "hint": "send smaller batches",
        }
    ]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", RECOMMEND, "POST"),
        ("HEAD", EVENTS, "POST"),
        ("DELETE", EVENTS, "POST"),
        ("POST", "/v1/items/t1", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "/v1/items", "GET, HEAD"),
        ("GET", "/v1/users:batch", "POST"),
        ("POST", "/v1/stats", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405_with_the_right_ones(ask, method, path, allow):
    answer = ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert answer.body == b"" if method == "HEAD" else problem(answer, 405)


def test_options_says_what_is_allowed(ask):
    answer = ask("OPTIONS", EVENTS)
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "POST", b"")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/v1", "/v2/events", "//v1/events", "/v1//events", "/v1/events/", "/../etc/passwd", "/%2e%2e/etc/passwd"]
)
def test_an_unknown_path_is_404(ask, method, path):
    problem(ask(method, path), 404)


def test_a_path_that_is_not_utf_8_is_400(ask):
    problem(ask("GET", "/v1/items/%ff"), 400)
    problem(ask("PUT", "/v1/items/%ff", {}), 400)


@pytest.mark.parametrize(
    ("query", "where"),
    [("/v1/items?limit=0", "query limit"), ("/v1/items?limit=x", "query limit"), ("/v1/arms?limit=1001", "query limit"),
     ("/v1/arms?limit=%C2%B2", "query limit"), ("/v1/items?after=unknown", "query after"),
     ("/v1/arms?placement=unknown", "$.placement"), ("/v1/arms?item=t1&item=unknown", "$.items[1]")],
)  # fmt: skip
def test_a_bad_query_is_named(ask, query, where):
    assert problem(ask("GET", query), 422)["errors"][0]["where"] == where


@pytest.mark.parametrize("name", ["0001000000999", "x", "..", "%00", "9" * 300])
def test_an_unknown_decision_is_404(ask, name):
    problem(ask("GET", f"/v1/decisions/{name}"), 404)


@pytest.mark.parametrize(
    ("error", "answered"),
    [
        (OverloadedError("too much"), (503, "Overloaded", "1")),
        (StorageFullError("no space left"), (507, "Storage full", "30")),
        (ClosedError("closed"), (503, "Stopping", "5")),
        (BandiError("odd"), (500, "The folder is not sound", None)),
    ],
)
@pytest.mark.parametrize("path", [EVENTS, "/v1/items:batch"])
def test_what_the_engine_cannot_do_now(running, monkeypatch, path, error, answered):
    status, title, retry_after = answered

    def fail(*_):
        raise error

    monkeypatch.setattr(running.engine._writer, "submit", fail)
    answer = running.ask("POST", path, [CLICK if path == EVENTS else {"id": "t1"}])
    assert problem(answer, status)["title"] == title
    assert answer.headers.get("retry-after") == retry_after


@pytest.mark.parametrize(("method", "path"), [("POST", RECOMMEND), ("GET", "/v1/stats")])
def test_a_bug_is_500_with_an_id_that_stands_in_the_log(running, monkeypatch, capfd, method, path):
    def fail(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(running.engine, "recommend", fail)
    monkeypatch.setattr(running.engine, "stats", fail)
    details = problem(running.ask(method, path, {} if method == "POST" else None), 500)
    assert "oh" not in json.dumps(details)
    lines = [line for line in capfd.readouterr().err.splitlines() if details["instance"] in line]
    assert len(lines) == 1
    assert "ZeroDivisionError('oh')" in lines[0]
    monkeypatch.undo()
    assert running.ask("GET", "/v1/stats").status == 200


def raw(port, data, pause=0.0):
    """What comes back until the server closes or is silent for a moment."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(data)
        time.sleep(pause)
        received = b""
        while b"\r\n\r\n" not in received and (piece := sock.recv(65536)):
            received += piece
        return received


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        b"POST /v1/events HTTP/1.1\r\ncontent-length: 99999999999999999999999999\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400(ask, data):
    response = raw(ask.port, data)
    assert response.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in response


def test_headers_without_end_are_431(ask):
    response = raw(ask.port, b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 100_000)
    assert response.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("data", [b"", b"GET / HT", UNFINISHED])
def test_a_slow_client_is_408(ask, monkeypatch, data):
    monkeypatch.setattr(connection, "ARRIVAL_TIMEOUT_S", 0.2)
    response = raw(ask.port, data)
    assert response.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in response


def test_a_client_that_goes_away_hurts_nobody(ask):
    with socket.create_connection(("127.0.0.1", ask.port)) as sock:
        sock.sendall(
            b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n["
        )
    assert ask("POST", RECOMMEND, {}).status == 200


def test_two_requests_in_one_packet_get_two_answers(ask):
    one = (
        b"POST /v1/recommendations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )
    with socket.create_connection(("127.0.0.1", ask.port), timeout=10) as sock:
        sock.sendall(one + one)
        received = b""
        while received.count(b'"items":[') < 2:
            piece = sock.recv(65536)
            assert piece
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 2
