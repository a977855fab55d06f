"""Who gets which variant: published vectors, and what must hold of any salts, shares and readers."""

import random
from statistics import NormalDist

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from bandi.experiments._hash_kernels import xxh64
from bandi.experiments.assignment import OUTSIDE, Split, bucket, buckets, split, variant, variants
from bandi.experiments.warm import warm

UNITS = st.lists(st.text(max_size=40), max_size=20)
SALTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
SPANS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda span: span[0] < span[1])

# XXH64 of the salt, a zero byte and the unit, shifted right by 11, times 2**-53: any xxHash library gives these
VECTORS = [
    ("layer", "u1", 0.5543054581749586),
    ("layer", "u42", 0.3349749951181433),
    ("layer", "독자", 0.0075651848306508285),
    ("spring", "u42", 0.5159912929294039),
    ("spring", "독자", 0.492184627881768),
]
# published with the reference implementation (seed 0)
HASHES = [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999)]


@pytest.mark.parametrize(("salt", "unit", "expected"), VECTORS)
def test_documented_vectors(salt: str, unit: str, expected: float) -> None:
    assert bucket(salt, unit) == expected
    assert buckets(salt, [unit])[0] == expected


@pytest.mark.parametrize(("data", "expected"), HASHES)
def test_the_published_hash(data: bytes, expected: int) -> None:
    assert int(xxh64(np.frombuffer(data, np.uint8), len(data))) == expected


def test_the_kernel_is_the_library_at_every_length() -> None:
    warm()
    drawn = random.Random(1)
    for length in range(100):
        data = drawn.randbytes(length)
        assert int(xxh64(np.frombuffer(data, np.uint8), length)) == xxhash.xxh64_intdigest(data)


@given(SALTS, UNITS)
def test_one_and_many_agree_and_lie_between_0_and_1(salt: str, units: list[str]) -> None:
    found = buckets(salt, units).tolist()
    assert found == [bucket(salt, unit) for unit in units]
    assert all(0 <= where < 1 for where in found)


@given(SALTS, SALTS, SPANS, UNITS, st.floats(0.01, 1), st.randoms())
def test_assignment_does_not_depend_on_the_order(
    layer: str, salt: str, span: tuple[float, float], units: list[str], share: float, order: random.Random
) -> None:
    parts = split(layer, salt, (span[0], span[1]), [0.2, 0.3, 0.5])
    alone = {unit: variant(parts, share, unit) for unit in units}
    shuffled = order.sample(units, len(units))
    assert variants(parts, share, shuffled).tolist() == [alone[unit] for unit in shuffled]


@given(SPANS, UNITS, st.floats(0, 1), st.floats(0, 1))
def test_a_ramp_only_adds_readers(span: tuple[float, float], units: list[str], one: float, other: float) -> None:
    parts = split("layer", "salt", (span[0], span[1]), [0.5, 0.5])
    small, large = (variants(parts, share, units) for share in sorted((one, other)))
    stayed = small != OUTSIDE
    assert (large[stayed] == small[stayed]).all()


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6, unique=True).map(sorted), UNITS)
def test_experiments_of_a_layer_never_share_a_reader(cuts: list[float], units: list[str]) -> None:
    spans = zip(cuts, cuts[1:], strict=False)
    taken = [variants(split("layer", f"e{i}", span, [0.5, 0.5]), 1.0, units) != OUTSIDE for i, span in enumerate(spans)]
    assert (np.sum(taken, axis=0) <= 1).all()


def test_a_whole_layer_without_a_holdout_takes_everybody() -> None:
    parts = Split("layer", "salt", 0.0, 1.0, (0.5,))
    assert (variants(parts, 1.0, [f"r{i}" for i in range(5_000)]) != OUTSIDE).all()


def chi_square_bound(cells: int, false_alarm: float) -> float:
    """The quantile of chi-square with cells - 1 degrees of freedom, by Wilson and Hilferty (1931)."""
    d = cells - 1
    return float(d * (1 - 2 / (9 * d) + NormalDist().inv_cdf(1 - false_alarm) * (2 / (9 * d)) ** 0.5) ** 3)


@pytest.mark.parametrize("units", [[f"reader-{i}" for i in range(4_000)], [str(i) for i in range(4_000)]])
def test_buckets_are_even_whatever_the_salt(units: list[str]) -> None:
    """100 cells, 300 salts of short and like ids: the largest chi-square stays below the bound of a false alarm in 10,000."""
    worst = 0.0
    for salt in range(300):
        counts = np.bincount((buckets(f"s{salt}", units) * 100).astype(np.int64), minlength=100)
        worst = max(worst, float(((counts - 40) ** 2 / 40).sum()))
    assert worst < chi_square_bound(100, 1e-4 / 300)


def test_layers_and_variants_do_not_depend_on_each_other() -> None:
    """10 x 10 cells of two salts, 300 pairs of salts that differ in a digit; a false alarm in 10,000 for all together."""
    units = [f"reader-{i}" for i in range(4_000)]
    cells = [(buckets(f"home-{salt}", units) * 10).astype(np.int64) for salt in range(301)]
    worst = 0.0
    for one, other in zip(cells, cells[1:], strict=False):
        counts = np.bincount(one * 10 + other, minlength=100)
        worst = max(worst, float(((counts - 40) ** 2 / 40).sum()))
    assert worst < chi_square_bound(100, 1e-4 / 300)


def test_as_many_get_each_variant_as_its_weight_says() -> None:
    """200 experiments on half of a layer, weights 0.1, 0.3, 0.6: chi-square with 3 degrees of freedom, 1 false alarm in 10,000."""
    units = [f"reader-{i}" for i in range(4_000)]
    expected = np.array([0.5, 0.05, 0.15, 0.3]) * len(units)
    worst = 0.0
    for salt in range(200):
        found = variants(split("layer" + str(salt), f"e{salt}", (0.25, 0.75), [0.1, 0.3, 0.6]), 1.0, units)
        counts = np.bincount(found + 1, minlength=4)
        worst = max(worst, float(((counts - expected) ** 2 / expected).sum()))
    assert worst < chi_square_bound(4, 1e-4 / 200)
