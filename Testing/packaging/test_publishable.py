"""The rules of the Extensions Index hold for what is committed, and each notices what it is about."""

import json
import subprocess
from types import SimpleNamespace

import pytest

import index_rules
import publishable
from index_rules import Entry, Fault

ICON = "https://raw.githubusercontent.com/House/SlicerThing/main/icon.png"
DESCRIPTION = {
    "$schema": index_rules.SCHEMA_URL + "#",
    "build_dependencies": ["PyTorch"],
    "build_subdirectory": ".",
    "category": "Filtering",
    "scm_revision": "main",
    "scm_url": "https://github.com/House/SlicerThing.git",
    "tier": 3,
}
CMAKE = f"""
project(Thing)
set(EXTENSION_ICONURL "{ICON}")
set(EXTENSION_SCREENSHOTURLS "{ICON} {ICON.replace("icon", "screen")}")
set(EXTENSION_DEPENDS "PyTorch")
"""


@pytest.fixture
def entry(tmp_path):
    """A small extension with which nothing is wrong."""
    (tmp_path / "Thing.json").write_text(json.dumps(DESCRIPTION, indent=2))
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    for name in ("icon.png", "screen.png"):
        (tmp_path / name).write_bytes(index_rules.PICTURES[0] + b"rest")
    (tmp_path / "LICENSE.txt").write_text("MIT")
    (tmp_path / ".git").mkdir()
    return Entry(tmp_path / "Thing.json", tmp_path)


def described(**changes):
    """Changes the description; None takes a key away."""

    def change(entry):
        data = {key: value for key, value in (DESCRIPTION | changes).items() if value is not None}
        entry.description.write_text(json.dumps(data))
        return entry

    return change


def cmake(old, new):
    def change(entry):
        assert old in CMAKE
        (entry.clone / "CMakeLists.txt").write_text(CMAKE.replace(old, new))
        return entry

    return change


def without(name):
    def change(entry):
        (entry.clone / name).unlink()
        return entry

    return change


def written(name, content):
    def change(entry):
        (entry.clone / name).write_bytes(content)
        return entry

    return change


def sparse(entry):
    """A file below `.git` that is larger than all that may be there, and takes no room."""
    with (entry.clone / ".git" / "pack").open("wb") as file:
        file.truncate(index_rules.MOST_MB * index_rules.MB)
    return entry


def renamed(entry):
    return Entry(entry.description.rename(entry.clone / "SlicerThing.json"), entry.clone)


BROKEN = [
    ("check_size", "more than 95 MB", sparse),
    ("check_schema", "scm_url is missing", described(scm_url=None)),
    ("check_schema", "homepage is no key", described(homepage="https://x.org")),
    ("check_schema", "tier must not be 2", described(tier=2)),
    ("check_schema", "tier must not be True", described(tier=True)),
    ("check_schema", "enabled must not be 'yes'", described(enabled="yes")),
    ("check_schema", "must be names", described(build_dependencies=[1])),
    ("check_schema", "is not https://raw", described(**{"$schema": "https://x.org/schema.json"})),
    ("check_schema", "no JSON", written("Thing.json", b"{")),
    ("check_schema", "no JSON object", written("Thing.json", b"[]")),
    ("check_line_ends", "other than LF", written("Thing.json", b"{\r\n}")),
    ("check_extension_name", "must not start with Slicer", renamed),
    ("check_category", "no category", described(category="Super-resolution")),
    ("check_repository_name", "must start with Slicer", described(scm_url="https://github.com/House/Thing.git")),
    ("check_url", "must start with https", described(scm_url="git@github.com:House/SlicerThing.git")),
    ("check_url", "must start with https", described(scm_url="http://github.com/House/SlicerThing.git")),
    ("check_project", "must be called Thing", cmake("project(Thing)", "project(Other)")),
    ("check_project", "no CMakeLists.txt", without("CMakeLists.txt")),
    ("check_pictures", "does not set EXTENSION_ICONURL", cmake("EXTENSION_ICONURL", "ICONURL")),
    ("check_pictures", "no file of the published branch", without("screen.png")),
    ("check_pictures", "no file of the published branch", cmake("main/icon", "master/icon")),
    ("check_pictures", "no PNG", written("icon.png", b"<svg/>")),
    ("check_license", "none of LICENSE", without("LICENSE.txt")),
    ("check_dependencies", "differ", cmake('DEPENDS "PyTorch"', 'DEPENDS ""')),
]  # fmt: skip


