"""The scenarios of features/reader_story.feature."""

import time
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

import bandi
from bandi.serving.server import start_in_thread

scenarios(str(Path(__file__).parent.parent / "features" / "reader_story.feature"))


class Story:
    """A service on disk that can be stopped and started, and what happened so far."""

    def __init__(self, folder, ask_type):
        self.folder = folder
        self._ask_type = ask_type
        self.start()

    def start(self):
        self.engine = bandi.open(self.folder)
        self.server = start_in_thread(self.engine)
        self._ask = self._ask_type(self.server.port)

    def stop(self):
        self.server.stop()
        self.engine.close()

    def get(self, path):
        answer = self._ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path, value):
        answer = self._ask("POST", path, value)
        assert answer.status in (200, 202), answer.body
        return answer.json

    def recommend(self, user, k, placement="home"):
        return self.post("/v1/recommendations", {"user": user, "placement": placement, "k": k})

    def seen(self, kind, user, item, **fields):
        return {"type": kind, "user": user, "item": item, "request": self.ranking["request_id"], **fields}

    def arm(self, item):
        return self.get(f"/v1/arms?placement=home&item={item}")["arms"][0]

    def everything(self):
        stats = self.get("/v1/stats")
        kept = {name: stats[name] for name in stats if name != "position"}
        return kept, self.get("/v1/items"), self.get("/v1/arms?placement=home&limit=100")


@pytest.fixture
def story(tmp_path, request):
    ask_type = type(request.getfixturevalue("ask"))
    story = Story(tmp_path / "shop.bandi", ask_type)
    yield story
    story.stop()


@given("a service with 12 titles")
def _(story):
    story.post("/v1/items:batch", {"items": [{"id": f"t{i}", "title": f"Title {i}"} for i in range(12)]})


@given(parsers.parse('"{user}" asked for {k:d} titles at "{placement}"'))
@when(parsers.parse('"{user}" asks for {k:d} titles at "{placement}"'))
def _(story, user, k, placement):
    story.ranking = story.recommend(user, k, placement)


@when(parsers.parse('{readers:d} readers in turn get a list of {k:d} and click "{title}" whenever it is shown'))
def _(story, readers, k, title):
    for reader in range(readers):
        story.ranking = story.recommend(f"r{reader}", k)
        shown = [entry["item"] for entry in story.ranking["items"]]
        events = [story.seen("impression", f"r{reader}", item, position=i) for i, item in enumerate(shown)]
        if title in shown:
            events.append(story.seen("click", f"r{reader}", title))
        story.post("/v1/events", {"events": events})


@then(parsers.parse('"{title}" is first in at least {least:d} of the next {count:d} lists'))
def _(story, title, least, count):
    first = [story.recommend(f"n{i}", 3)["items"][0]["item"] for i in range(count)]
    assert first.count(title) >= least


@then(parsers.parse('"{title}" has a higher mean than every other arm'))
def _(story, title):
    means = {arm["item"]: arm["mean"] for arm in story.get("/v1/arms?placement=home")["arms"]}
    assert max(means, key=means.__getitem__) == title


@then(parsers.parse("the list has {count:d} different titles"))
def _(story, count):
    assert len({entry["item"] for entry in story.ranking["items"]}) == count


@given(parsers.parse('"{user}" saw the first title of the list'))
def _(story, user):
    now = time.time()
    story.post("/v1/events", story.seen("impression", user, story.ranking["items"][0]["item"], occurred_at=now - 8000))


@when(parsers.parse('"{user}" clicks the first title of the list'))
def _(story, user):
    story.click = story.seen("click", user, story.ranking["items"][0]["item"], event_id="click-1")
    story.receipt = story.post("/v1/events", story.click)


@when(parsers.parse('"{user}" clicks the first title of the list {hours:d} hours later'))
def _(story, user, hours):
    story.click = story.seen("click", user, story.ranking["items"][0]["item"])
    story.receipt = story.post("/v1/events", story.click | {"occurred_at": time.time() - 8000 + hours * 3600})


@when("the same click is sent again")
def _(story):
    story.receipt = story.post("/v1/events", story.click)


@then(parsers.parse("the second answer says {count:d} duplicate"))
def _(story, count):
    assert story.receipt == {"accepted": 0, "duplicates": count}


@then("the click is accepted")
def _(story):
    assert story.receipt == {"accepted": 1}


@then(parsers.re(r"the arm of that title has (?P<count>\d+) success(es)?"))
def _(story, count):
    assert story.arm(story.click["item"])["successes"] == int(count)


@then(parsers.parse("the service counts {count:d} late click"))
def _(story, count):
    assert story.get("/v1/stats")["late"] == count


@when("a batch arrives with 3 good clicks and a click on a title that nobody knows")
def _(story):
    items = ["t1", "unknown", "t2", "t3"]
    events = [{"type": "click", "user": "u1", "item": item, "placement": "home"} for item in items]
    story.receipt = story.post("/v1/events", {"events": events})


@then(parsers.parse("{count:d} records are accepted"))
def _(story, count):
    assert story.receipt["accepted"] == count


@then(parsers.parse('the refusal names "{where}"'))
def _(story, where):
    assert [refusal["problem"]["where"] for refusal in story.receipt["refused"]] == [where]


@then(parsers.parse("the service has counted {count:d} clicks"))
def _(story, count):
    assert story.get("/v1/stats")["events"] == {"click": count}


@given(parsers.parse("{count:d} clicks by other readers"))
def _(story, count):
    story.clicks = [
        {"type": "click", "user": f"o{i}", "item": f"t{i % 12}", "placement": "home", "event_id": f"o-{i}"}
        for i in range(count)
    ]
    assert story.post("/v1/events", {"events": story.clicks})["accepted"] == count


@when("the decision is asked for again")
def _(story):
    story.again = story.get(f"/v1/decisions/{story.ranking['request_id']}")


@then("it is the same list with the same scores")
def _(story):
    assert story.again == story.ranking


@when("the service stops and starts")
def _(story):
    story.before = story.everything()
    story.stop()
    story.start()


@then("the counters, the titles and the arms are as they were")
def _(story):
    assert story.everything() == story.before


@then("the same clicks sent again are all duplicates")
def _(story):
    assert story.post("/v1/events", {"events": story.clicks}) == {"accepted": 0, "duplicates": len(story.clicks)}
