"""Results cut to their last looks."""

import msgspec
import pytest

from bandi.experiments.report.recent import with_last_looks
from bandi.experiments.report.verdicts import verdicts_of


@pytest.mark.parametrize("looks", [1, 5, 28, 1_000])
def test_the_newest_looks_stay_and_the_verdicts_with_them(result, looks):
    lift = result.metrics[0].lifts["bold"]
    result.metrics[0].lifts["bold"] = msgspec.structs.replace(lift, adjusted=lift.plain)
    cut = with_last_looks(result, looks)
    kept = min(looks, 28)
    assert cut.looks_ms == result.looks_ms[-kept:]
    first = cut.metrics[0]
    assert first.variants[1].estimates == result.metrics[0].variants[1].estimates[-kept:]
    assert first.lifts["bold"].adjusted == first.lifts["bold"].plain
    assert len(first.lifts["bold"].plain.p_values) == kept
    assert [v.outcome for v in verdicts_of(cut)] == [v.outcome for v in verdicts_of(result)]
