"""Credit, delays and the list of a push over HTTP: the same figures as the commands give, bounded, and nothing is changed."""

import time
from collections.abc import Iterator

import msgspec
import pytest

import bandi
from bandi.engine.crediting import CreditReport, credit_report
from bandi.engine.delay_curves import DelayReport, delay_report
from bandi.learning.credit import CreditRule
from bandi.serving.report_routes import PushDraft
from bandi.serving.server import start_in_thread

from .conftest import ITEMS, Ask, Running

CONFIG = """
[placements.home]
policy = { use = "earning" }
[placements.push]
push = { quiet = "00:00-00:00", stopped_for = "1d", holdout = 0.25 }
[objectives.click]
[objectives.continued]
event = "read"
count = 4
window = "7d"
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
"""
DAY = 86_400.0
PAYERS, READERS = 6, 40


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with payers, whose purchases follow clicks of `home`, and readers who stopped days ago."""
    folder = tmp_path_factory.mktemp("reports") / "shop.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    now = time.time()
    with bandi.open(folder) as engine:
        engine.put_items(ITEMS)
        for i in range(PAYERS):
            user, item = f"payer{i}", f"t{i % 3}"
            click = {"user": user, "item": item, "placement": "home"}
            engine.record(
                bandi.Impression(**click, occurred_at=now - 9 * DAY),
                bandi.Click(**click, occurred_at=now - 9 * DAY),
                bandi.Purchase(user=user, item=item, coins=10.0, occurred_at=now - 5 * DAY),
            )
        for i in range(READERS):
            engine.record(bandi.Read(user=f"r{i}", item="t5", episode=4, occurred_at=now - 2 * DAY))
        server = start_in_thread(engine)
        yield Running(engine, server, Ask(server.port))
        server.stop()


def test_credit_is_what_the_command_reports(telling: Running) -> None:
    answer = telling.ask("GET", "/v1/credit?by=item&limit=2")
    assert answer.headers["cache-control"] == "no-store"
    found = msgspec.json.decode(answer.body, type=CreditReport)
    whole = credit_report(telling.engine.path, CreditRule(14 * 86_400_000), "item")
    assert found == msgspec.structs.replace(whole, rows=whole.rows[:2])
    assert len(whole.rows) == 3
    assert [row.last_coins for row in found.rows] == [20.0, 20.0]


def test_a_window_and_weights_and_days_are_taken_from_the_query(telling: Running) -> None:
    short = telling.ask("GET", "/v1/credit?window=3d").json
    assert (short["rows"], short["organic"]["last_coins"]) == ([], 60.0)
    assert telling.ask("GET", "/v1/credit?days=1").json["organic"]["last_coins"] == 0.0
    weighted = telling.ask("GET", "/v1/credit?first=0.2&last=0.5&by=segment&winsorise=0.9").json
    assert (weighted["first"], weighted["last"], weighted["by"]) == (0.2, 0.5, "segment")


def test_delays_are_what_the_command_reports(telling: Running) -> None:
    found = msgspec.json.decode(telling.ask("GET", "/v1/delays").body, type=DelayReport)
    assert found == delay_report(telling.engine.path)
    coins = next(each for each in found.delays if (each.placement, each.objective) == ("home", "coins"))
    assert (coins.starts, coins.rewards) == (PAYERS, PAYERS)
    assert coins.mean_days == pytest.approx(4.0, abs=0.2)


def test_the_list_of_a_push_is_shown_and_nothing_is_sent_or_logged(telling: Running) -> None:
    before = telling.engine.stats()
    path = "/v1/push?budget=10&seed=7&limit=4"
    draft = msgspec.json.decode(telling.ask("GET", path).body, type=PushDraft)
    assert (draft.sent, draft.budget, draft.seed, len(draft.messages)) == (10, 10, "7", 4)
    assert {message.item for message in draft.messages} == {"t5"}
    assert all(message.uplift > 0 for message in draft.messages)
    again = msgspec.json.decode(telling.ask("GET", path).body, type=PushDraft)
    assert [message.user for message in again.messages] == [message.user for message in draft.messages]
    after = telling.engine.stats()
    assert (after.decisions, after.events) == (before.decisions, before.events)
    with pytest.raises(bandi.InvalidInputError, match="no run in the log"):
        telling.engine.push_again()
    at = draft.at_ms / 1000
    sent = telling.engine.push(10, at, 7)
    assert [message.user for message in sent][:4] == [message.user for message in draft.messages]
    left = telling.ask("GET", f"/v1/push?budget=15&at={time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at + 1))}").json
    assert (left["budget"], left["sent"]) == (5, 5)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/credit?by=reader", "query by"), ("/v1/credit?days=0", "query days"), ("/v1/credit?days=nan", "query days"),
        ("/v1/credit?days=1e9", "query days"), ("/v1/credit?window=14", "query window"),
        ("/v1/credit?window=99999999d", "query window"), ("/v1/credit?window=0d", "query window"),
        ("/v1/credit?first=0.7&last=0.7", "query first"), ("/v1/credit?last=-1", "query last"),
        ("/v1/credit?winsorise=1", "query winsorise"), ("/v1/credit?limit=1001", "query limit"),
        ("/v1/push", "query budget"), ("/v1/push?budget=0", "query budget"), ("/v1/push?budget=1e3", "query budget"),
        ("/v1/push?budget=10000001", "query budget"), ("/v1/push?budget=1&at=tomorrow", "query at"),
        ("/v1/push?budget=1&seed=18446744073709551616", "query seed"), ("/v1/push?budget=1&limit=0", "query limit"),
        ("/v1/push?budget=%D9%A3", "query budget"), ("/v1/push?budget=1&at=9999-12-31T23:59:59Z", "query at"),
        ("/v1/push?budget=1&at=9999-12-31T23:59:59-12:00", "query at"),
        ("/v1/push?budget=1&at=0001-01-01T00:00:00%2B14:00", "query at"),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_named(telling: Running, path: str, where: str) -> None:
    answer = telling.ask("GET", path)
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["where"] for error in answer.json["errors"]] == [where]


def test_without_a_placement_with_messages_there_is_no_list(ask: Ask) -> None:
    answer = ask("GET", "/v1/push?budget=1")
    assert (answer.status, answer.json["errors"][0]["where"]) == (422, "bandi.toml")


def test_they_are_read_only(ask: Ask) -> None:
    for path in ("/v1/credit", "/v1/delays", "/v1/push"):
        answer = ask("POST", path, {})
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
