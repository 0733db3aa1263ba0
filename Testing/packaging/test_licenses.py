"""The page of licenses names every package and every scan, and says of packages what they say themselves."""

import fnmatch
import importlib.metadata
import json
import re
import tomllib
from email.message import Message
from pathlib import Path

import pytest

import licenses
from mrisr.models.card import PACKAGED

ROOT = Path(__file__).resolve().parents[2]
PAGE = licenses.PAGE.read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def listed():
    """The packages of the page with what it says: extras and license."""
    part = PAGE.partition(licenses.BEGIN)[2].partition(licenses.END)[0]
    rows = [line.strip("|").split(" | ") for line in part.splitlines() if line.startswith("| ")][1:]
    return {
        re.sub(r"^\s*\[(.+?)\].*", r"\1", first).strip(): (when, license_.strip())
        for first, when, license_ in rows
    }


def test_every_package_that_pyproject_names_is_on_the_page_with_its_license():
    wanted = licenses.wanted(PROJECT)
    found = listed()
    assert set(found) == set(wanted), "run `python Testing/licenses.py --write`"
    for name, (when, license_) in found.items():
        assert when.replace("`", "").split(", ") == wanted[name]
        assert re.fullmatch(r"[\w.+-]+(?: (?:AND|OR|WITH) [\w.+-]+)*", license_), (name, license_)


def test_what_is_installed_says_the_same():
    """Versions differ between computers, and what packages say of themselves becomes more exact: the family is compared."""
    for name, (_when, license_) in listed().items():
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        said = licenses.license_of(metadata, licenses._license_file(name))
        assert said.partition("-")[0].partition(" ")[0] in license_, name


@pytest.mark.parametrize(
    ("said", "text", "expected"),
    [
        ({"License-Expression": "MIT", "License": "whatever"}, "", "MIT"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "Neither the name of", "BSD-3-Clause"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "Redistributions", "BSD-2-Clause"),
        ({"License": "Apache 2.0"}, "", "Apache-2.0"),
        ({"License": "Own words\nand many more"}, "", "Own words"),
        ({}, "", ""),
    ],
)
def test_a_license_is_told_from_what_a_package_says(said, text, expected):
    metadata = Message()
    for key, value in said.items():
        metadata[key] = value
    assert licenses.license_of(metadata, text) == expected


def test_what_the_page_says_of_a_package_that_is_not_installed_stays():
    project = {
        "name": "us",
        "dependencies": ["us[x]", "no-such-package>=1"],
        "optional-dependencies": {"x": []},
    }
    page = "| [no-such-package](https://x.org) | `old` | ISC |"
    assert licenses.rows(project, page) == ["| [no-such-package](https://x.org) | always | ISC |"]


def test_every_scan_that_a_card_names_has_a_license():
    patterns = set(re.findall(r"`([\w*-]+)`", PAGE))
    names = set()
    for path in PACKAGED.glob("*/card.json"):
        card = json.loads(path.read_text(encoding="utf-8"))
        calibration = card.get("calibration") or {}
        for several in (
            card.get("training", {}).get("scans", []),
            card.get("verdict", {}).get("scans", []),
            calibration.get("fitted_on", []),
            calibration.get("measured_on", []),
        ):
            names |= {name.split()[-1] for name in several}
    assert len(names) > 40
    assert [name for name in sorted(names) if not any(fnmatch.fnmatch(name, each) for each in patterns)] == []


def test_what_cards_were_trained_on_was_published_under_licenses_that_allow_it():
    allowed = {"CC0", "PDDL-1.0", "CC-BY", "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"}
    data = PAGE.partition("## Scans that models")[2].partition("## Packages")[0]
    rows = [
        line.strip("|").split(" | ")
        for line in data.splitlines()
        if line.startswith("| ") and "---" not in line
    ]
    assert {cells[1].strip() for cells in rows if cells[1].strip() != "license"} <= allowed
