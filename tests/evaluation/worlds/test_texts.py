"""What titles are described with: deterministic, of their genre and traits, with as many stray words as asked for."""

import numpy as np
import pytest
from scipy import stats

from bandi.evaluation.worlds.texts import TAGS, Told, describe, words

GENRES = ["action", "romance", "thriller"]


def told(titles: int = 300, **changes: object) -> Told:
    random = np.random.default_rng(1)
    facts: dict[str, object] = {
        "genre_names": GENRES,
        "genres": random.integers(0, len(GENRES), titles),
        "traits": random.normal(size=(titles, 4)),
        "korean": 0.5,
        "stray_words": 0.2,
        "adults_only": 0.1,
    }
    return Told(**(facts | changes))  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_texts() -> None:
    one, same, other = (describe(told(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert len({item.id for item in one}) == len(one)
    assert all(item.description and item.title and item.author and item.tags and item.image for item in one)


def test_korean_titles_are_in_korean() -> None:
    items = describe(told(400), np.random.default_rng(3))
    korean = [item for item in items if item.language == "ko"]
    assert stats.binomtest(len(korean), 400, 0.5).pvalue > 0.0001
    assert all(any("가" <= letter <= "힣" for letter in item.description) for item in korean)
    assert all(item.description.isascii() for item in items if item.language == "en")
    assert {item.language for item in describe(told(korean=0.0), np.random.default_rng(3))} == {"en"}


def test_without_stray_words_all_words_and_tags_are_the_genres_own() -> None:
    items = describe(told(stray_words=0.0, traits=np.zeros((300, 0))), np.random.default_rng(4))
    for item in items:
        own = words().genres[item.genre]
        assert set(item.tags) <= set(own.tags)
        for genre in set(GENRES) - {item.genre}:
            foreign = (
                words().genres[genre].ko
                if item.language == "ko"
                else [f" {word} " for word in words().genres[genre].en]
            )
            if item.language == "en":
                assert not any(word in item.description for word in foreign), (item, genre)


def test_as_many_tags_stray_as_asked_for() -> None:
    """A stray tag comes from any genre, so 0.3 * 2 / 3 of first tags are foreign; the chance of a false alarm is 0.0001."""
    items = describe(told(2_000, stray_words=0.3), np.random.default_rng(5))
    foreign = sum(item.tags[0] not in words().genres[item.genre].tags for item in items)
    assert stats.binomtest(foreign, 2_000, 0.2).pvalue > 0.0001
    assert all(1 <= len(item.tags) <= TAGS for item in items)


def test_traits_can_be_told_from_the_words() -> None:
    for end, other, value in (("high_en", "low_en", 2.0), ("low_en", "high_en", -2.0)):
        traits = np.zeros((200, 4))
        traits[:, 1] = value
        text = " ".join(
            item.description for item in describe(told(200, traits=traits, korean=0.0), np.random.default_rng(6))
        )
        ends = [sum(text.count(word) for word in getattr(words().traits[1], name)) for name in (end, other)]
        assert ends[0] > 10 * ends[1]


def test_a_few_are_for_adults_only() -> None:
    items = describe(told(2_000), np.random.default_rng(7))
    assert {item.age_rating for item in items} == {None, 18}
    assert stats.binomtest(sum(item.age_rating == 18 for item in items), 2_000, 0.1).pvalue > 0.0001


def test_authors_keep_to_a_genre_and_have_several_titles() -> None:
    items = describe(told(korean=0.0), np.random.default_rng(8))
    genres: dict[str, set[str]] = {}
    for item in items:
        genres.setdefault(item.author, set()).add(item.genre)
    assert all(len(found) == 1 for found in genres.values())
    assert 60 < len(genres) < 150


def test_a_genre_that_has_no_words_of_its_own_gets_some() -> None:
    items = describe(told(20, genre_names=["noir", "haiku", "opera"]), np.random.default_rng(9))
    assert {item.genre for item in items} <= {"noir", "haiku", "opera"}
    assert all(set(item.tags) <= set(words().genres["other"].tags) for item in items)


def test_no_titles() -> None:
    assert describe(told(0), np.random.default_rng(1)) == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_word_lists_are_whole(language: str) -> None:
    assert len(words().names[f"first_{language}"]) == len(words().names[f"second_{language}"]) == 12
    lists = [getattr(genre, language) for genre in words().genres.values()]
    assert len({len(found) for found in lists}) == 1
    assert all(len(set(found)) == len(found) for found in lists)
    assert all(pattern.count("{") == 3 for pattern in words().patterns[language])
