"""Which variant each reader met first, against a plain dictionary."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandi.experiments.exposures import Exposures
from bandi.model.records import DECISION, Array

VERSIONS = {3: ("one", "a"), 4: ("one", "b"), 7: ("two", "a"), 1: ("two", "c")}
DECISIONS = st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 9)), max_size=40)


def headers(decisions: list[tuple[int, int]]) -> Array:
    rows = np.zeros(len(decisions), DECISION)
    rows["user"], rows["policy"] = [user for user, _ in decisions], [version for _, version in decisions]
    return rows


@given(DECISIONS, st.integers(0, 40))
def test_the_first_one_counts_however_the_log_is_cut(decisions: list[tuple[int, int]], cut: int) -> None:
    expected: dict[tuple[str, int], str] = {}
    for user, version in decisions:
        if user >= 0 and version in VERSIONS:
            experiment, variant = VERSIONS[version]
            expected.setdefault((experiment, user), variant)
    exposures = Exposures()
    exposures.configure(VERSIONS)
    exposures.fold(headers(decisions[:cut]))
    exposures.fold(headers(decisions[cut:]))
    again = Exposures()
    again.configure({version + 20: VERSIONS[version] for version in (7, 4, 3, 1)})  # numbered otherwise
    again.load(exposures.dump())
    for found in (exposures, again):
        for experiment in ("one", "two"):
            for user in range(-1, 8):
                assert found.variant(experiment, user) == expected.get((experiment, user))
            met = [variant for (name, _), variant in expected.items() if name == experiment]
            assert {name: n for name, n in found.counts(experiment).items() if n} == {v: met.count(v) for v in met}
    again.fold(headers([(user, version + 20) for user, version in [(7, 4)]]))
    assert again.variant("one", 7) == "b"


def test_a_reader_who_is_taken_out_is_forgotten() -> None:
    exposures = Exposures()
    exposures.configure(VERSIONS)
    exposures.fold(headers([(2, 3)]))
    exposures.forget(2)
    assert exposures.variant("one", 2) is None
    exposures.fold(headers([(2, 4)]))
    assert exposures.variant("one", 2) == "b"


def test_an_experiment_that_is_gone_is_forgotten() -> None:
    exposures = Exposures()
    exposures.configure(VERSIONS)
    exposures.fold(headers([(2, 3), (2, 7)]))
    exposures.configure({7: ("two", "a")})
    exposures.configure(VERSIONS)
    assert (exposures.variant("one", 2), exposures.variant("two", 2)) == (None, "a")


def test_variants_that_come_and_go_for_years_keep_apart() -> None:
    """40 files of 16 variants each, 640 names: each reader is still known by the one they met."""
    exposures = Exposures()
    for file in range(40):
        versions = {16 * file + i: ("one", f"file{file}_{i}") for i in range(16)}
        exposures.configure(versions)
        exposures.fold(headers([(version, version) for version in versions]))
    again = Exposures()
    again.configure(versions)
    again.load(exposures.dump())
    for found in (exposures, again):
        assert [found.variant("one", user) for user in range(640)] == [f"file{u // 16}_{u % 16}" for u in range(640)]
        assert set(found.counts("one").values()) == {1}


def test_a_snapshot_of_a_byte_for_each_reader_is_read() -> None:
    exposures = Exposures()
    exposures.configure(VERSIONS)
    exposures.fold(headers([(2, 3), (5, 4)]))
    dumped = exposures.dump()
    again = Exposures()
    again.configure(VERSIONS)
    again.load(dumped | {"one/codes": dumped["one/codes"].astype(np.int8)})
    again.fold(headers([(900, 4)]))
    assert [again.variant("one", user) for user in (2, 5, 900)] == ["a", "b", "b"]
