"""Logs of experiments: whose decisions are a placement's, and that a variant's own policy comes out as what was logged."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bandi.engine.engine import Engine
from bandi.engine.opening import open_folder
from bandi.evaluation.own_log.evaluating import evaluate_own_log
from bandi.evaluation.own_log.places import list_of, with_policy
from bandi.evaluation.own_log.sampling import sample_decisions
from bandi.log.sqlite import open_log_read_only
from bandi.model.config_text import parse_config
from bandi.model.errors import InvalidInputError
from bandi.model.experiment_changes import Conclude, Start
from bandi.model.policy_config import PolicyConfig

from .conftest import logged, policy, visit_and_click

THOMPSON, GREEDY, LIN_TS = (policy(f'{{ use = "{name}" }}') for name in ("thompson", "epsilon_greedy", "lin_ts"))
PLACES = """
[placements.home]
k = 3
[placements.side]
k = 3
[objectives.click]
event = "click"
window = "500ms"
[layers.all]
[experiments.bold]
placement = "home"
layer = "all"
owner = "kim"
[experiments.bold.variants.control]
weight = 0.5
"""
OWN = PLACES + '[experiments.bold.variants.treatment]\nweight = 0.5\npolicy = { use = "ucb1" }\n'
OWN_THOMPSON = OWN.replace("ucb1", "thompson")
SHARED = OWN.replace("weight = 0.5\n", 'weight = 0.5\nstatistics = "shared"\n')
SHARED_THOMPSON = SHARED.replace("ucb1", "thompson")
OTHER = PLACES + '[experiments.bold.variants.treatment]\nweight = 0.5\nuse_placement = "side"\n'


def shop(folder: Path, text: str, visits: int = 80) -> tuple[Path, dict[str, int]]:
    """Visits to home and side in turn; the experiment starts after the tenth. And how many lists of each variant there were."""
    counts: dict[str, int] = {}

    def visit(engine: Engine, i: int) -> None:
        if i == 10:
            engine.experiments.change("bold", Start(who="kim", why="now"))
        ranking = visit_and_click(engine, f"u{i}", "side" if i % 2 else "home")
        name = ranking.variant or ranking.placement
        counts[name] = counts.get(name, 0) + 1

    folder = logged(folder, text, visit, visits)
    return folder, counts


def reopened(folder: Path) -> Engine:
    """A day later."""
    return Engine(open_folder(folder, lambda: 1_700_086_400_000), lambda: 1_700_086_400_000)


@pytest.mark.parametrize("text", [OWN, SHARED, OTHER])
@pytest.mark.parametrize("evaluated", [THOMPSON, GREEDY, LIN_TS])
def test_all_lists_of_a_placement_are_evaluable_whatever_experiment_they_were_part_of(
    tmp_path: Path, text: str, evaluated: PolicyConfig
) -> None:
    folder, counts = shop(tmp_path / "s", text)
    assert min(counts["home"], counts["bold.control"], counts["bold.treatment"]) >= 5
    home, treatment, side = (
        evaluate_own_log(folder, name, [evaluated], draws=20) for name in ("home", "bold.treatment", "side")
    )
    assert (home.found, home.of_variants) == (40, counts["bold.control"] + counts["bold.treatment"])
    assert (treatment.found, side.found) == (counts["bold.treatment"], 40)
    assert side.elsewhere == (counts["bold.treatment"] if text is OTHER else 0)
    for report in (home, treatment, side):
        assert report.left.differs == 0
        assert len(report.rows.readers) + report.young == report.found


@pytest.mark.parametrize("text", [OWN_THOMPSON, SHARED_THOMPSON, OTHER])
@pytest.mark.parametrize("name", ["bold.control", "bold.treatment"])
def test_the_policy_that_a_variant_has_comes_out_as_what_was_logged(tmp_path: Path, text: str, name: str) -> None:
    """Thompson sampling on the arms that served: both probabilities are means over 2,000 draws, equal but for their noise.

    Arms that had learned from other lists would give others: t0 and t1 are clicked, the rest never.
    """
    folder, _ = shop(tmp_path / "s", text)
    rows = evaluate_own_log(folder, name, [THOMPSON], draws=2_000).rows
    assert len(rows) > 30
    assert np.abs(rows.probabilities[0] - rows.propensities).max() < 0.05
    assert rows.propensities.max() - rows.propensities.min() > 0.2


def test_a_placements_own_policy_has_learned_what_its_own_arms_learned(tmp_path: Path) -> None:
    """Lists of the placement itself, between those of variants with arms of their own, are as probable as they were."""
    folder, counts = shop(tmp_path / "s", OWN.replace('owner = "kim"', 'owner = "kim"\nbuckets = [0.0, 0.5]'))
    rows = evaluate_own_log(folder, "home", [THOMPSON], draws=2_000).rows
    sample = sample_decisions(open_log_read_only(folder).read(), "home", 1_000, 1)
    served = sample.decisions.headers["policy"][rows.lists]
    own = served == served[0]
    assert own.sum() > 40
    assert counts["bold.treatment"] > 5
    assert np.abs(rows.probabilities[0] - rows.propensities)[own].max() < 0.05


def test_titles_that_a_variant_never_shows_are_missing_in_its_lists(tmp_path: Path) -> None:
    """Of readers with something read, whose variant leaves that out while the placement shows it again."""
    text = SHARED_THOMPSON.replace("treatment]\n", 'treatment]\nexclude = ["read"]\n')

    def visit(engine: Engine, i: int) -> None:
        if i == 0:
            engine.experiments.change("bold", Start(who="kim", why="now"))
        visit_and_click(engine, f"u{i % 10}")

    folder = logged(tmp_path / "s", text, visit, 60)
    assert evaluate_own_log(folder, "home", [THOMPSON], draws=50).rows.missing.max() > 0.2
    assert evaluate_own_log(folder, "bold.treatment", [THOMPSON], draws=50).rows.missing.max() == 0.0


def test_experiments_that_are_over_and_gone_from_the_file_stay_lists_of_their_placement(tmp_path: Path) -> None:
    folder, counts = shop(tmp_path / "s", OWN)
    with reopened(folder) as engine:
        engine.experiments.change("bold", Conclude(winner="control", who="kim", why="done"))
    (folder / "bandi.toml").write_text(PLACES[: PLACES.index("[layers.all]")])
    with reopened(folder) as engine:
        engine.recommend("later")
    report = evaluate_own_log(folder, "home", [THOMPSON], draws=20)
    assert (report.found, report.of_variants) == (41, counts["bold.control"] + counts["bold.treatment"])
    assert report.left.differs == 0
    with pytest.raises(InvalidInputError, match="one of bandi"):
        evaluate_own_log(folder, "bold.treatment", [THOMPSON])


def test_only_the_evaluated_place_differs() -> None:
    own, shared, other = (parse_config(text, "test") for text in (OWN, SHARED, OTHER))
    changed = with_policy(own, "home", GREEDY)
    assert changed.placements["home"].policy == GREEDY
    assert (changed.experiments, changed.placements["side"]) == ({}, own.placements["side"])
    changed = with_policy(own, "bold.treatment", GREEDY)
    assert changed.placements == own.placements
    assert list_of(changed, "bold.treatment").policy == GREEDY
    assert list_of(changed, "bold.control").policy == own.placements["home"].policy
    changed = with_policy(shared, "bold.treatment", LIN_TS)
    assert (changed.placements["home"].policy, changed.experiments) == (LIN_TS, {})
    changed = with_policy(other, "bold.treatment", LIN_TS)
    assert (changed.placements["side"].policy, changed.placements["home"]) == (LIN_TS, other.placements["home"])
    assert with_policy(own, "bold.none", GREEDY) is own
    with pytest.raises(InvalidInputError, match="the log's own"):
        with_policy(own, "bold.treatment", msgspec.structs.replace(GREEDY, objective="love"))


def test_other_names_are_told_what_there_is() -> None:
    config = parse_config(OWN, "test")
    assert list_of(config, "bold.treatment").policy.__struct_config__.tag == "ucb1"
    for name in ("nowhere", "bold", "bold.none", "home.treatment"):
        with pytest.raises(InvalidInputError, match=r"home, side, bold\.control, bold\.treatment"):
            list_of(config, name)
