"""The table of dependencies in `docs/licenses.md`, made of `pyproject.toml` and of what the installed packages say of themselves.

    python Testing/licenses.py             prints it
    python Testing/licenses.py --write     puts it into the page, between its marks

Of packages that are not installed, what the page says of them stays.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import sys
import tomllib
from email.message import Message
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licenses.md"
BEGIN, END = "<!-- dependencies: Testing/licenses.py --write -->", "<!-- /dependencies -->"

ALWAYS = "always"
"""What `pyproject.toml` calls `dependencies`."""

NAMES = {
    "Apache Software License": "Apache-2.0",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
    "LicenseRef-MPICH": "MPICH",
}
"""What packages call licenses, and what SPDX does."""

BSD = ("BSD License", "BSD")
THIRD_CLAUSE = re.compile(r"Neither\s+the\s+names?\s+of|may\s+be\s+used\s+to\s+endorse", re.IGNORECASE)
"""What the license of three clauses says and that of two does not."""

SITES = ("homepage", "source", "repository", "documentation")


def wanted(project: dict[str, Any]) -> dict[str, list[str]]:
    """The packages that are named in `pyproject.toml`, each with the extras that name it."""
    extras = {ALWAYS: project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, list[str]] = {}
    for extra, requirements in extras.items():
        for requirement in requirements:
            name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
            if name != project["name"]:
                found.setdefault(name, []).append(extra)
    return found


def license_of(metadata: Message, text: str = "") -> str:
    """What a package says of its license, in SPDX's words where these can be told.

    Args:
        metadata: of the package.
        text: its license file, by which the two of BSD are told apart.
    """
    classifiers = [each for each in metadata.get_all("Classifier") or [] if each.startswith("License :: ")]
    said = [
        metadata.get("License-Expression"),
        *(each.rpartition(" :: ")[2] for each in classifiers),
        metadata.get("License"),
    ]
    first = next((each.strip() for each in said if each and each.strip() != "OSI Approved"), "")
    line = first.splitlines()[0] if first else ""
    if line in BSD:
        return "BSD-3-Clause" if THIRD_CLAUSE.search(text) else "BSD-2-Clause"
    return NAMES.get(line, line)


def _license_file(name: str) -> str:
    files = importlib.metadata.files(name) or []
    found = [Path(str(file.locate())) for file in files if file.stem.upper().startswith("LICENSE")]
    return next((path.read_text(encoding="utf-8", errors="replace") for path in found if path.is_file()), "")


def site_of(metadata: Message) -> str:
    """Where a package's project is found."""
    named = [entry.partition(", ")[::2] for entry in metadata.get_all("Project-URL") or []]
    sites = {label.lower(): url for label, url in named}
    return next((sites[each] for each in SITES if each in sites), metadata.get("Home-page") or "")


def rows(project: dict[str, Any], page: str) -> list[str]:
    """A row of the table for each package."""
    known = dict(re.findall(r"^\| \[?([\w.-]+)\]?.*?(\| .+)$", page, re.MULTILINE))
    lines = []
    for name, extras in sorted(wanted(project).items(), key=lambda item: item[0].lower()):
        when = ", ".join(extra if extra == ALWAYS else f"`{extra}`" for extra in extras)
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            license_ = known[name].split("|")[-2].strip() if name in known else "not installed here"
            site = next(iter(re.findall(rf"^\| \[{re.escape(name)}\]\((\S+)\)", page, re.MULTILINE)), "")
        else:
            license_, site = license_of(metadata, _license_file(name)), site_of(metadata)
        lines.append(f"| {f'[{name}]({site})' if site else name} | {when} | {license_} |")
    return lines


def table(project: dict[str, Any], page: str) -> str:
    """The table, in Markdown."""
    return "\n".join(["| package | needed | license |", "|---|---|---|", *rows(project, page)])


def main(arguments: list[str] | None = None) -> int:
    """Print the table, or write it; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="into the page")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = PAGE.read_text(encoding="utf-8")
    made = table(project, page)
    if not parser.parse_args(arguments).write:
        print(made)
        return 0
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
