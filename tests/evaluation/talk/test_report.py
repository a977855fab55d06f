"""The whole report in a tiny size, and the words it chooses."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bandi.evaluation.intervals import Interval
from bandi.evaluation.talk import tables
from bandi.evaluation.talk.earnings import bound_section, frontier_section, presets_section
from bandi.evaluation.talk.failures import experiments_section
from bandi.evaluation.talk.frozen import SECTIONS, Frozen
from bandi.evaluation.talk.plots import draw_plots
from bandi.evaluation.talk.program import make_program, read_findings
from bandi.evaluation.talk.record import Run
from bandi.evaluation.talk.report import PLOTS, Findings, write_report
from bandi.evaluation.talk.runs import RunStore, perform
from bandi.evaluation.worlds.funnel.parameters import preset_file


@pytest.fixture(scope="module")
def findings(tiny: Frozen, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    files = {name: preset_file(name) for name in tiny.worlds}
    program = make_program(tiny, SECTIONS, files, tiny.worlds, tiny.quick)
    store = RunStore(tmp_path_factory.mktemp("runs"))
    perform(program.tasks, store)
    return read_findings(program, store, "bandi simulate talk --tiny")


def test_the_report_has_all_sections_and_plots(findings: Findings, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plots = draw_plots(findings, tmp_path / "talk")
    text = write_report(findings, tmp_path, plots).read_text()
    for section in SECTIONS:
        svg = (tmp_path / "talk" / f"{PLOTS[section][0]}.svg").read_text()
        assert svg.rstrip().endswith("</svg>")
        assert f"(talk/{PLOTS[section][0]}.svg)" in text
    assert "| missing | not run: nobody has written it |" in text
    assert "| all titles start alike | " in text
    assert "bandi simulate talk --tiny" in text
    assert "nan" not in text.replace("finance", "")
    assert "CTR given up" in (tmp_path / "talk" / "frontier.svg").read_text()
    assert draw_plots(findings, tmp_path / "again")["bound"].read_bytes() == plots["bound"].read_bytes()


def test_without_plots_there_are_tables_alone(findings: Findings, tmp_path: Path) -> None:
    text = write_report(findings._replace(sections=("bound",)), tmp_path, {}).read_text()
    assert "svg" not in text
    assert "## 5." in text
    assert "## 1." not in text


def test_signs_that_do_not_come_out_are_said(made_up: Callable[..., Run], tiny: Frozen) -> None:
    def runs(clicks: float, payers: float) -> list[Run]:
        return [made_up(clicks + seed, 50, 40, payers + seed, seed) for seed in (1, 2, 3)]

    found = {arm.name: runs(300, 300) for arm in tiny.arms} | {
        "reward_coins": runs(300, 360),
        "retention": runs(330, 300),
    }
    text = "\n".join(experiments_section(found, tiny))
    assert "1: reward = coins. paid conversion rose, **not** as the talk says (fell): +19.9 %" in text
    assert "2: conditional bandit. paid conversion cannot be told from no change, as the talk says" in text
    assert "3: retention score. clicks rose, as the talk says: +9.9 %" in text


def test_the_moonshot_is_said_as_it_came_out(made_up: Callable[..., Run], tiny: Frozen) -> None:
    def runs(clicks: float, coins: float) -> list[Run]:
        return [made_up(clicks, coins + wobble) for wobble in (0.0, 0.01, 0.02)]

    found = {arm.name: runs(100, 50) for arm in tiny.arms}
    found |= {"dial 0.05": runs(95, 60), "dial 0.35": runs(92, 61)}
    found |= {"dial told of titles 0.05": runs(90, 90), "dial told of readers 0.05": runs(98, 60)}
    for resolution, gain in (("reader", 40), ("population", 12)):
        found |= {f"oracle by {resolution} 0": runs(200, 100), f"oracle by {resolution} 0.2": runs(190, 100 + gain)}
        found |= {f"oracle by {resolution} 20": runs(60, 101 + gain)}
    text = "\n".join(frontier_section(found, tiny))
    assert "- Oracle by reader, beside its own best list for clicks: 2% given up: **not** reached (50.0 %" in text
    assert "- Oracle by population, beside its own best list for clicks: 2% given up: reached (166.7 %" in text
    assert "10% given up: a path ends before" in text
    assert "| what a start of each title brings | +16.0 %" in text
    assert "| each reader's purchasing power | +20.0 %" in text
    assert "| 10% | not reached in 3 of 3 worlds |" in text
    assert (
        "**not** above zero everywhere: w at 10% (not reached in 3 of 3 worlds)."
        in presets_section({"w": found}, tiny)[-1]
    )
    near = msgspec.structs.replace(tiny, shares=(0.02,))
    assert presets_section({"w": found}, near)[-1].startswith("In each of the 1 worlds")


def test_the_bound_is_a_row(tiny: Frozen) -> None:
    rows = {"a": [{"plays": [10, 60], "regret": [1.0, 2.0]}, {"plays": [10, 60], "regret": [1.0, 4.0]}]}
    text = "\n".join(bound_section(tiny.bound, rows))
    assert "| a | 3 (-9.71 to 15.7) |" in text
    assert "| bound | 156 |" in text


def test_figures_as_text() -> None:
    assert tables.share(Interval(0.1234, 0.1, 0.15)) == "12.3 % (10.0 to 15.0)"
    assert tables.change(Interval(0.01, -float("inf"), float("inf"))) == "+1.0 % (no bounds)"
    assert tables.change(None) == "not reached"
    assert tables.number(Interval(float("nan"), 0, 0)) == "not defined"
