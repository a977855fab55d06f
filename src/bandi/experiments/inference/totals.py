"""What is kept of the readers of a variant: how many there are, and the sums of their columns' products of one, two and three.

One row is one reader, whatever they clicked and bought in however many visits. So every variance computed from here is
clustered by reader: the reader is what was randomised, and the events of one reader are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Totals:
    """readers: float64[...]; sums: float64[..., columns]; products: float64[..., columns, columns]; cubes: as `cubes_of`,
    float64[..., columns, columns, columns], or None where they were not kept.

    All are sums over readers, so that those of several batches add up. A variant smaller than the other has need of cubes:
    they tell how far its mean is from normal (comparing.py). Without them sequences are silent where shares are far apart.

    The leading axes are free; where there are several looks at one experiment, they are the last of them. A mean metric has
    the column [value], a ratio metric [numerator, denominator]; further columns are covariates known before the experiment.
    Raises InvalidInputError for a shape that does not fit, NaN, infinity, and products that no readers could have.
    """

    readers: Array
    sums: Array
    products: Array
    cubes: Array | None = None

    def __post_init__(self) -> None:
        columns = self.sums.shape[-1] if self.sums.ndim else 0
        shape = self.readers.shape
        if self.sums.shape != (*shape, columns) or self.products.shape != (*shape, columns, columns) or not columns:
            found = f"{shape}, {self.sums.shape} and {self.products.shape}"
            raise _problem("totals", found, "shapes [...], [..., columns] and [..., columns, columns]")
        if self.cubes is not None and self.cubes.shape != (*shape, columns, columns, columns):
            raise _problem("totals.cubes", f"shape {self.cubes.shape}", f"shape {(*shape, columns, columns, columns)}")
        kept = (("readers", self.readers), ("sums", self.sums), ("products", self.products), ("cubes", self.cubes))
        for name, values in kept:
            if values is not None and not np.isfinite(values).all():
                raise _problem(f"totals.{name}", "NaN or infinity", "finite numbers")
        if (self.readers < 0.0).any():
            raise _problem("totals.readers", f"{float(self.readers.min()):g}", "0 or more")
        squares = np.diagonal(self.products, axis1=-2, axis2=-1)
        if (squares * self.readers[..., None] < self.sums**2 * (1.0 - _ROUNDING)).any():
            raise _problem("totals.products", "squares below sum^2 / readers", "sums of squares of the same readers")

    @property
    def columns(self) -> int:
        """How many numbers a reader has."""
        return int(self.sums.shape[-1])

    def take(self, columns: Sequence[int]) -> Totals:
        """The same readers with some of their columns, as for a result without covariates."""
        at = list(columns)
        cubes = None if self.cubes is None else self.cubes[..., at, :, :][..., at, :][..., at]
        return Totals(self.readers, self.sums[..., at], self.products[..., at, :][..., at], cubes)


def totals_of(rows: Array) -> Totals:
    """Totals of float64[readers, columns], or float64[readers] for one column. O(readers columns^3).

    Columns far from zero beside their spread (timestamps) lose digits in squares and cubes: subtract one constant from
    both variants first. From a million times their spread on they cannot be told from columns without any.
    """
    values = np.asarray(rows, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2:
        raise _problem("rows", f"{values.ndim} axes", "readers by columns")
    if not np.isfinite(values).all():
        raise _problem(
            "rows", f"NaN or infinity in row {int(np.argmin(np.isfinite(values).all(axis=1)))}", "finite numbers"
        )
    return Totals(np.asarray(float(len(values))), values.sum(axis=0), values.T @ values, cubes_of(values))


def cubes_of(rows: Array) -> Array:
    """Sums over float64[readers, columns] of the products of any three columns: float64[columns, columns, columns]."""
    columns = [(rows * rows[:, at, None]).T @ rows for at in range(rows.shape[1])]
    cubes: Array = np.stack(columns) if columns else np.zeros((0, 0, 0))
    return cubes


def accumulated(batches: Totals) -> Totals:
    """Looks from batches: totals of the readers who came between two looks, summed along the last leading axis.

    For readers whose values are final when they are counted. Values that go on growing are summed anew at every look.
    """
    return Totals(
        batches.readers.cumsum(axis=-1),
        batches.sums.cumsum(axis=-2),
        batches.products.cumsum(axis=-3),
        None if batches.cubes is None else batches.cubes.cumsum(axis=-4),
    )


def stacked(looks: Sequence[Totals]) -> Totals:
    """Totals at several looks in one, the looks being a new axis after those there are; cubes where all have them."""
    if not looks:
        raise _problem("looks", "none", "at least one")
    cubes = [look.cubes for look in looks if look.cubes is not None]
    return Totals(
        np.stack([look.readers for look in looks], axis=-1),
        np.stack([look.sums for look in looks], axis=-2),
        np.stack([look.products for look in looks], axis=-3),
        np.stack(cubes, axis=-4) if len(cubes) == len(looks) else None,
    )


def _problem(where: str, found: str, expected: str) -> InvalidInputError:
    return InvalidInputError(Problem(where=where, found=found, expected=expected))
