"""What Slicer's Extensions Index asks of an extension that is to be listed, a rule a function.

Read in `scripts/check_description_files.py` of https://github.com/Slicer/ExtensionsIndex (commit 07f1d1b, 2026-08-07), whose functions are
named, and in the schema that the description names. What only the network tells is answered from a clone, as if that were published.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

MB = 2**20
"""What the Index calls MB."""

INDEX_MB, MOST_MB = 100, 95
"""What the Index refuses beyond, and what is held here, so that a version or two have room."""

SCHEMA_URL = "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.1.json"

REQUIRED = ("$schema", "category", "scm_url")
TYPES: dict[str, Any] = {
    "$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str,
    "build_dependencies": list, "build_subdirectory": str, "enabled": bool, "tier": int,
}  # fmt: skip
CHOICES = {"tier": (1, 3, 5), "scm_type": ("git", "local")}
"""The schema, version 1.0.1: what must be there, what may be there and of which type, and what it may say."""

CATEGORIES = frozenset([
    "Analysis", "Cardiac", "Converters", "DICOM", "Developer Tools", "Diffusion", "Examples", "Exporter", "Filtering",
    "Filtering.Morphology", "Filtering.Vesselness", "IGT", "Image Synthesis", "Informatics", "Neuroimaging", "Nuclear Medicine",
    "Pipelines", "Planning", "Quantification", "Radiotherapy", "Registration", "Rendering", "Segmentation", "Sequences",
    "Shape Analysis", "Simulation", "Surface Models", "Tomographic Reconstruction", "Tractography", "Ultrasound", "Utilities",
    "Wizards",
])  # fmt: skip
"""Of `ACCEPTED_EXTENSION_CATEGORIES` those that are no product's own."""

PREFIX = "Slicer"
LICENSES = ("LICENSE", "LICENCE", "License.txt", "license.txt", "LICENSE.txt", "COPYING", "COPYING.txt")
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")

LEFT = (
    "the repository has the topic 3d-slicer-extension (`check_git_repository_topics`)",
    "scm_url and scm_revision can be cloned (`check_clone_repository`)",
)
"""What the Index asks the network for, which nobody knows before it is published."""


class Fault(Exception):
    """A rule that is broken; a sentence."""


