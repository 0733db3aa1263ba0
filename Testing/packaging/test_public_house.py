"""What a public repository says of itself: citation, changes, security, forms. All of it agrees, and leads somewhere."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CMAKE = dict(
    re.findall(r'set\(EXTENSION_(\w+) "([^"]*)"\)', (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
)
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def loaded(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_citation_says_what_the_project_says():
    citation = loaded("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["authors"] == [{"name": CMAKE["CONTRIBUTORS"]}]
    assert citation["authors"][0]["name"] in (ROOT / "LICENSE.txt").read_text(encoding="utf-8")
    assert citation["url"] == citation["repository-code"] == CMAKE["HOMEPAGE"]
    assert set(citation["keywords"]) == set(PROJECT["keywords"])
    assert {"message", "title", "type", "abstract"} <= set(citation)


def changes():
    """The versions of the changelog with their days and the kinds of changes, newest first."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    parts = re.split(r"^## \[(.+?)\](?: - (\S+))?$", text, flags=re.MULTILINE)
    return [
        (version, day, re.findall("^### (.+)$", body, re.MULTILINE))
        for version, day, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    ]


def test_the_changelog_is_by_version_and_its_newest_is_the_projects():
    versions = changes()
    numbered = [(version, day) for version, day, _kinds in versions if version != "Unreleased"]
    assert numbered[0] == (PROJECT["version"], loaded("CITATION.cff")["date-released"])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for _version, day in numbered)
    assert numbered == sorted(
        numbered, key=lambda each: [int(part) for part in each[0].split(".")], reverse=True
    )
    for _version, _day, kinds in versions:
        assert set(kinds) <= KINDS
        assert len(kinds) == len(set(kinds))


def test_each_version_of_the_changelog_leads_to_its_release():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for version, _day, _kinds in changes():
        tag = f"{CMAKE['HOMEPAGE']}/releases/tag/v{version}"
        assert version == "Unreleased" or f"[{version}]: {tag}\n" in text


@pytest.mark.parametrize(
    "path", [path for path in FORMS if path.name != "config.yml"], ids=lambda path: path.stem
)
def test_a_form_can_be_filled_in(path):
    """By GitHub's rules for issue forms: https://docs.github.com/en/communities (syntax for issue forms)."""
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (
        {"name", "description", "body"}
        <= set(form)
        <= {"name", "description", "body", "labels", "title", "assignees"}
    )
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields
    ids = [field["id"] for field in fields]
    assert len(ids) == len(set(ids))
    for field in fields:
        assert field["type"] in ("textarea", "input", "dropdown", "checkboxes")
        assert field["attributes"]["label"]
        options = field["attributes"].get("options", [])
        assert (field["type"] == "dropdown") == bool(options)
        assert all(isinstance(option, str) for option in options)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_the_form_of_a_trouble_asks_that_no_scan_of_a_patient_be_attached():
    assert "Never attach a patient's scan" in str(loaded(".github/ISSUE_TEMPLATE/trouble.yml"))


def test_what_is_private_has_one_address_everywhere():
    address = f"{CMAKE['HOMEPAGE']}/security/advisories/new"
    for path in ("SECURITY.md", "CODE_OF_CONDUCT.md", ".github/ISSUE_TEMPLATE/config.yml"):
        assert address in (ROOT / path).read_text(encoding="utf-8")


def test_no_text_of_the_house_has_a_gap_to_be_filled():
    texts = [
        "CITATION.cff",
        "SECURITY.md",
        "CODE_OF_CONDUCT.md",
        "CHANGELOG.md",
        "docs/licenses.md",
        ".github/PULL_REQUEST_TEMPLATE.md",
    ]
    gaps = re.compile(
        r"\[(?:INSERT|YOUR|NAME|EMAIL)|example\.(?:com|org)|TODO|TBD|lorem ipsum", re.IGNORECASE
    )
    assert [name for name in texts if gaps.search((ROOT / name).read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.stem
)
def test_a_workflow_may_read_only_and_ends_in_time(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 60, name
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])
    for file in re.findall(r"Testing/[\w/]+\.py", text):
        assert (ROOT / file).is_file(), file


def test_windows_and_macos_need_no_make():
    job = loaded(".github/workflows/tests.yml")["jobs"]["systems"]
    assert set(job["strategy"]["matrix"]["os"]) == {"windows-latest", "macos-latest"}
    said = " ".join(step.get("run", "") for step in job["steps"])
    assert "make" not in said.split()
    assert "test-engine" in PROJECT["optional-dependencies"]
    assert '".[test-engine]"' in said
