"""Totals are what the rows say, in whatever parts these come; what no readers could have is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bandi.experiments.inference import Totals, accumulated, stacked, totals_of
from bandi.model.errors import InvalidInputError

ROWS = arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(1, 3)), elements=st.floats(-1e4, 1e4, width=32))


@given(ROWS, st.integers(1, 29))
def test_batches_add_up(rows: np.ndarray, cut: int) -> None:
    cut = min(cut, len(rows) - 1)
    looks = accumulated(stacked([totals_of(rows[:cut]), totals_of(rows[cut:])]))
    whole = totals_of(rows)
    assert looks.readers[-1] == whole.readers
    np.testing.assert_allclose(looks.sums[-1], whole.sums, atol=1e-6)
    np.testing.assert_allclose(looks.products[-1], whole.products, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(looks.cubes[-1], np.einsum("ni,nj,nk->ijk", rows, rows, rows), rtol=1e-9, atol=1e-2)


def test_some_columns() -> None:
    rows = np.arange(12.0).reshape(4, 3)
    taken, alone = totals_of(rows).take([2, 0]), totals_of(rows[:, [2, 0]])
    np.testing.assert_array_equal(taken.sums, alone.sums)
    np.testing.assert_array_equal(taken.products, alone.products)
    np.testing.assert_array_equal(taken.cubes, alone.cubes)


def test_cubes_may_be_missing() -> None:
    whole = totals_of(np.arange(12.0).reshape(4, 3))
    bare = Totals(whole.readers, whole.sums, whole.products)
    assert bare.take([0]).cubes is None
    assert stacked([whole, bare]).cubes is None
    assert accumulated(stacked([bare, bare])).cubes is None
    with pytest.raises(InvalidInputError, match="cubes"):
        Totals(whole.readers, whole.sums, whole.products, whole.products)
    with pytest.raises(InvalidInputError, match="NaN or infinity"):
        Totals(whole.readers, whole.sums, whole.products, whole.cubes * np.inf)


@pytest.mark.parametrize(
    ("readers", "sums", "products", "says"),
    [
        (np.nan, [1.0], [[1.0]], "NaN"),
        (2.0, [np.inf], [[1.0]], "NaN or infinity"),
        (-1.0, [1.0], [[1.0]], "0 or more"),
        (2.0, [4.0], [[1.0]], "sums of squares"),
        (2.0, [4.0, 1.0], [[8.0]], "shapes"),
    ],
)
def test_what_cannot_be(readers: float, sums: list[float], products: list[list[float]], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        Totals(np.asarray(readers), np.asarray(sums), np.asarray(products))


def test_bad_rows() -> None:
    with pytest.raises(InvalidInputError, match="row 1"):
        totals_of(np.array([[1.0], [np.nan]]))
    with pytest.raises(InvalidInputError, match="readers by columns"):
        totals_of(np.zeros((2, 2, 2)))
    with pytest.raises(InvalidInputError, match="at least one"):
        stacked([])