@dataclass(frozen=True)
class Entry:
    """What is looked at.

    Args:
        description: the file for the Index, named after the extension.
        clone: the repository as the Index would clone it.
    """

    description: Path
    clone: Path

    @property
    def name(self) -> str:
        return self.description.stem

    @property
    def data(self) -> dict[str, Any]:
        try:
            data = json.loads(self.description.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Fault(f"{self.description.name} is no JSON: {error}.") from error
        if not isinstance(data, dict):
            raise Fault(f"{self.description.name} is no JSON object.")
        return data

    def setting(self, name: str) -> str:
        """What `CMakeLists.txt` sets a variable to, found as the Index finds it."""
        found = re.search(rf'set\s*\({name}\s*"([^"]+)"\s*\)', _cmake(self), re.IGNORECASE)
        if not found:
            raise Fault(f"CMakeLists.txt does not set {name}.")
        return found[1].strip()

    @property
    def web(self) -> tuple[str, str]:
        """Owner and repository on GitHub; the branch that is published."""
        path = urlsplit(self.data["scm_url"]).path.strip("/").removesuffix(".git")
        return path, str(self.data.get("scm_revision", "main"))


def _cmake(entry: Entry) -> str:
    path = entry.clone / "CMakeLists.txt"
    if not path.is_file():
        raise Fault("There is no CMakeLists.txt in the root.")
    return path.read_text(encoding="utf-8", errors="ignore")


def check_size(entry: Entry) -> None:
    """`check_repository_size`: all files of the clone, `.git` included."""
    if (size := weight(entry.clone) / MB) > MOST_MB:
        raise Fault(f"The clone weighs {size:.1f} MB, more than {MOST_MB} MB.")


def check_schema(entry: Entry) -> None:
    """`check_json_schema`, with the schema that is named."""
    data = entry.data
    if str(data.get("$schema", "")).partition("#")[0] != SCHEMA_URL:
        raise Fault(f"$schema is not {SCHEMA_URL}, which these rules were read from.")
    if missing := [key for key in REQUIRED if key not in data]:
        raise Fault(f"{', '.join(missing)} is missing.")
    for key, value in data.items():
        if key not in TYPES:
            raise Fault(f"{key} is no key of the schema.")
        if type(value) is not TYPES[key] or (key in CHOICES and value not in CHOICES[key]):
            raise Fault(f"{key} must not be {value!r}.")
    if not all(isinstance(each, str) for each in data.get("build_dependencies", [])):
        raise Fault("build_dependencies must be names.")


def check_line_ends(entry: Entry) -> None:
    """`check_json_file_format`: LF alone."""
    if b"\r" in entry.description.read_bytes():
        raise Fault(f"{entry.description.name} has line ends other than LF.")


def check_extension_name(entry: Entry) -> None:
    """`check_extension_name`."""
    if entry.name.lower().startswith(PREFIX.lower()):
        raise Fault(f"The extension's name must not start with {PREFIX}.")


def check_category(entry: Entry) -> None:
    """`check_category`."""
    if (category := entry.data.get("category")) not in CATEGORIES:
        raise Fault(f"{category!r} is no category of the Index.")


def check_repository_name(entry: Entry) -> None:
    """`check_git_repository_name`."""
    name = urlsplit(str(entry.data.get("scm_url", "")).strip().strip("/")).path.rpartition("/")[2]
    if not name.startswith(PREFIX):
        raise Fault(f"The repository's name must start with {PREFIX}; it is {name!r}.")


def check_url(entry: Entry) -> None:
    """`check_scm_url_syntax`."""
    url = str(entry.data.get("scm_url", ""))
    if "://" not in url or urlsplit(url).scheme not in ("git", "https"):
        raise Fault(f"scm_url must start with https:// or git://; it is {url!r}.")


def check_project(entry: Entry) -> None:
    """`check_cmakelists_content`: the project is called as the extension."""
    found = re.search(r"project\s*\(\s*([^\s)]+)", _cmake(entry), re.IGNORECASE)
    if not found or found[1].strip("\"'") != entry.name:
        raise Fault(f"The project in CMakeLists.txt must be called {entry.name}.")


def check_pictures(entry: Entry) -> None:
    """`check_cmakelists_content`: icon and screenshots can be had and are pictures. Here: they lie in the clone, at the published place."""
    for url in [entry.setting("EXTENSION_ICONURL"), *entry.setting("EXTENSION_SCREENSHOTURLS").split()]:
        path = published(entry, url)
        if path is None or not path.is_file():
            raise Fault(f"{url} is no file of the published branch.")
        if not path.read_bytes().startswith(PICTURES):
            raise Fault(f"{url} is no PNG, JPEG or GIF.")


def check_license(entry: Entry) -> None:
    """`check_license_file`."""
    if not any((entry.clone / name).is_file() for name in LICENSES):
        raise Fault(f"The root has none of {', '.join(LICENSES)}.")


def check_dependencies(entry: Entry) -> None:
    """The Index's form for new extensions: the description says of dependencies what `CMakeLists.txt` says."""
    said = re.search(r'set\s*\(EXTENSION_DEPENDS\s*"([^"]*)"', _cmake(entry))
    if (said[1].split() if said else []) != entry.data.get("build_dependencies", []):
        raise Fault("build_dependencies and EXTENSION_DEPENDS in CMakeLists.txt differ.")


RULES: tuple[Callable[[Entry], None], ...] = (
    check_size, check_schema, check_line_ends, check_extension_name, check_category, check_repository_name,
    check_url, check_project, check_pictures, check_license, check_dependencies,
)  # fmt: skip


def published(entry: Entry, url: str) -> Path | None:
    """The file of the clone that lies at a URL once it is published; None if it is none of the repository."""
    repository, branch = entry.web
    start = f"https://raw.githubusercontent.com/{repository}/{branch}/"
    return entry.clone / url.removeprefix(start) if url.startswith(start) else None


def weight(folder: Path) -> int:
    """Bytes of all files below a folder, as the Index counts them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def faults(entry: Entry, rules: tuple[Callable[[Entry], None], ...] = RULES) -> Iterator[tuple[str, str]]:
    """Each rule's name, with what is wrong; nothing where it holds."""
    for rule in rules:
        try:
            rule(entry)
        except Fault as fault:
            yield rule.__name__, str(fault)
        else:
            yield rule.__name__, ""


def by_the_index(index: Path, requests: Any = None) -> tuple[Callable[[Entry], None], ...]:
    """The Index's own functions that need no published repository, as rules; its requests for our pictures are answered from the clone.

    Args:
        index: a checkout of Slicer/ExtensionsIndex.
        requests: what asks the network for the rest, by default the module that the Index imports.
    """
    script = index / "scripts" / "check_description_files.py"
    spec = importlib.util.spec_from_file_location("check_description_files", script)
    if spec is None or spec.loader is None or not script.is_file():
        raise SystemExit(f"{script} is not there; name a checkout of Slicer/ExtensionsIndex.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def rule(function: Callable[..., object], **more: Callable[[Entry], object]) -> Callable[[Entry], None]:
        def check(entry: Entry) -> None:
            real = module.requests
            module.requests = _Requests(entry, requests or real)
            try:
                function(entry.name, entry.data, **{key: str(value(entry)) for key, value in more.items()})
            except module.ExtensionCheckError as error:
                raise Fault(" ".join(str(error).split())) from error
            finally:
                module.requests = real

        check.__name__ = f"Index: {function.__name__}"
        return check

    clone = {"cloned_repository_folder": lambda entry: entry.clone}
    return (
        rule(module.check_repository_size, **clone),
        rule(module.check_json_schema),
        rule(module.check_json_file_format, extension_file_path=lambda entry: entry.description),
        rule(module.check_extension_name),
        rule(module.check_category),
        rule(module.check_git_repository_name),
        rule(module.check_scm_url_syntax),
        rule(module.check_cmakelists_content, **clone),
        rule(module.check_license_file, **clone),
    )


class _Requests:
    """`requests`, for which what is to be published is published already."""

    def __init__(self, entry: Entry, real: Any) -> None:
        self._entry, self._real = entry, real
        self.RequestException = real.RequestException

    def get(self, url: str, **more: Any) -> Any:
        path = published(self._entry, url)
        if path is None:
            return self._real.get(url, **more)
        if not path.is_file():
            raise self.RequestException(f"404: {url}")
        kind = f"image/{path.suffix[1:]}" if path.read_bytes().startswith(PICTURES) else "text/plain"
        return SimpleNamespace(raise_for_status=lambda: None, headers={"Content-Type": kind})
