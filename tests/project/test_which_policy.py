"""docs/policies/which.md: its snippets are configuration, every policy is in it, and its figures stand on the pages it names."""

import re
import typing
from pathlib import Path

import pytest

from bandi.model.config_text import parse_config
from bandi.model.policy_config import PolicyConfig

PAGE = Path(__file__).resolve().parents[2] / "docs" / "policies" / "which.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("|") and "`" in line and " = " in line
]
EXAMPLE = re.search(r"```toml\n(.*?)```", TEXT, re.S)
assert EXAMPLE is not None
OBJECTIVES = EXAMPLE[1][EXAMPLE[1].index("[objectives.click]") :]
SNIPPETS = [next(iter(re.findall(r"`([^`]+ = [^`]+)`", row[1]))) for row in ROWS]
LINK = re.compile(r"\(([^()\s]+\.md)(#[^()\s]+)?\)")


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_example_is_a_configuration() -> None:
    assert EXAMPLE is not None
    assert parse_config(EXAMPLE[1]).placements["home"].seen is not None


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_is_configuration_of_a_placement(snippet: str) -> None:
    parse_config(f"[placements.home]\n{snippet}\n{OBJECTIVES}")


def test_every_policy_has_a_row() -> None:
    policies = {str(config.__struct_config__.tag) for config in typing.get_args(PolicyConfig)}
    without = {"lin_ucb"}  # named in the row of lin_ts
    assert policies - without == {
        use for snippet in SNIPPETS for use in re.findall(r'policy = \{ use = "(\w+)"', snippet)
    }


def test_links_lead_somewhere_and_the_page_is_short() -> None:
    assert len(TEXT.splitlines()) < 80
    for path, anchor in LINK.findall(TEXT):
        page = PAGE.parent / path
        assert page.is_file(), path
        assert not anchor or anchor in anchors(page), (path, anchor)


@pytest.mark.parametrize("row", ROWS, ids=SNIPPETS)
def test_figures_stand_on_the_page_that_the_row_names(row: list[str]) -> None:
    pages = "".join((PAGE.parent / path).read_text(encoding="utf-8") for path, _ in LINK.findall(" ".join(row)))
    measured = re.sub(r"`[^`]*`", "", " ".join(row[2:]))  # not what is configured
    figures = re.findall(r"[+-]?\d+\.\d+(?= (?:to|%|µs|clicks|instead|lost|points)|[,;):])|\d+ µs", measured)
    missing = [figure for figure in figures if figure not in pages.replace("−", "-")]
    assert not missing
