"""What a service knows of the readers of a world: age and gender of some, skewed by what group of taste they belong to.

Nothing in a world depends on age or gender: they follow from the group, so they describe clusters and explain nothing.
"""

from __future__ import annotations

import numpy as np

from bandi.evaluation.worlds.parameters import Readers
from bandi.model.catalog import User
from bandi.model.records import Array

YOUNGEST, OLDEST = 14, 49
_AGE_SPREAD = 5.0


def accounts(group_of: Array, readers: Readers, random: np.random.Generator) -> list[User]:
    """A user `r<number>` for each reader; group_of: int64[readers]. Those without an account have no fields."""
    women = 0.5 + readers.skew * random.uniform(-0.5, 0.5, readers.groups)
    middle = (YOUNGEST + OLDEST) / 2
    centres = middle + readers.skew * (random.uniform(YOUNGEST + 4, OLDEST - 4, readers.groups) - middle)
    spread = _AGE_SPREAD * readers.skew + (1.0 - readers.skew) * (OLDEST - YOUNGEST) / 4
    count = len(group_of)
    described = random.random(count) < readers.described
    female = random.random(count) < women[group_of]
    ages = np.clip(np.rint(random.normal(centres[group_of], spread)), YOUNGEST, OLDEST).astype(int)
    return [
        User(id=f"r{reader}", fields={"age": age, "gender": "f" if woman else "m"} if known else {})
        for reader, (known, woman, age) in enumerate(
            zip(described.tolist(), female.tolist(), ages.tolist(), strict=True)
        )
    ]
