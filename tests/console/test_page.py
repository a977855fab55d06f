"""The page in a real Chromium, served by the real service; figures on screen are those of the service."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bandi
from bandi.console import STATIC, find_page
from bandi.jobs.training import train
from bandi.serving.server import RunningServer, start_in_thread

CONFIG = '[placements.thompson]\npolicy = { use = "thompson" }\n[placements.editor]\npolicy = { use = "editor" }\n'
LEARNING = (
    CONFIG
    + """[placements.viewer_end]
targeters = [{ use = "similar", by = ["text", "factors"] }]
[segments]
k = 2
[factors]
factors = 4
"""
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip

needs_page = pytest.mark.skipif(not STATIC.is_dir(), reason="the page is not built: make console")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[bandi.Engine]:
    (tmp_path / "bandi.toml").write_text(CONFIG)
    with bandi.open(tmp_path) as engine:
        engine.items.put([bandi.Item(id=f"t{i}", title=f"Title <b>{i}</b>", editor_rank=i + 1) for i in range(20)])
        yield engine


@pytest.fixture
def server(engine: bandi.Engine) -> Iterator[RunningServer]:
    server = start_in_thread(engine)
    yield server
    server.stop()


@pytest.fixture
def browser() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def show(engine: bandi.Engine, visits: int) -> None:
    for i in range(visits):
        for placement in ("thompson", "editor"):
            ranking = engine.recommend(user=f"u{i}", placement=placement, k=5)
            engine.record(
                *(bandi.Impression(user=f"u{i}", item=slot.item, request=ranking.request_id) for slot in ranking)
            )
            if i % 2:
                engine.record(bandi.Click(user=f"u{i}", item=ranking[0].item, request=ranking.request_id))


@needs_page
@pytest.mark.browser
def test_the_page_shows_what_the_service_says_and_recovers(
    engine: bandi.Engine, server: RunningServer, browser: Any
) -> None:
    from playwright.sync_api import expect

    page = browser.new_page(viewport={"width": 1280, "height": 800})
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url + "/")
    page.get_by_text("No impressions yet").wait_for()
    show(engine, 40)
    page.get_by_test_id("tile-thompson").wait_for(timeout=10_000)
    expect(page.get_by_test_id("decisions")).to_have_text("80", timeout=10_000)
    assert page.get_by_test_id("ctr-thompson").text_content() == "10.0 %"
    assert "200 impressions, 20 clicks" in page.get_by_test_id("tile-editor").text_content()
    assert page.get_by_test_id("arm").count() == 12
    assert "Title <b>" in page.get_by_test_id("arm").first.text_content()  # titles are text, never markup
    page.get_by_role("button", name="Editors' pick").click()
    assert page.get_by_test_id("arm").count() == 5
    show(engine, 10)
    expect(page.get_by_test_id("decisions")).to_have_text("100", timeout=10_000)
    assert said == []
    assert all(url.startswith(server.url) for url in asked)
    port = server.port
    server.stop()
    page.get_by_text("The service has stopped").wait_for(timeout=10_000)
    again = start_in_thread(engine, port)
    try:
        page.get_by_text("live, log position").wait_for(timeout=10_000)
    finally:
        again.stop()


def learn(folder: Path) -> bandi.Engine:
    """A service with two kinds of readers, trained and taken up."""
    (folder / "bandi.toml").write_text(LEARNING)
    engine = bandi.open(folder)
    words = {"action": "swords and dragons in the night", "romance": "letters and flowers at the office"}
    engine.items.put(
        [
            bandi.Item(id=f"{genre}{i}", title=f"{genre} <b>{i}</b>", genre=genre, description=f"{words[genre]} {i}")
            for genre in words
            for i in range(8)
        ]
    )
    engine.users.put([bandi.User(id=f"u{u}", fields={"gender": "fm"[u % 2]}) for u in range(40)])
    for u in range(40):
        genre = ("romance", "action")[u % 2]
        engine.record(*(bandi.Read(user=f"u{u}", item=f"{genre}{(u + i) % 8}") for i in range(5)))
    return engine


@needs_page
@pytest.mark.browser
def test_groups_and_similar_titles_show_once_they_are_trained(tmp_path: Path, browser: Any) -> None:
    from playwright.sync_api import expect

    engine = learn(tmp_path)
    show(engine, 5)
    server = start_in_thread(engine)
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.url + "/")
        expect(page.get_by_test_id("groups-state")).to_contain_text("Not trained yet", timeout=10_000)
        expect(page.get_by_test_id("alike-state")).to_contain_text("Not trained yet")
        train(tmp_path)
        expect(page.get_by_test_id("groups-state")).to_contain_text("Artifact 000001", timeout=15_000)
        groups = page.get_by_test_id("group")
        expect(groups).to_have_count(2)
        texts = groups.all_text_contents()
        by_genre = {genre: next(text for text in texts if genre in text) for genre in ("action", "romance")}
        assert "women (all: 50 %)" in by_genre["romance"]
        assert "men (all: 50 %)" in by_genre["action"]
        page.get_by_test_id("alike-choice").select_option("action3")
        expect(page.get_by_test_id("alike")).to_have_count(5)
        assert all("action <b>" in text for text in page.get_by_test_id("alike").all_text_contents())
        assert said == []
        phone = browser.new_page(viewport={"width": 390, "height": 800})
        phone.goto(server.url + "/")
        phone.get_by_test_id("alike").first.wait_for(timeout=10_000)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        server.stop()
        engine.close()


@needs_page
@pytest.mark.browser
def test_the_page_fits_a_phone_and_a_dark_room(engine: bandi.Engine, server: RunningServer, browser: Any) -> None:
    show(engine, 5)
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page.goto(server.url + "/")
    page.get_by_test_id("tile-thompson").wait_for(timeout=10_000)
    time.sleep(0.5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 29)"


@needs_page
@pytest.mark.browser
def test_the_routes_can_be_browsed(server: RunningServer, browser: Any) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url + "/docs")
    page.get_by_text("A ranked list for one reader at one placement").first.wait_for(timeout=15_000)
    assert all(url.startswith((server.url, "data:", "blob:")) for url in asked)


@needs_page
@pytest.mark.parametrize(
    "path", ["../__init__.py", "/etc/passwd", "assets/../../__init__.py", ".built-from/x", "docs", "%2e%2e/x"]
)
def test_only_built_files_are_found(path: str) -> None:
    assert find_page(path) is None


@needs_page
def test_files_come_with_their_type_and_policy() -> None:
    index = find_page("")
    assert index is not None
    assert index.media_type == "text/html"
    assert "default-src 'self'" in index.headers["content-security-policy"]
    assert find_page("console") == index
