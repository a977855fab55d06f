"""Expressions against the same conditions in Python, one title at a time; errors that point at the place."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.eligibility.expression import MAX_DEPTH, MAX_LENGTH, MAX_VALUES, parse
from bandi.model.catalog import Item
from bandi.model.errors import InvalidInputError

Truth = bool | None
Oracle = Callable[[Item], Truth]

PYTHON: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
MIRROR = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
texts = st.sampled_from(["a", "b", "가", "it's", 'say "no"', "back\\slash", "and", "3"])
numbers = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 18.0, 1e300])
values = st.one_of(texts, numbers, st.booleans())
stored = st.one_of(values, st.just(""), st.none(), st.integers(-1, 2), st.just(math.nan))
titles = st.builds(
    Item,
    id=st.just("x"),
    genre=texts | st.just(""),
    author=texts | st.just(""),
    tags=st.lists(texts, max_size=3).map(tuple),
    regions=st.lists(texts, max_size=2).map(tuple),
    age_rating=st.none() | st.sampled_from([0, 1, 2, 18]),
    editor_rank=st.none() | st.integers(1, 2),
    active=st.booleans(),
    fields=st.dictionaries(st.sampled_from(["price", "free", "a b"]), stored),
)


def quoted(value: str | float | bool) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ("false", "true")[value] if isinstance(value, bool) else repr(value)


def of(item: Item, name: str) -> Any:
    value = item.fields.get(name.partition(".")[2].strip('"')) if "." in name else getattr(item, name)
    if value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def compared(name: str, sign: str, value: Any) -> Oracle:
    def oracle(item: Item) -> Truth:
        found = of(item, name)
        return None if found is None or type(found) is not type(value) else PYTHON[sign](found, value)

    return oracle


def opposite(oracle: Oracle) -> Oracle:
    def negated(item: Item) -> Truth:
        truth = oracle(item)
        return None if truth is None else not truth

    return negated


def joined(word: str, one: Oracle, other: Oracle) -> Oracle:
    """Kleene's tables."""
    strong = word == "or"

    def both(item: Item) -> Truth:
        truths = (one(item), other(item))
        return strong if strong in truths else None if None in truths else not strong

    return both


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, Oracle]:
    name, kinds = draw(
        st.sampled_from(
            [
                ("genre", texts),
                ("author", texts),
                ("age_rating", numbers),
                ("editor_rank", numbers),
                ("active", st.booleans()),
                ("fields.price", values),
                ('fields."a b"', values),
                ("fields.free", values),
            ]
        )
    )
    value = draw(kinds)
    form = draw(st.integers(0, 4))
    sign = draw(st.sampled_from(["==", "!="] if isinstance(value, bool) else sorted(PYTHON)))
    if form == 0:
        return f"{quoted(value)} {MIRROR[sign]} {name}", compared(name, sign, value)
    if form == 1:
        return f"{name}{draw(st.sampled_from(['==', '!=']))}null", lambda item: True  # replaced below
    if form == 2:
        more = draw(st.lists(kinds.filter(lambda other: type(other) is type(value)), max_size=3))
        oracles = [compared(name, "==", other) for other in (value, *more)]
        among = oracles[0]
        for other in oracles[1:]:
            among = joined("or", among, other)
        listed = f"[{', '.join(quoted(other) for other in (value, *more))}]"
        if draw(st.booleans()):
            return f"{name} not in {listed}", opposite(among)
        return f"{name} in {listed}", among
    if form == 3 and (name == "active" or name.startswith("fields.")):
        return name, compared(name, "==", True)
    return f"{name} {sign} {quoted(value)}", compared(name, sign, value)


def settled(text: str, oracle: Oracle) -> tuple[str, Oracle]:
    """`== null` and `!= null` are never unknown."""
    match = re.fullmatch(r"(.*)(==|!=)null", text)
    if match is None:
        return text, oracle
    name, sign = match.groups()
    return text, lambda item: (of(item, name) is None) == (sign == "==")


@st.composite
def memberships(draw: st.DrawFn) -> tuple[str, Oracle]:
    name, text = draw(st.sampled_from(["tags", "regions"])), draw(texts)
    if draw(st.booleans()):
        return f"{quoted(text)} not  in {name}", lambda item: text not in getattr(item, name)
    return f"{quoted(text)} in {name}", lambda item: text in getattr(item, name)


leaves = st.one_of(
    comparisons().map(lambda pair: settled(*pair)),
    memberships(),
    st.booleans().map(lambda truth: (quoted(truth), lambda item: truth)),
)
conditions = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.tuples(parts, parts, st.sampled_from(["and", "or"])).map(
            lambda t: (f"({t[0][0]}) {t[2]}\n({t[1][0]})", joined(t[2], t[0][1], t[1][1]))
        ),
        # without parentheses `and` binds closer than `or`, and `not` closer than both
        st.tuples(leaves, leaves, leaves).map(
            lambda t: (f"{t[0][0]} or not {t[1][0]} and {t[2][0]}",
                       joined("or", t[0][1], joined("and", opposite(t[1][1]), t[2][1])))
        ),
        parts.map(lambda pair: (f"not ({pair[0]})", opposite(pair[1]))),
    ),
    max_leaves=8,
)  # fmt: skip


