"""Because you read, segments and memberships, asked of the engine and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

import bandi
from bandi.jobs.training import train
from bandi.model.errors import InvalidInputError, UnknownNameError
from bandi.serving.server import start_in_thread

CONFIG = """
[placements.home]
targeters = [{ use = "factors", n = 10 }]
[factors]
factors = 2
[segments]
k = 2
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bandi.Engine]:
    """Readers of even titles (dramas) and readers of odd ones; t40 was read by nobody."""
    folder: Path = tmp_path_factory.mktemp("explained")
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    random = np.random.default_rng(1)
    with bandi.open(folder) as engine:
        engine.put_items([bandi.Item(id=f"t{i}", genre=("drama", "action")[i % 2]) for i in range(41)])
        reads = [(f"u{user}", f"t{2 * random.integers(0, 20) + user % 2}") for user in range(200) for _ in range(9)]
        engine.record_many(
            [bandi.Read(user=user, item=item) for user, item in [*reads, ("both", "t2"), ("both", "t5")]]
        )
    train(folder)
    with bandi.open(folder) as engine:
        yield engine


def test_the_reads_of_the_same_kind_speak_for_a_title(engine: bandi.Engine) -> None:
    """Who read t2 and t5 hears of t2 as the reason for even titles and of t5 for odd ones; by tossing coins in 30 of 38: 0.03 %."""
    named = 0
    for item in range(40):
        reasons = engine.because("both", f"t{item}")
        named += item not in (2, 5) and bool(reasons) and reasons[0].item == ("t2", "t5")[item % 2]
    assert named >= 30


@pytest.mark.parametrize("limit", [1, 3, 32])
def test_shares_are_parts_of_one_and_fall(engine: bandi.Engine, limit: int) -> None:
    for user in range(20):
        reasons = engine.because(f"u{user}", f"t{10 + user % 2}", limit)
        shares = [reason.share for reason in reasons]
        assert 0 < len(reasons) <= limit
        assert shares == sorted(shares, reverse=True)
        assert min(shares) > 0
        assert sum(shares) == pytest.approx(1) if limit == 32 else sum(shares) <= 1 + 1e-9
        assert f"t{10 + user % 2}" not in {reason.item for reason in reasons}


def test_shares_are_those_of_the_score(engine: bandi.Engine) -> None:
    """Two reads that both speak for a title: the score of both is the sum, by folding in, to which the shares belong."""
    learned = engine.artifacts.load(engine.artifact)
    read, weights = np.array([5, 2]), 2.0 ** (-np.arange(2) / 8)
    for item in range(6, 40):
        parts = learned.factors.explain(item, read, weights)
        score = learned.factors.scores(learned.factors.fold_in(read, weights))[item]
        assert parts.sum() == pytest.approx(float(score), abs=1e-4)
        expected = {f"t{i}": part / parts.clip(min=0).sum() for i, part in zip(read, parts, strict=True) if part > 0}
        found = {reason.item: reason.share for reason in engine.because("both", f"t{item}")}
        assert found == (pytest.approx(expected) if parts.sum() > 0 else {})


def test_where_nothing_is_known_there_is_no_reason(engine: bandi.Engine) -> None:
    assert engine.because("nobody", "t3") == []
    assert engine.because("u1", "t40") == []
    assert engine.membership("nobody") == []
    with pytest.raises(UnknownNameError, match="unknown"):
        engine.because("u1", "unknown")
    with pytest.raises(InvalidInputError, match="limit"):
        engine.because("u1", "t3", 0)
    with pytest.raises(InvalidInputError, match="user"):
        engine.because("", "t3")


def test_segments_and_memberships_agree(engine: bandi.Engine) -> None:
    profiles = engine.segments()
    assert profiles is not None
    leading = [profile.genres[0].name for profile in profiles.segments]
    assert sorted(leading) == ["action", "drama"]
    for user in range(20):
        weights = engine.membership(f"u{user}")
        assert sum(weights) == pytest.approx(1, abs=1e-5)
        assert leading[int(np.argmax(weights))] == ("drama", "action")[user % 2]


def test_an_artifact_that_is_not_there_has_no_segments(engine: bandi.Engine) -> None:
    assert engine.segments("999999") is None
    assert engine.segments("") is None
    assert engine.segments() is not None


def test_arms_of_each_segment_can_be_looked_at(engine: bandi.Engine) -> None:
    assert [engine.arms(items=["t1"], segment=segment)[0].segment for segment in range(3)] == [0, 1, 2]
    for segment in (3, -2, True):
        with pytest.raises(InvalidInputError, match="from 0 to 2"):
            engine.arms(segment=segment)


def test_over_http(engine: bandi.Engine) -> None:
    server = start_in_thread(engine)
    with httpx.Client(base_url=server.url) as client:
        answer = client.get("/v1/explanations", params={"user": "both", "item": "t10"}).json()
        assert (answer["user"], answer["item"]) == ("both", "t10")
        assert answer["because"][0]["item"] == "t2"
        unknown = client.get("/v1/explanations", params={"user": "both", "item": "unknown"})
        assert (unknown.status_code, unknown.json()["errors"][0]["where"]) == (422, "query item")
        assert client.get("/v1/explanations?user=both").json()["errors"][0]["where"] == "query item"
        view = client.get("/v1/segments").json()
        assert (view["artifact"], len(view["segments"])) == (engine.artifact, 2)
        assert client.get("/v1/arms?segment=2&item=t1").json()["arms"][0]["segment"] == 2
        assert client.get("/v1/arms?segment=x").json()["errors"][0]["where"] == "query segment"
    server.stop()
