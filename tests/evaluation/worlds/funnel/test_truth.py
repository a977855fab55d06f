"""The truth of the funnel world is what its file says."""

import msgspec
import numpy as np
import pytest

from bandi.evaluation.worlds.funnel._behaviour import Followed, follow, start_value
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.records import Array

_NEVER_PAID = np.iinfo(np.int64).max


def test_the_same_seed_gives_the_same_world(small: FunnelParameters, world: FunnelWorld) -> None:
    same, other = FunnelWorld(small, 1), FunnelWorld(small, 2)
    assert (world.hooks == same.hooks).all()
    assert (world.organic.titles == same.organic.titles).all()
    assert (world.sessions.times_ms == same.sessions.times_ms).all()
    assert (world.hooks != other.hooks).any()


def test_hook_stickiness_and_willingness_are_independent_and_partly_visible(calibrated: FunnelParameters) -> None:
    """Over 4,000 titles: correlations within 0.06 of 0 (four standard errors); a third of a name's variance is its genre's."""
    world = FunnelWorld(resized(calibrated, readers=50, titles=4_000, days=1, visits=50), 3)
    hook, stay, willing = world.hooks[0], np.log(world.titles.stays), np.log(world.titles.willingness)
    fresh = world.catalogue.launched_ms >= START_MS - DAY_MS
    for first, second in ((stay, willing), (hook[fresh], stay[fresh]), (hook[fresh], willing[fresh])):
        limit = 4.5 / np.sqrt(len(first)) + 0.1  # shared authors and genres: fewer than 4,000 independent draws
        assert abs(np.corrcoef(first, second)[0, 1]) < limit
    assert abs(willing.std() - calibrated.payment.willingness_spread) < 0.2
    assert 0.8 < world.titles.willingness.mean() < 1.3
    authors = world.catalogue.authors
    by_author = np.bincount(authors, willing) / np.maximum(np.bincount(authors), 1)
    several = np.bincount(authors) >= 3
    assert by_author[several].std() > 1.2 * willing.std() / np.sqrt(np.bincount(authors)[several].mean())


def test_titles_launch_weekly_and_fade(world: FunnelWorld, small: FunnelParameters) -> None:
    launched = (world.catalogue.launched_ms - START_MS) // DAY_MS
    assert set(launched[launched > 0]) == {7, 14}
    assert len(world.available(START_MS)) == 64
    assert len(world.available(START_MS + 7 * DAY_MS)) == 72
    new = np.flatnonzero(launched == 7)
    half_life, fade = small.hook.fade_half_life_days, small.hook.fade
    lost = world.hooks[7, new] - world.hooks[14, new]
    np.testing.assert_allclose(lost, fade * (1 - 2 ** (-7 / half_life)), rtol=1e-4)


def test_only_the_drifting_world_drifts() -> None:
    drifting = FunnelWorld(resized(read_funnel(preset_file("drifting")), readers=200, titles=300, days=30), 1)
    still = FunnelWorld(resized(read_funnel(preset_file("calibrated")), readers=200, titles=300, days=30), 1)
    for world, moves in ((drifting, True), (still, False)):
        old = world.catalogue.launched_ms < START_MS - 200 * DAY_MS
        changed = world.hooks[29, old] - world.hooks[0, old]
        assert (changed.std() > 0.1) == moves
        first, last = world.tastes(0).copy(), world.tastes(29)
        assert (np.abs(last - first).mean() > 0.05) == moves
        assert (world.tastes(0) == first).all()


def test_readers_come_in_a_weekly_cycle_and_unequally(calibrated: FunnelParameters) -> None:
    """28 days of 1,000 visits expected: every bound is at least four standard deviations away."""
    world = FunnelWorld(resized(calibrated, readers=2_000, titles=50, days=28, visits=28_000), 1)
    by_weekday = np.diff(world.sessions.bounds).reshape(4, 7).mean(axis=0)
    swing = calibrated.sessions.weekly_swing
    assert by_weekday[0] / by_weekday.mean() == pytest.approx(1 + swing, abs=0.08)
    assert by_weekday[3:5].mean() / by_weekday.mean() == pytest.approx(1 + swing * np.cos(6 * np.pi / 7), abs=0.06)
    assert (np.diff(world.sessions.times_ms) >= 0).all()
    days = (world.sessions.times_ms - START_MS) // DAY_MS
    assert (np.bincount(days, minlength=28) == np.diff(world.sessions.bounds)).all()
    visits = np.sort(np.bincount(world.sessions.readers, minlength=2_000))[::-1]
    assert visits[:200].sum() > 0.25 * visits.sum()