@given(condition=conditions, catalogue=st.lists(titles, min_size=1, max_size=8))
@settings(max_examples=400, deadline=None)
def test_an_expression_keeps_what_python_keeps(
    shop_of: Any, condition: tuple[str, Oracle], catalogue: list[Item]
) -> None:
    text, oracle = condition
    items = [item.__class__(**{**fields_of(item), "id": f"t{i}"}) for i, item in enumerate(catalogue)]
    shop = shop_of(*items)
    expression = parse(text)
    columns = shop.items.columns(expression.needs)
    assert expression.keeps(columns).tolist() == [oracle(item) is True for item in items]
    answer = expression.condition.answer(columns)
    assert answer.false.tolist() == [oracle(item) is False for item in items]


def fields_of(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__struct_fields__}


fragments = st.sampled_from(
    ["genre", "fields", ".", "price", "tags", "in", "not", "and", "or", "(", ")", "[", "]", ",", "==", "<", "3", "-1e9999", '"a"', "'", "null", "true", "\\", " "]
)  # fmt: skip


@given(
    text=st.one_of(
        st.text(), st.lists(fragments, max_size=12).map(" ".join), st.lists(fragments, max_size=12).map("".join)
    )
)
@settings(max_examples=600, deadline=None)
def test_any_text_is_understood_or_refused_with_its_place(shop_of: Any, text: str) -> None:
    try:
        expression = parse(text, "eligible")
    except InvalidInputError as error:
        assert all(re.fullmatch(r"eligible, column \d+", problem.where) for problem in error.problems)
        assert all(1 <= int(problem.where.split()[-1]) <= len(text) + 1 for problem in error.problems)
        return
    shop = shop_of(Item(id="a", genre="a"))
    assert len(expression.keeps(shop.items.columns(expression.needs))) == 1


def test_the_example_of_the_manual(shop_of: Any) -> None:
    shop = shop_of(
        Item(id="a", genre="drama", language="ko", fields={"price": 3}),
        Item(id="b", genre="drama", language="ko", fields={"price": 3}, tags=("gore",)),
        Item(id="c", genre="drama", language="ko"),
        Item(id="d", genre="horror", language="ko", fields={"price": 0}),
        Item(id="e", genre="romance", language="ko", fields={"price": 2.5}, tags=("soft",)),
    )
    expression = parse(
        'genre in ["romance", "drama"] and fields.price <= 3 and not ("gore" in tags) and language == "ko"'
    )
    assert shop.kept(expression.keeps(shop.items.columns(expression.needs))) == "ae"


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "one of: genre"),
        ('genra == "x"', 1, "did you mean genre?"),
        ("price <= 3", 1, "did you mean fields.price?"),
        ('genre == "x" AND active', 14, "`and`, `or` or the end"),
        ('genre = "x"', 7, "write =="),
        ('genre == "x" && active', 14, "write and"),
        ("genre == drama", 10, "a text in quotes"),
        ('genre == "drama', 10, "a closing quote"),
        ("genre == 3", 10, "a text: genre is one"),
        ('genre == ""', 10, "genre == null"),
        ("age_rating < '3'", 14, "a number: age_rating is one"),
        ("genre", 6, "a comparison"),
        ('tags == "gore"', 1, 'as in "romance" in tags'),
        ('"gore" == tags', 11, 'write "..." in tags'),
        ("tags", 1, "a condition"),
        ('"x" in genre', 8, "tags, regions"),
        ("3 in tags", 1, "a text"),
        ("fields.x in [1, 'a']", 17, "one type"),
        ("fields.x in [1, null]", 17, "fields.x == null or"),
        ("fields.x in []", 14, "a value"),
        ("fields.x in 3", 13, "brackets"),
        ("fields.x < null", 12, "== and !="),
        ("fields.x < true", 12, "== and !="),
        ("0 < fields.x < 3", 14, "compare twice"),
        ("1 == 1", 6, "one of: genre"),
        ("fields.x == 1e999", 13, "a finite number"),
        ("fields.x == 3px", 13, "a name, a value or a sign"),
        ("fields.__class__.__name__ == 'x'", 17, "`and`, `or` or the end"),
        ("(active", 8, "closing parenthesis"),
        ("active)", 7, "the end"),
        ("genre == 'a\\n'", 12, "backslash"),
        ("active @ true", 8, "a name, a value or a sign"),
        ("'a'", 4, "a comparison"),
        ("not", 4, "one of: genre"),
        ("active not true", 12, "`in`"),
    ],
)
def test_errors_point_at_the_column(text: str, column: int, words: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        parse(text)
    (problem,) = error.value.problems
    assert problem.where == f"expression, column {column}"
    assert words in str(problem)


def test_bounds() -> None:
    for nested in ("(" * MAX_DEPTH + "active" + ")" * MAX_DEPTH, "not " * MAX_DEPTH + "active"):
        parse(nested)
    parse(" or ".join(["active"] * 200))
    parse(f"fields.x in [{','.join('1' * MAX_VALUES)}]")
    for text in (
        "(" * (MAX_DEPTH + 1) + "active" + ")" * (MAX_DEPTH + 1),
        "not " * (MAX_DEPTH + 1) + "active",
        "(" * MAX_LENGTH,
        f"fields.x in [{','.join('1' * (MAX_VALUES + 1))}]",
        " " * MAX_LENGTH + "active",
    ):
        with pytest.raises(InvalidInputError, match="at most"):
            parse(text)
    with pytest.raises(InvalidInputError, match="a text"):
        parse(3)  # type: ignore[arg-type]
