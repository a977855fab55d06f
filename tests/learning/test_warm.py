"""After `warm`, no request waits for the compiler."""

import subprocess
import sys

SCRIPT = """
import numpy as np
from bandi.catalog import _shown_kernel
from bandi.catalog.items import Items
from bandi.learning import (
    _attribution_kernel, _encounter_kernels, _journey_facts, _journey_kernels, _journey_worth, _table_kernels, duplicates, payers
)
from bandi.learning.attribution import Attribution, PlacementRule
from bandi.learning.duplicates import SeenEvents
from bandi.learning.encounters import Encounters
from bandi.learning.journeys import Journeys, LaterObjective, PlacementSteps
from bandi.learning.payers import Payers
from bandi.learning.warm import warm
from bandi.model.records import EVENT, Events, Stretch

modules = (
    _attribution_kernel, _encounter_kernels, _journey_facts, _journey_kernels, _journey_worth, _shown_kernel, _table_kernels,
    duplicates, payers,
)
kernels = [value for module in modules for value in vars(module).values() if hasattr(value, "signatures")]
warm()
before = [len(kernel.signatures) for kernel in kernels]
rows = np.zeros(2_000, EVENT)
rows["kind"], rows["request"] = 1, np.arange(2_000, dtype=np.uint64) * 1_024 + (1 << 44)
attribution = Attribution([PlacementRule(0, "reported", 2, 1_000)], 900)
made = attribution.fold(Stretch(0, 2_000, Events(np.arange(2_000), rows)))
again = Attribution([PlacementRule(0, "reported", 2, 1_000)], 900)
again.load(attribution.dump())
seen = SeenEvents(900)
seen.add(rows["request"], rows["request"])
again_seen = SeenEvents(900)
again_seen.load(seen.dump())
assert again_seen.duplicates(rows["request"][-900:], rows["request"][-900:]).all()
rows["user"], rows["item"], rows["kind"] = np.arange(2_000) % 7, np.arange(2_000), 3
met = Encounters()
met.fold(rows)
again_met = Encounters()
again_met.load(met.dump())
again_met.forget(3)
Items().candidates(5)
journeys = Journeys([LaterObjective("read", 3, 1, 1)], [PlacementSteps(0, ("read",))], 900)
journeys.fold(rows)
again_journeys = Journeys([LaterObjective("read", 3, 1, 1)], [PlacementSteps(0, ("read",))], 900)
again_journeys.load(journeys.dump())
Payers().fold(rows)
print(len(kernels), made[0].trials.sum(), before == [len(kernel.signatures) for kernel in kernels])
"""


def test_nothing_is_compiled_after_warming() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    kernels, trials, warmed = result.stdout.split()
    assert int(kernels) >= 10
    assert (float(trials), warmed) == (2_000, "True")
