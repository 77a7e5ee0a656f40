"""The operators' cookbook says what the program does."""

import re
from pathlib import Path

import pytest

from archivecolor.archive.plan_action import MAX_ATTEMPTS, RETRIED_A_FEW_TIMES, RETRIED_ALWAYS
from archivecolor.errors import ExitCode, Reason
from archivecolor.recipe import load_recipe
from archivecolor.settings import DirSettings, fields_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operators.md").read_text()
DONE_OR_SKIPPED = {
    *("coloured", "copied", "linked", "grey", "carried"),
    *("already-colour", "toned", "tinted", "bilevel", "by-hand", "rejected", "no-derivative"),
}


def table(title):
    """Cells of the rows of the table whose first column has this title."""
    lines = PAGE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {title} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_every_exit_code_is_explained_once():
    codes = [int(row[0]) for row in table("code")]
    assert codes == sorted(int(code) for code in ExitCode)
    assert all(meaning and way_on for _, meaning, way_on in table("code"))


def test_readme_agrees_on_the_codes():
    rows = re.findall(r"^\| (\d[\d, ]*) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    codes = {int(code) for row in rows for code in row.split(",")}
    assert codes == {int(code) for code in ExitCode}


def test_every_reason_to_fail_is_explained_once():
    rows = {row[0]: row[2] for row in table("reason")}
    words = [word for cell in rows for word in re.findall(r"`([a-z-]+)`", cell)]
    assert sorted(words) == sorted({reason.value for reason in Reason} - DONE_OR_SKIPPED)
    again = {cell: set(re.findall(r"`([a-z-]+)`", cell)) for cell in rows}
    assert {word.value for word in RETRIED_ALWAYS} in again.values()
    assert {word.value for word in RETRIED_A_FEW_TIMES} in again.values()
    assert MAX_ATTEMPTS == 3


def test_the_keys_it_tells_of_are_options():
    names = {spec.name for spec in fields_of(DirSettings)}
    assert {re.sub("`", "", row[0]) for row in table("key")} <= names


@pytest.mark.parametrize("path", re.findall(r"`((?:pipelines|benchmarks)/[\w./-]+)`", PAGE))
def test_the_files_it_names_are_there(path):
    assert (ROOT / path).exists()


def test_the_links_in_it_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


def test_its_own_recipe_is_the_shipped_one():
    values = load_recipe(ROOT / "pipelines" / "photos-nightly.toml").values
    told = {re.sub("`", "", row[0]) for row in table("key")}
    assert told - {"max_failures"} <= values.keys()
