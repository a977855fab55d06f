"""Segmentation by script, and Korean by morphemes."""

import logging
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.features.text import korean
from bandi.features.text.tokens import MAX_CHARACTERS, MAX_TOKEN, learn_tokeniser, pairs, segments

SAID = [
    "재밌는 영화를 봤다",
    "영화는 안 봤는데 지루하다",
    "배우의 연기가 재밌었다",
    "연기는 지루함이 없다",
    "노래를 듣고 배우를 봤다",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n\t", []),
        ("The CAFÉ's 2nd", ["the", "café", "s", "2nd"]),
        ("cafe\u0301", ["café"]),
        ("ｆｕｌｌ　Ｗｉｄｔｈ", ["full", "width"]),
        ("Straße", ["strasse"]),
        ("아이폰15를 샀다!", ["아이폰", "15", "를", "샀다"]),
        ("\u1100\u1161나", ["가나"]),
        ("재밌다ㅋㅋㅋ ①", ["재밌다", "ㅋㅋㅋ", "1"]),
        ("東京タワーへ行く", ["東京タワーへ行く"]),
        ("ハリー・ポッター「猫」", ["ハリー", "ポッター", "猫"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("Привет, мир_2", ["привет", "мир", "2"]),
        ("😀👍🏽❤️ 🇰🇷 ~!?", []),
        ("\ud800x\x00", ["x"]),
    ],
)
def test_runs_of_one_kind(text: str, expected: list[str]) -> None:
    assert segments(text) == expected


def test_scripts_without_spaces_become_pairs() -> None:
    tokens = learn_tokeniser([]).tokens
    assert tokens("東京都へ 猫") == ["東京", "京都", "都へ", "猫"]
    assert tokens("สวัสดี")[:2] == ["สว", "วั"]
    assert pairs("가") == ("가",)


def test_long_text_and_long_words_are_bounded() -> None:
    tokeniser = learn_tokeniser(["가나다" * 5_000])
    assert [len(token) for token in tokeniser.tokens("x" * 10_000_000)] == [MAX_TOKEN]
    assert len(tokeniser.tokens("가나다" * 4_000_000)) <= MAX_CHARACTERS
    assert len(segments("a " * 5_000_000)) == MAX_CHARACTERS // 2


@given(st.text(max_size=60))
def test_any_text_has_clean_tokens(text: str) -> None:
    for token in learn_tokeniser([]).tokens(text):
        assert token
        assert not any(unicodedata.category(sign)[0] in "ZPS" or sign < " " for sign in token)


@given(st.text(alphabet="가나 ab1東ㅋ!😀\u0301", max_size=30), st.text(alphabet="가나 ab1東ㅋ!😀", max_size=30))
def test_a_space_parts_texts(first: str, second: str) -> None:
    tokens = learn_tokeniser([]).tokens
    assert tokens(first + " " + second) == tokens(first) + tokens(second)


@pytest.fixture
def without_kiwi(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    korean.kiwi_analyser.cache_clear()
    yield
    korean.kiwi_analyser.cache_clear()


@pytest.mark.usefixtures("without_kiwi")
def test_without_the_analyser_korean_is_pairs_of_syllables_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        first, second = learn_tokeniser(SAID), learn_tokeniser(SAID)
    assert [record.message for record in caplog.records] == [
        "kiwipiepy is not installed: Korean falls back to pairs of syllables; pip install 'bandi[korean]'"
    ]
    assert (first.analyser, first.tokens("아이폰15를")) == ("pairs of syllables", ["아이", "이폰", "15", "를"])
    assert second.tokens("영화") == ["영화"]


def test_particles_and_endings_go_and_negation_stays() -> None:
    pytest.importorskip("kiwipiepy")
    tokeniser = learn_tokeniser(SAID)
    assert tokeniser.analyser == "kiwipiepy"
    assert tokeniser.tokens(SAID[1]) == ["영화", "안", "보다", "지루"]
    assert tokeniser.tokens(SAID[3])[-1] == "없다"
    assert tokeniser.tokens("IU의 「영화」ㅠㅠㅠ")[0] == "iu"


def test_an_unseen_word_is_split_by_what_was_learned() -> None:
    """배우 and its particles, 보 and its endings were learned; 배우는, and 영화봤는데 without its space, were not."""
    pytest.importorskip("kiwipiepy")
    tokeniser = learn_tokeniser(SAID)
    assert tokeniser.tokens("연기를") == ["연기"]
    assert tokeniser.tokens("연기를재밌었다") == ["연기", "재밌다"]
    assert tokeniser.tokens("뷁쉙") == ["뷁쉙"]


def test_what_was_asked_before_changes_nothing() -> None:
    pytest.importorskip("kiwipiepy")
    words = ["연기를", "배우영화를", "노래는봤는데", "쉙뷁영화"]
    one, two = learn_tokeniser(SAID), learn_tokeniser(SAID)
    assert [one.tokens(word) for word in words] == [two.tokens(word) for word in reversed(words)][::-1]
