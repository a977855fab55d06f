"""Which plots there are, and what their scales leave room for."""

from __future__ import annotations

import msgspec

from bandi.experiments.report.charts import effect_chart, funnel_chart, novelty_chart
from bandi.experiments.result import AgeLift, Interval

replace = msgspec.structs.replace


def test_a_wild_first_look_does_not_flatten_the_rest(result):
    lift = result.metrics[0].lifts["bold"]
    wild = replace(lift, plain=replace(lift.plain, estimates=[40.0, *lift.plain.estimates[1:]]))
    calm, tamed = (effect_chart(result, "ctr", "bold", each) for each in (lift, wild))
    assert calm is not None and tamed is not None
    assert "+8 %" in calm.svg and "+8 %" in tamed.svg
    assert "+6.1 %" in calm.svg  # said for those who do not see it


def test_there_is_no_plot_of_nothing(result, empty):
    unknown = Interval(None, None, None, 1.0)
    assert effect_chart(empty, "ctr", "bold", empty.metrics[0].lifts["bold"]) is None
    assert novelty_chart("control", "ctr", "bold", [AgeLift(0, 3, unknown)]) is None
    assert funnel_chart(empty) is None
    nobody = [replace(step, readers=dict.fromkeys(step.readers, 0)) for step in result.funnel]
    assert funnel_chart(replace(result, funnel=nobody)) is None


def test_the_control_leads_each_step_of_the_funnel(result):
    chart = funnel_chart(replace(result, variants=["bold", "calm", "control"]))
    assert chart is not None
    assert chart.svg.count('class="bar control"') == 5
    assert chart.svg.index(">control<") < chart.svg.index(">bold<")


def test_one_day_since_first_exposure_is_one_point(result):
    chart = novelty_chart("control", "ctr", "bold", result.by_exposure_day["bold"][:1])
    assert chart is not None
    assert chart.svg.count("<circle") == 1
