"""What stands around the package says the same as the package: workflows, forms, versions, release check."""

import ast
import re
import runpy
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT_TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PROJECT_TEXT)["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read_yaml(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps_of(workflow):
    return [step for job in read_yaml(workflow)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_type_the_targets_of_make_and_name_actions_by_their_digest(workflow):
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
    typed = [step["run"].split() for step in steps_of(workflow) if step.get("run", "").startswith("make ")]
    assert typed
    assert {words[1] for words in typed} <= targets
    used = [step["uses"] for step in steps_of(workflow) if "uses" in step]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used)


def test_every_python_that_the_package_promises_is_tested():
    tested = read_yaml(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    promised = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert tested["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert {row["versions"]: row["python"] for row in tested["include"]} == {
        "lowest": promised[0],
        "newest": promised[-1],
    }


def test_only_the_publishing_job_has_a_right_and_no_job_a_secret():
    for workflow in WORKFLOWS:
        content = read_yaml(workflow)
        assert content["permissions"] == {"contents": "read"}
        rights = {name: job["permissions"] for name, job in content["jobs"].items() if "permissions" in job}
        assert rights == ({"publish": {"id-token": "write"}} if workflow.name == "release.yml" else {})
        assert "secrets." not in workflow.read_text(encoding="utf-8")


def test_the_form_for_faults_asks_for_doctor_and_the_fault_file():
    form = read_yaml(ROOT / ".github" / "ISSUE_TEMPLATE" / "fault.yml")
    asked = {part["id"]: part for part in form["body"] if "id" in part}
    for name in ("command", "doctor", "fault-file"):
        assert asked[name]["validations"]["required"]


def test_the_constraints_hold_what_is_installed_here_and_name_dependencies_alone():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    constraints = [Requirement(line) for line in lines if line and not line.startswith("#")]
    named = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    dependencies = {Requirement(text).name.lower() for texts in named for text in texts}
    assert {constraint.name.lower() for constraint in constraints} <= dependencies
    for constraint in constraints:
        if constraint.marker is None or constraint.marker.evaluate():
            assert constraint.specifier.contains(version(constraint.name)), constraint


def test_citation_names_no_version_of_its_own():
    citation = read_yaml(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["authors"] and "version" not in citation
    assert citation["license"] == PROJECT["license"]


def test_a_release_is_refused_until_everything_says_its_version():
    problems = runpy.run_path(str(ROOT / ".ci" / "release_check.py"))["problems"]
    project = 'version = "1.2.3"\n[project.urls]\n'
    closed = "## Unreleased\n\nA line.\n\n## 1.2.3, 2026-12-01\n\n- It works.\n"
    assert problems("v1.2.3", project, closed) == []
    assert "the tag is v1.2.4" in problems("v1.2.4", project, closed)[0]
    assert "no heading" in problems("v1.2.3", project, closed.replace(", 2026-12-01", ""))[0]
    assert "under Unreleased" in problems("v1.2.3", project, closed.replace("A line.", "- More."))[0]
    assert "no [project.urls]" in problems("v1.2.3", 'version = "1.2.3"\n', closed)[0]


def test_the_changelog_has_the_version_of_the_project():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(PROJECT['version'])}\b", changelog, re.MULTILINE)


@pytest.fixture(scope="module")
def package():
    """Every file of the package: its path, text and nodes."""
    paths = sorted((ROOT / "archivecolor").rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return [(path, text, list(ast.walk(ast.parse(text)))) for path, text in zip(paths, texts, strict=True)]


def test_functions_and_files_are_short(package):
    for path, text, nodes in package:
        assert text.count("\n") <= 400, path
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < 45, f"{path}: {node.name}"


def test_any_is_rare_and_says_why(package):
    count = 0
    for path, text, nodes in package:
        names = [node.id for node in nodes if isinstance(node, ast.Name)]
        count += names.count("Any")
        assert "Any" not in names or re.search(r"#.* ?Any[:,] |; Any, as ", text), path
    assert count <= 90
