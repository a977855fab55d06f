"""The lexicon that is learned from an analyser, here a small one by hand."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bandi.features.text.korean import Lexicon, Morpheme, learn_lexicon, meaning

ANALYSES = {
    "영화": [("영화", "NNG", 0, 2)],
    "영화를": [("영화", "NNG", 0, 2), ("를", "JKO", 2, 3)],
    "노래를": [("노래", "NNG", 0, 2), ("를", "JKO", 2, 3)],
    "책을": [("책", "NNG", 0, 1), ("을", "JKO", 1, 2)],
    "꽃을": [("꽃", "NNG", 0, 1), ("을", "JKO", 1, 2)],
    "봤는데": [("보", "VV", 0, 1), ("었", "EP", 0, 1), ("는데", "EC", 1, 3)],
    "갔는데": [("가", "VV", 0, 1), ("었", "EP", 0, 1), ("는데", "EC", 1, 3)],
    "봤다": [("보", "VV", 0, 1), ("었", "EP", 0, 1), ("다", "EF", 1, 2)],
    "샀다": [("사", "VV", 0, 1), ("었", "EP", 0, 1), ("다", "EF", 1, 2)],
    "드라마는": [("드라마", "NNG", 0, 3), ("는", "JX", 3, 4)],
    "지루하다": [("지루하", "VA", 0, 3), ("다", "EF", 3, 4)],
}


def by_hand(words: Sequence[str]) -> list[list[Morpheme]]:
    return [[Morpheme(*piece) for piece in ANALYSES[word]] for word in words]


def learned(most: int = 100) -> Lexicon:
    return learn_lexicon(dict.fromkeys(ANALYSES, 3), by_hand, most)


def test_known_words_are_as_the_analyser_gave_them() -> None:
    assert all(learned().split(word) == meaning(by_hand([word])[0]) for word in ANALYSES)
    assert learned().split("지루하다") == ("지루",)


def test_stems_take_the_tails_of_their_kind() -> None:
    lexicon = learned()
    assert lexicon.split("갔다") == ("가다",)  # 가+었 as in 갔는데, 다 as behind 보+었
    assert lexicon.split("드라마를") == ("드라마",)
    assert lexicon.split("영화을") is None  # 을 stands behind a final consonant
    assert lexicon.split("책는데") is None  # an ending behind a noun
    assert lexicon.split("노래는") is None  # 는 was seen behind one word only


def test_a_missing_space_is_found() -> None:
    assert learned().split("드라마를봤다") == ("드라마", "보다")
    assert learned().split("영화노래를샀다") == ("영화", "노래", "사다")


@given(st.lists(st.sampled_from([*ANALYSES, "을", "는데", "다", "보", "책"]), min_size=1, max_size=5))
def test_leaving_out_paths_that_cannot_win_changes_nothing(pieces: list[str]) -> None:
    """Against the same search that looks at every path; words of one cost, so that ties are met."""
    lexicon = learned()
    assert lexicon.least > 0
    assert lexicon.split("".join(pieces)) == replace(lexicon, least=-1e9).split("".join(pieces))


def test_the_bound_keeps_the_most_frequent_words() -> None:
    counts = dict.fromkeys(ANALYSES, 1) | {"봤다": 9}
    assert list(learn_lexicon(counts, by_hand, 1).whole) == ["봤다"]


def test_an_empty_lexicon_knows_nothing() -> None:
    assert Lexicon().split("영화") is None
    assert learn_lexicon({}, by_hand, 5).split("영화") is None
