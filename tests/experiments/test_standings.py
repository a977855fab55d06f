"""How experiments stand, folded from changes."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bandi.experiments.standings import Standings
from bandi.model.experiment_changes import Change, ChangeRecord, Conclude, Ramp, RampDown, Start, Stop

WORDS = {"who": "kim", "why": "weekly look"}
CHANGES = st.one_of(
    st.just(Start(**WORDS)),
    st.just(Stop(**WORDS)),
    st.builds(Ramp, share=st.floats(0.01, 1), **{key: st.just(text) for key, text in WORDS.items()}),
    st.builds(RampDown, share=st.floats(0.01, 1), **{key: st.just(text) for key, text in WORDS.items()}),
    st.builds(Conclude, winner=st.sampled_from([None, "a"]), **{key: st.just(text) for key, text in WORDS.items()}),
)
RECORDS = st.lists(
    st.builds(ChangeRecord, st.sampled_from(["one", "two"]), st.integers(0, 2**40), CHANGES), max_size=20
)


def folded(records: list[ChangeRecord]) -> Standings:
    standings = Standings()
    for record in records:
        standings.apply(msgspec.msgpack.encode(record))
    return standings


@given(RECORDS)
def test_a_snapshot_brings_back_the_same(records: list[ChangeRecord]) -> None:
    before, after = folded(records), Standings()
    after.load(before.dump())
    for name in ("one", "two"):
        assert after.get(name) == before.get(name)
    one, other = after.dump(), before.dump()
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }


def test_only_the_first_start_is_the_first() -> None:
    standings = Standings()
    changes: list[Change] = [Start(**WORDS), Stop(**WORDS), Start(**WORDS)]
    firsts = [standings.apply(msgspec.msgpack.encode(ChangeRecord("one", 0, change)))[1] for change in changes]
    assert firsts == [True, False, False]


def test_what_leaves_the_configuration_begins_anew() -> None:
    standings = folded([ChangeRecord("one", 1, Start(**WORDS)), ChangeRecord("two", 2, Start(**WORDS))])
    standings.keep(["two"])
    assert (standings.get("one").status, standings.get("two").status) == ("declared", "running")


def test_a_snapshot_of_before_there_were_experiments_is_an_empty_one() -> None:
    standings = folded([ChangeRecord("one", 1, Start(**WORDS))])
    standings.load({})
    assert standings.get("one").status == "declared"
