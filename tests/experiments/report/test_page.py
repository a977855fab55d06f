"""The page: escaped, whole by itself, and seen in a real Chromium."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser

import msgspec
import pytest

from bandi.experiments.report.page import page_of
from bandi.experiments.result import ExperimentResult, Interval, LiftSeries, Sequence

replace = msgspec.structs.replace
NASTY = "</style><script>document.title='hit'</script><img src=x onerror=alert(1)>\"'&"
VOID = {"meta", "line", "polyline", "polygon", "circle", "rect"}


class Tags(HTMLParser):
    """Names and attributes of all tags, and whether they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.names.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


def renamed(result: ExperimentResult) -> ExperimentResult:
    """Every text of it nasty."""
    names = {name: f"{NASTY}{name}" for name in result.variants}
    metrics = [
        replace(
            metric, metric=NASTY + metric.metric, unit=NASTY, words=NASTY,
            variants=[replace(series, variant=names[series.variant]) for series in metric.variants],
            lifts={names[name]: replace(lift, words=NASTY) for name, lift in metric.lifts.items()},
        )
        for metric in result.metrics
    ]  # fmt: skip
    return replace(
        result, experiment=NASTY, state=NASTY, control=names["control"], variants=[*names.values()], metrics=metrics,
        funnel=[replace(step, step=NASTY, readers={names[name]: n for name, n in step.readers.items()}) for step in result.funnel],
        by_exposure_day={names[name]: ages for name, ages in result.by_exposure_day.items()},
        guardrails=[replace(result.guardrails[0], metric=NASTY, treatment=NASTY, words=NASTY, decision="stop")],
        corrections=NASTY, words=[NASTY],
    )  # fmt: skip


def test_no_text_of_the_result_becomes_markup(result):
    plain, nasty = Tags(page_of(result)), Tags(page_of(renamed(result)))
    assert set(nasty.names) <= set(plain.names) | {"div", "strong"}  # the guardrail's box
    assert not {"script", "img"} & set(nasty.names)
    assert not any(name.startswith("on") for name in nasty.attributes)


def test_nothing_is_loaded(result):
    page = page_of(result)
    assert not re.search(r"https?://|url\(|@import|<link|src=", page)
    assert "default-src 'none'" in page


def test_a_plot_for_each_metric_and_treatment_with_its_figures(result):
    page = page_of(result)
    assert page.count("<svg") == 6 + 1 + 2  # effects, funnel, days since first exposure
    assert page.count("<summary>") == 6 + 1 + 1


def test_the_mismatch_is_loud_and_first(result):
    page = page_of(replace(result, mismatch="8,400 instead of 7,000"))
    assert page.index('role="alert"') < page.index("What it says")
    assert 'role="alert"' not in page_of(result)


def test_pages_of_little(result, empty):
    nothing = Sequence([None], [None], [None], [1.0])
    unknown = Interval(None, None, None, 1.0)
    unjudged = LiftSeries(nothing, None, unknown, None, None, None, 1.0, 1.0, "no readers of bold")
    cut = [replace(series, readers=series.readers[:1], estimates=[None]) for series in result.metrics[0].variants]
    one = replace(result.metrics[0], lifts={"bold": unjudged}, variants=cut)
    once = replace(result, looks_ms=result.looks_ms[:1], metrics=[one], by_exposure_day={"bold": []}, funnel=[])
    for made in (empty, once, replace(empty, metrics=[])):
        page = page_of(made)
        Tags(page)
        assert "<svg" not in page
        assert not re.search(r"\b(nan|None|inf)\b", page.partition("</style>")[2])
    assert "no readers of bold" in page_of(once)


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(17, 22, 29)")])
def test_it_reads_on_a_phone_in_light_and_dark(result, tmp_path, scheme, ground):
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    file = tmp_path / "report.html"
    file.write_text(page_of(renamed(result)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        assert page.locator("svg").count() == 9
        assert page.title() != "hit"
        assert (said, asked) == ([], [file.as_uri()])
        browser.close()
