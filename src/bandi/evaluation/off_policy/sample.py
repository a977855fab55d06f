"""What the estimators look at: a logged decision's importance weight, its reward, and what models predict of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Prediction:
    """A reward model q at each row, float64[n] each.

    shown: q(x_i, a_i), of what was logged; expected: sum over a of pi_e(a | x_i) q(x_i, a), of the evaluated policy.
    """

    shown: Array
    expected: Array


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a log, float64[n] each.

    weights: w_i = pi_e(a_i | x_i) / p_i, at least 0; rewards: r_i; prediction: of a model of the rewards; robust: of one fitted
    to make the doubly robust estimate vary least (MRDR).
    """

    weights: Array
    rewards: Array
    prediction: Prediction
    robust: Prediction

    def __len__(self) -> int:
        return len(self.weights)

    def rows(self, first: int, last: int) -> Sample:
        """A view of rows `first` to before `last`."""
        part = slice(first, last)
        return Sample(
            self.weights[part],
            self.rewards[part],
            Prediction(self.prediction.shown[part], self.prediction.expected[part]),
            Prediction(self.robust.shown[part], self.robust.expected[part]),
        )

    def check(self) -> None:
        """Raises InvalidInputError for no rows, arrays of other lengths, values that are not finite, or negative weights."""
        columns = {
            "weights": self.weights,
            "rewards": self.rewards,
            "predicted rewards": self.prediction.shown,
            "expected rewards": self.prediction.expected,
            "predicted rewards (robust)": self.robust.shown,
            "expected rewards (robust)": self.robust.expected,
        }
        if not len(self.weights):
            raise InvalidInputError(Problem("decisions", "no rows", "at least one logged decision"))
        problems = []
        for name, column in columns.items():
            if column.shape != self.weights.shape:
                expected = f"{len(self.weights)} values, one for each row"
                problems.append(Problem(name, f"shape {list(column.shape)}", expected))
            elif not np.isfinite(column.sum()):
                row = int(np.argmin(np.isfinite(column)))
                problems.append(Problem(f"{name}, row {row}", str(column[row]), "a finite number"))
        if self.weights.min() < 0:
            row = int(self.weights.argmin())
            problems.append(Problem(f"weights, row {row}", str(self.weights[row]), "a number of at least 0"))
        if problems:
            raise InvalidInputError(problems)
