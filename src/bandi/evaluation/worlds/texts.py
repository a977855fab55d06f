"""What a service knows of the titles of a world: names, descriptions, tags, authors, age ratings; and of its readers' accounts.

A description is sentences whose words are drawn from a vocabulary of the title's own: words of its genre, words for its
traits (the more pronounced the trait, the likelier), plain words, and stray words of other genres. So texts say something of
what readers like, with noise, and never the truth itself.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from bandi.model.catalog import Item
from bandi.model.config_values import Struct
from bandi.model.records import Array

WORDS = Path(__file__).with_name("words.toml")
SENTENCES = 4
TAGS = 3
TITLES_PER_AUTHOR = 3
OWN_WORDS = 5
"""Words of its genre that one title keeps to: titles of a genre differ in which."""
_PLAIN = 0.25
_ADULT_AGE = 18


class GenreWords(Struct, frozen=True):
    """The vocabulary of one genre."""

    en: list[str]
    ko: list[str]
    tags: list[str]


class TraitWords(Struct, frozen=True):
    """Words for either end of a trait."""

    low_en: list[str]
    high_en: list[str]
    low_ko: list[str]
    high_ko: list[str]


class Words(Struct, frozen=True):
    """words.toml."""

    names: dict[str, list[str]]
    patterns: dict[str, list[str]]
    plain: dict[str, list[str]]
    genres: dict[str, GenreWords]
    traits: list[TraitWords]


@functools.cache
def words() -> Words:
    """All words, read once."""
    return msgspec.convert(tomllib.loads(WORDS.read_text(encoding="utf-8")), Words)


@dataclass(frozen=True, slots=True)
class Told:
    """What texts are made from. genres: int64[titles]; traits: float64[titles, dimensions]; shares from 0 to 1."""

    genre_names: list[str]
    genres: Array
    traits: Array
    korean: float
    stray_words: float
    adults_only: float


def describe(told: Told, random: np.random.Generator) -> list[Item]:
    """A title for each row, with id, name, description, tags, author, image and age rating. O(titles)."""
    count = len(told.genres)
    languages = np.where(random.random(count) < told.korean, "ko", "en")
    adults = random.random(count) < told.adults_only
    authors = _authors(told.genres, random)
    return [
        Item(
            id=f"t{i:03d}",
            title=_name(i, languages[i]),
            description=_description(told, i, str(languages[i]), random),
            genre=told.genre_names[told.genres[i]],
            author=_author(int(authors[i]), str(languages[i])),
            tags=_tags(told, int(told.genres[i]), random),
            language=str(languages[i]),
            image=f"t{i:03d}.png",
            age_rating=_ADULT_AGE if adults[i] else None,
        )
        for i in range(count)
    ]


def _name(i: int, language: str) -> str:
    names = words().names
    first, second = names[f"first_{language}"], names[f"second_{language}"]
    volume = f" {i // 144 + 1}" if i >= 144 else ""
    return f"{first[i % 12]} {second[i // 12 % 12]}{volume}"


def _authors(genres: Array, random: np.random.Generator) -> Array:
    """Who made each title: int64[titles]; authors keep to one genre."""
    authors, known = np.zeros(len(genres), np.int64), 0
    for genre in np.unique(genres):
        own = np.flatnonzero(genres == genre)
        several = max(1, len(own) // TITLES_PER_AUTHOR)
        authors[own] = known + random.integers(0, several, len(own))
        known += several
    return authors


def _author(author: int, language: str) -> str:
    names = words().names[f"authors_{language}"]
    return names[author % len(names)] + (f" {author // len(names) + 1}" if author >= len(names) else "")


def _genre_words(name: str) -> GenreWords:
    return words().genres.get(name, words().genres["other"])


def _tags(told: Told, genre: int, random: np.random.Generator) -> tuple[str, ...]:
    """Tags of the genre, with stray ones; each once, in the order drawn."""
    chosen = [
        _genre_words(told.genre_names[_own_or_other(genre, len(told.genre_names), told.stray_words, random)]).tags
        for _ in range(TAGS)
    ]
    return tuple(dict.fromkeys(tags[random.integers(len(tags))] for tags in chosen))


def _own_or_other(genre: int, genres: int, stray: float, random: np.random.Generator) -> int:
    return int(random.integers(genres)) if random.random() < stray else genre


def _description(told: Told, title: int, language: str, random: np.random.Generator) -> str:
    genre = int(told.genres[title])
    own = [str(word) for word in random.permutation(_spoken(told, genre, language))[:OWN_WORDS]]
    patterns = words().patterns[language]
    sentences = []
    for _ in range(SENTENCES):
        nouns = [_noun(told, genre, own, language, random) for _ in range(3)]
        qualified = [_qualified(told.traits[title], noun, language, random) for noun in nouns]
        sentences.append(patterns[random.integers(len(patterns))].format(*qualified))
    return " ".join(sentences)


def _spoken(told: Told, genre: int, language: str) -> list[str]:
    found = _genre_words(told.genre_names[genre])
    return found.ko if language == "ko" else found.en


def _noun(told: Told, genre: int, own: list[str], language: str, random: np.random.Generator) -> str:
    source = _own_or_other(genre, len(told.genre_names), told.stray_words, random)
    if source != genre:
        choice = _spoken(told, source, language)
    elif random.random() < _PLAIN:
        choice = words().plain[language]
    else:
        choice = own
    return choice[random.integers(len(choice))]


def _qualified(traits: Array, noun: str, language: str, random: np.random.Generator) -> str:
    """The noun, in half of the cases with a word for one of the title's traits: which end, by the trait's log-odds."""
    known = words().traits
    if not len(traits) or random.random() < 0.5:
        return noun
    trait = int(random.integers(min(len(traits), len(known))))
    end = "high" if random.random() < 1.0 / (1.0 + np.exp(-2.0 * traits[trait])) else "low"
    choice: list[str] = getattr(known[trait], f"{end}_{language}")
    return f"{choice[random.integers(len(choice))]} {noun}"