def _followed(world: FunnelWorld, readers: Array, titles: Array, paid_ms: Array, seed: int = 1) -> Followed:
    n = len(readers)
    found = Followed(
        np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.int64)
    )
    times = np.full(n, START_MS, np.int64)
    follow(seed, readers, titles, times, world.power, world.titles, world.paying, paid_ms, found)
    return found


def test_starts_lead_to_what_the_truth_expects(calibrated: FunnelParameters) -> None:
    """200,000 starts of different (reader, title): continuation and coins within 4.5 standard errors (false alarms under 1e-4)."""
    world = FunnelWorld(resized(calibrated, readers=2_000, titles=100, days=2, visits=50), 5)
    readers, titles = (a.ravel().astype(np.int32) for a in np.mgrid[:2_000, :100])
    one_each = np.full(2_000, _NEVER_PAID)
    times = np.full(len(readers), START_MS, np.int64)
    found = _followed(world, readers, titles, one_each)
    expected = world.titles.stays[titles] ** 3
    error = np.sqrt((expected * (1 - expected)).sum())
    assert abs((found.continued >= 0).sum() - expected.sum()) < 4.5 * error
    coins = np.array(
        [
            start_value(i, world.power[u], False, world.titles, world.paying)
            for u, i in zip(readers, titles, strict=True)
        ]
    )
    paid = found.paid >= 0
    assert abs(found.coins.sum() - coins.sum()) < 4.5 * np.sqrt((found.coins**2).sum())
    assert (found.coins[~paid] == 0).all()
    assert (found.purchases[paid] >= 1).all()
    assert (world.power[readers[paid]] > 0).all()
    first = np.full(2_000, _NEVER_PAID)
    np.minimum.at(first, readers[paid], times[paid] + found.paid[paid])
    assert (one_each == first).all()


def test_what_a_reader_does_with_a_title_depends_on_nothing_else_but_having_paid(world: FunnelWorld) -> None:
    readers, titles = (a.ravel().astype(np.int32) for a in np.mgrid[:400, :80])
    never = _followed(world, readers, titles, np.full(1_500, _NEVER_PAID))
    order = np.random.default_rng(1).permutation(len(readers))
    shuffled = _followed(world, readers[order], titles[order], np.full(1_500, _NEVER_PAID))
    for column, other in zip(never, shuffled, strict=True):
        assert (column[order] == other).all()
    has_paid = _followed(world, readers, titles, np.full(1_500, START_MS))
    assert (has_paid.continued == never.continued).all()
    assert ((has_paid.paid >= 0) >= (never.paid >= 0)).all()
    assert (has_paid.paid >= 0).sum() > 1.5 * (never.paid >= 0).sum()
    assert (_followed(world, readers, titles, np.full(1_500, _NEVER_PAID), 2).continued != never.continued).any()


def test_what_readers_look_up_follows_hook_and_taste(world: FunnelWorld) -> None:
    found = np.bincount(world.organic.titles, minlength=80)
    on_sale = world.catalogue.launched_ms <= START_MS
    assert np.corrcoef(np.exp(world.hooks[0, on_sale]), found[on_sale])[0, 1] > 0.5
    launched = world.catalogue.launched_ms[world.organic.titles]
    assert (launched <= world.organic.times_ms).all()


def test_editors_know_the_hook_as_well_as_their_noise_lets_them(small: FunnelParameters) -> None:
    def agreement(noise: float) -> float:
        editors = msgspec.structs.replace(small.editors, noise=noise)
        world = FunnelWorld(msgspec.structs.replace(small, editors=editors), 4)
        on_sale = world.catalogue.launched_ms <= START_MS
        return float(np.corrcoef(world.hooks[0, on_sale], -world.editor_ranks[on_sale])[0, 1])

    assert sorted(FunnelWorld(small, 4).editor_ranks) == list(range(1, 81))
    assert agreement(0.0) > 0.9
    assert agreement(0.0) > agreement(1.5) > agreement(10.0)
