"""Arms, counters, the live view, health, the page."""

import pytest

import bandi.console
from bandi.serving.live import Live, wilson


def tell(ask, **events):
    """Impressions and clicks by item at `home`."""
    batch = [
        {"type": kind, "user": f"r{i}", "item": item, "placement": "home"}
        for item, (impressions, clicks) in events.items()
        for i, kind in enumerate(["impression"] * impressions + ["click"] * clicks)
    ]
    assert ask("POST", "/v1/events", batch).json["accepted"] == len(batch)


def test_arms_show_what_was_learned(running):
    tell(running.ask, t1=(40, 0), t2=(0, 20))
    arms = running.ask("GET", "/v1/arms?placement=home&limit=2").json["arms"]
    assert [(arm["item"], arm["trials"], arm["successes"]) for arm in arms] == [("t1", 40, 0), ("t2", 20, 20)]
    assert all(0 <= arm["low"] < arm["mean"] < arm["high"] <= 1 for arm in arms)
    one = running.ask("GET", "/v1/arms?item=t2&item=t3").json["arms"]
    assert [arm["item"] for arm in one] == ["t2", "t3"]
    assert one[0]["mean"] > one[1]["mean"] > arms[0]["mean"]


def test_counters(running):
    tell(running.ask, t1=(3, 2))
    running.ask("POST", "/v1/recommendations", {"user": "someone"})
    running.engine.put_items([bandi.Item(id="t0")])  # a commit, which the decision rides along with
    stats = running.ask("GET", "/v1/stats").json
    assert (stats["items"], stats["events"], stats["decisions"]) == (20, {"impression": 3, "click": 2}, 1)


def test_the_live_view_has_the_shape_that_the_page_reads(running):
    tell(running.ask, t1=(30, 0), t2=(10, 5))
    live = Live(running.engine, waste=lambda placement: 0.25 if placement == "home" else None)
    view = live.view()
    home, viewer_end = view.placements
    assert (home.name, home.impressions, home.clicks, home.waste) == ("home", 45, 5, 0.25)
    assert home.ctr == pytest.approx(5 / 45)
    assert home.low < home.ctr < home.high
    assert (home.series.impressions, home.series.clicks) == ([45], [5])
    assert [(arm.item, arm.title) for arm in home.arms[:2]] == [("t1", "Title 1"), ("t2", "Title 2")]
    assert [(count.item, count.trials) for count in home.impressions_by_item[:2]] == [("t1", 30), ("t2", 15)]
    assert (viewer_end.ctr, viewer_end.low, viewer_end.waste) == (None, None, None)
    answer = running.ask("GET", "/v1/live").json
    assert set(answer) == {"at_ms", "position", "placements", "service", "segmented", "learned"}
    assert (answer["segmented"], answer["learned"]) == (False, None)
    assert set(answer["placements"][0]["series"]) == {"at_ms", "impressions", "clicks"}
    assert answer["service"]["version"] == bandi.__version__


def test_the_series_is_bounded(running):
    live = Live(running.engine)
    for _ in range(400):
        live.sample()
    assert len(live.view().placements[0].series.at_ms) == 300


def test_wilson_interval():
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    assert [round(x, 4) for x in (*wilson(81, 263), *wilson(15, 148))] == [0.2553, 0.3662, 0.0624, 0.1605]
    assert [round(x, 4) for x in (*wilson(0, 20), *wilson(1, 29))] == [0.0, 0.1611, 0.0061, 0.1718]
    assert wilson(0, 0) == (None, None)


def test_health(running):
    assert running.ask("GET", "/healthz").json == {"status": "ok"}
    assert running.ask("GET", "/readyz").json == {"status": "ok"}
    assert running.ask("HEAD", "/readyz").body == b""


def test_a_dead_writer_shows(running, monkeypatch):
    monkeypatch.setattr(running.engine._writer, "failure", OSError("gone"))
    answer = running.ask("GET", "/healthz")
    assert (answer.status, answer.json["title"]) == (503, "The writer stopped")
    monkeypatch.undo()


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A built page of two files."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "docs").mkdir()
    (static / "index.html").write_text("<!doctype html><title>here</title>")
    (static / "docs" / "index.html").write_text("<!doctype html><title>docs</title>")
    (static / "assets" / "main-1a2b.js").write_text("'use strict'")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(bandi.console, "STATIC", static)
    bandi.console._files.cache_clear()
    yield
    bandi.console._files.cache_clear()


@pytest.mark.usefixtures("page")
def test_the_page_and_its_files(ask):
    kinds = {
        "/": "text/html",
        "/console": "text/html",
        "/docs/": "text/html",
        "/assets/main-1a2b.js": "text/javascript",
    }
    for path, kind in kinds.items():
        answer = ask("GET", path)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        again = ask("GET", path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
    assert ask("GET", "/docs").headers["location"] == "/docs/"
    assert ask("GET", "/").headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/", "//index.html"]
)
def test_no_path_leads_out_of_the_page(ask, path):
    answer = ask("GET", path)
    assert (answer.status, b"secret\n" in answer.body) == (404, False)


def test_a_page_that_was_not_built_says_so(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(bandi.console, "STATIC", tmp_path / "nothing")
    assert "not built" in ask("GET", "/").body.decode()
