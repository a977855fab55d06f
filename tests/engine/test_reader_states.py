"""Readers' states in lists: the scenarios of features/reader_states.feature, the dial, and bad configuration."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from tests.engine.conftest import write_config

import bandi
from bandi.model.config_text import parse_config
from bandi.model.errors import ConfigError

scenarios(str(Path(__file__).parent.parent / "features" / "reader_states.feature"))

CONFIG = """
[placements.home]
k = 4
targeters = [{ use = "fresh" }]

[placements.home.states.new]
targeters = [{ use = "editor" }]

[placements.home.states.hooked]
targeters = [{ use = "popular" }, { use = "editor" }]
exclude = ["read"]

[placements.home.states.paying]
use_placement = "home_payers"

[placements.home_payers]
k = 4
"""


class Story:
    """An engine, and the list that was given last."""

    def __init__(self, engine: bandi.Engine) -> None:
        self.engine = engine
        self.ranking: bandi.Ranking | None = None

    @property
    def given(self) -> bandi.Ranking:
        assert self.ranking is not None
        return self.ranking


@pytest.fixture
def story(folder: Path) -> Iterator[Story]:
    write_config(folder, CONFIG)
    with bandi.open(folder) as engine:
        yield Story(engine)


@given('a service where "home" differs by state')
def _(story: Story) -> None:
    story.engine.items.put([bandi.Item(id=f"t{i}", editor_rank=i + 1) for i in range(8)])
    story.engine.record(*[bandi.Click(user=f"other{i}", item=f"t{7 - i % 3}") for i in range(30)])


@given(parsers.parse('"{user}" asked at "{placement}"'))
@when(parsers.parse('"{user}" asks at "{placement}"'))
def _(story: Story, user: str, placement: str) -> None:
    story.ranking = story.engine.recommend(user, placement)


@given(parsers.parse('"{user}" reads episode {episode:d} of "{item}"'))
@when(parsers.parse('"{user}" reads episode {episode:d} of "{item}"'))
def _(story: Story, user: str, episode: int, item: str) -> None:
    story.engine.record(bandi.Read(user=user, item=item, episode=episode))


@given(parsers.parse('"{user}" pays {coins:d} coins for "{item}" twice'))
@when(parsers.parse('"{user}" pays {coins:d} coins for "{item}" twice'))
def _(story: Story, user: str, coins: int, item: str) -> None:
    story.engine.record(*[bandi.Purchase(user=user, item=item, coins=coins) for _ in range(2)])


@when(parsers.parse('"{user}" clicks the first title'))
def _(story: Story, user: str) -> None:
    story.engine.record(bandi.Click(user=user, item=story.given[0].item, request=story.given.request_id))


@then(parsers.parse('the list is named by "{targeter}"'))
def _(story: Story, targeter: str) -> None:
    assert len(story.given)
    assert {slot.sources[0] for slot in story.given} <= {targeter, "editor"}
    assert any(targeter in slot.sources for slot in story.given)
    assert "t5" not in {slot.item for slot in story.given} or targeter == "editor"


@then(parsers.parse('the list is of "{placement}"'))
def _(story: Story, placement: str) -> None:
    assert story.given.placement == placement


@then(parsers.parse('the service counts {readers:d} reader as "{state}"'))
def _(story: Story, readers: int, state: str) -> None:
    counted = story.engine.stats().readers
    assert counted[state] == readers
    assert sum(counted.values()) == 31


@then("the decision asked again is the same")
def _(story: Story) -> None:
    again = story.engine.ask_again(story.given.request_id)
    assert again == story.given
    propensities = story.engine.propensities(story.given.request_id, 50)
    assert sum(found.in_list for found in propensities) > 1.0


@then(parsers.parse('the arm of that title has {here:d} success at "{one}" and {there:d} at "{other}"'))
def _(story: Story, here: int, one: str, there: int, other: str) -> None:
    found = {place: story.engine.arms(place, [story.given[0].item])[0].successes for place in (one, other)}
    assert found == {one: here, other: there}


DIAL = """
[placements.home]
k = 1
policy = { use = "earning", then = ["coins"], give_up = 0.0, position = "ignored" }
[placements.home.states.hooked]
give_up = 1.0
[objectives.click]
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
"""


def test_the_dial_of_a_state(folder: Path) -> None:
    """Clicks speak for one title, coins for the other: free readers get the first, hooked ones the second."""
    write_config(folder, DIAL)
    with bandi.open(folder) as engine:
        engine.items.put([bandi.Item(id="clicked"), bandi.Item(id="paid")])
        events: list[bandi.Event] = []
        for i in range(300):
            request = engine.recommend(f"r{i}").request_id
            for item, often in (("clicked", 2), ("paid", 4)):
                events.append(bandi.Impression(user=f"r{i}", item=item, request=request))
                if i % often == 0:
                    events.append(bandi.Click(user=f"r{i}", item=item, request=request))
            if i % 4 == 0:
                events.append(bandi.Purchase(user=f"r{i}", item="paid", coins=10))
        engine.record(*events)
        engine.record(bandi.Read(user="hooked", item="clicked", episode=4), bandi.Click(user="free", item="clicked"))
        shown = {user: [engine.recommend(user)[0].item for _ in range(20)] for user in ("free", "hooked")}
        assert shown["free"].count("clicked") >= 18
        assert shown["hooked"].count("paid") >= 18


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[placements.home.states.hoked]\ngive_up = 0.1", "one of: new, free, hooked"),
        ("[placements.home.states.hooked]\ngive_up = 0.1", "earning"),
        ("[placements.home.states.hooked]\nuse_placement = 'nowhere'", "other"),
        ("[placements.home.states.hooked]\nuse_placement = 'home'", "other"),
        ("[placements.home.states.hooked]\nuse_placement = 'other'\nexclude = ['read']", "nothing beside it"),
        ("[placements.other.states.free]\nuse_placement = 'home'\n[placements.home.states.free]\nuse_placement = 'other'", "pass readers on"),
        ("[placements.home.states.hooked]\ntargeters = []", "targeters"),
        ("[placements.home.states.hooked]\ntargeters = [{ use = 'fresch' }]", "did you mean fresh"),
        ("[placements.home.states.hooked]\ntargeters = [{ use = 'fresh', m = 3 }]", "one of: n, "),
        ("[placements.home.states]", "at least one"),
        ("[placements.home.push]\n[placements.other.push]", "one at most"),
        ("[placements.home.push]\ntime_zone = 'Mars/Base'", "IANA"),
        ("[placements.home.push]\ntime_zones = { KR = 'Asia/Soul' }", "IANA"),
        ("[placements.home.push]\nquiet = '25:00-08:00'", "quiet"),
        ("[placements.home.push]\nholdout = 0", "holdout"),
        ("[placements.home.push]\nagain_after = '99999d'", "3650d"),
    ],
)  # fmt: skip
def test_bad_configuration_is_named(text: str, words: str) -> None:
    start = "[placements.home]\n" + ("" if "placements.other" in text else "[placements.other]\n")
    with pytest.raises(ConfigError, match=words):
        parse_config(start + text)
