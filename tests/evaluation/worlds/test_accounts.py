"""Ages and genders: as many as asked for, skewed by group as much as asked for."""

import msgspec
import numpy as np
from scipy import stats

from bandi.evaluation.worlds.accounts import OLDEST, YOUNGEST, accounts
from bandi.evaluation.worlds.parameters import PERSONAL, Readers, read_parameters


def readers(**changes: object) -> Readers:
    return msgspec.structs.replace(read_parameters(PERSONAL).readers, groups=4, **changes)


GROUPS = np.repeat(np.arange(4), 500)


def test_only_some_readers_say_who_they_are() -> None:
    users = accounts(GROUPS, readers(described=0.6), np.random.default_rng(1))
    assert [user.id for user in users[:3]] == ["r0", "r1", "r2"]
    known = [user for user in users if user.fields]
    assert stats.binomtest(len(known), 2_000, 0.6).pvalue > 0.0001
    assert all(YOUNGEST <= user.fields["age"] <= OLDEST and user.fields["gender"] in "fm" for user in known)  # type: ignore[operator]
    assert not any(user.fields for user in accounts(GROUPS, readers(described=0.0), np.random.default_rng(1)))


def test_groups_differ_as_much_as_the_skew_says() -> None:
    """20 draws of each; without skew the chance of a false alarm is 0.001 in each of 20 tests, so two may happen."""
    alarms, found = 0, 0
    for seed in range(20):
        for skew in (0.0, 1.0):
            users = accounts(GROUPS, readers(described=1.0, skew=skew), np.random.default_rng(seed))
            women = np.array([user.fields["gender"] == "f" for user in users]).reshape(4, 500).sum(axis=1)
            ages = np.array([user.fields["age"] for user in users], float).reshape(4, 500)
            alike = stats.chi2_contingency([women, 500 - women]).pvalue
            if skew:
                found += alike < 0.001 and stats.f_oneway(*ages).pvalue < 0.001
            else:
                alarms += alike < 0.001
    assert alarms <= 2
    assert found >= 19


def test_the_same_seed_gives_the_same_accounts() -> None:
    one, same = (accounts(GROUPS, readers(), np.random.default_rng(3)) for _ in range(2))
    assert one == same