def test_nothing_is_wrong_with_a_sound_extension_and_the_report_says_so(entry, capsys):
    assert [fault for _name, fault in index_rules.faults(entry) if fault] == []
    assert publishable.report(entry) == 0
    said = capsys.readouterr().out
    assert "FAIL" not in said
    assert "3d-slicer-extension" in said


@pytest.mark.parametrize(("rule", "says", "broken"), BROKEN)
def test_each_rule_notices_what_it_is_about(entry, rule, says, broken, capsys):
    entry = broken(entry)
    with pytest.raises(Fault, match=says):
        getattr(index_rules, rule)(entry)
    assert publishable.report(entry, (getattr(index_rules, rule),)) == 1
    assert f"FAIL {rule}" in capsys.readouterr().out


def test_every_rule_is_broken_by_an_example():
    assert {rule for rule, _says, _broken in BROKEN} == {rule.__name__ for rule in index_rules.RULES}


def git(folder, *arguments):
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_what_is_published_is_one_commit_with_the_files_of_the_last_one(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "pyproject.toml").write_text('version = "1.2.3"\n')
    (root / "heavy").write_bytes(bytes(range(256)) * 4)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "First")
    (root / "heavy").unlink()
    (root / "light").write_text("light")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Second")
    (root / "uncommitted").write_text("")
    before = git(root, "count-objects", "-v")
    clone = publishable.squashed(root, tmp_path)
    assert git(clone, "log", "--format=%s %an").splitlines() == ["MRISuperResolution 1.2.3 A"]
    assert sorted(path.name for path in clone.iterdir()) == [".git", "light", "pyproject.toml"]
    assert "heavy" not in git(clone, "rev-list", "--all", "--objects")
    assert git(root, "count-objects", "-v") == before
    assert index_rules.weight(clone) > index_rules.weight(clone / ".git") + len("light")


THE_INDEX = """
requests = None
class ExtensionCheckError(RuntimeError): pass
def check_repository_size(name, metadata, cloned_repository_folder): pass
def check_json_file_format(name, metadata, extension_file_path): open(extension_file_path).close()
def check_license_file(name, metadata, cloned_repository_folder): pass
def check_cmakelists_content(name, metadata, cloned_repository_folder):
    for picture in ("icon", "nothing"):
        try:
            requests.get("https://raw.githubusercontent.com/House/SlicerThing/main/" + picture + ".png").raise_for_status()
        except requests.RequestException as error:
            raise ExtensionCheckError(str(error))
def check_category(name, metadata):
    if metadata["category"] == "Filtering": raise ExtensionCheckError("out of\\nfashion")
check_json_schema = check_extension_name = check_git_repository_name = check_scm_url_syntax = lambda name, metadata: None
"""


def test_the_functions_of_the_index_are_asked_with_its_requests_answered_from_the_clone(entry, tmp_path):
    script = tmp_path / "index" / "scripts" / "check_description_files.py"
    script.parent.mkdir(parents=True)
    script.write_text(THE_INDEX)
    rules = index_rules.by_the_index(tmp_path / "index", SimpleNamespace(RequestException=OSError))
    found = dict(index_rules.faults(entry, rules))
    assert {name: fault for name, fault in found.items() if fault} == {
        "Index: check_category": "out of fashion",
        "Index: check_cmakelists_content": "404: https://raw.githubusercontent.com/House/SlicerThing/main/nothing.png",
    }
    assert len(rules) == 9
    with pytest.raises(SystemExit, match="is not there"):
        index_rules.by_the_index(tmp_path / "elsewhere")


def test_what_is_committed_can_be_published(capsys):
    assert publishable.main([]) == 0, capsys.readouterr().out
