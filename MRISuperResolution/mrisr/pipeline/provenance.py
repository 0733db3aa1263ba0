"""What made a result: enough to make it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ..compute.device import Compute
from ..errors import FileError
from ..image.files import replacing, stem_of
from ..models.card import Card

STATEMENT = "Research use only. Enhanced detail is estimated, not measured."

LIBRARIES = ("numpy", "scipy", "torch", "nibabel", "SimpleITK")


def describe(card: Card, settings: dict[str, Any], compute: Compute | None, seconds: float) -> dict[str, Any]:
    """The record of a run: model, settings, device, versions and time, ready for JSON."""
    return {
        "statement": STATEMENT,
        "model": card.name,
        "model_version": card.version,
        "weights_sha256": card.sha256,
        **settings,
        "device": "cpu" if compute is None else compute.device,
        "precision": "fp32" if compute is None else compute.precision,
        "seconds": round(seconds, 3),
        **made_by(),
    }


def made_by() -> dict[str, Any]:
    """When, and by which software."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "software": {"mrisr": version(), "python": platform.python_version(), **_versions()},
    }


def version() -> str:
    """The version of this package: of the installed one, or `source` in a checkout and inside Slicer."""
    try:
        return metadata.version("mrisr")
    except metadata.PackageNotFoundError:
        return "source"


def sidecar_of(path: Path) -> Path:
    """The JSON file beside a result: `scan.nii.gz` has `scan.json`."""
    return path.with_name(stem_of(path) + ".json")


def write_sidecar(path: Path, provenance: dict[str, Any]) -> None:
    """Write the record beside the result at `path`."""
    with recorded(path, provenance):
        pass


@contextmanager
def recorded(path: Path, provenance: dict[str, Any]) -> Iterator[None]:
    """Write the record beside the result at `path`, but give it its name only once the block has succeeded."""
    with replacing(sidecar_of(path)) as partial:
        partial.write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")
        yield


def check_sidecar(path: Path) -> None:
    """Raise `FileError` if the record's place beside `path` is taken by a file that is no such record."""
    sidecar = sidecar_of(path)
    if not sidecar.exists():
        return
    try:
        ours = "statement" in json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        ours = False
    if not ours:
        raise FileError(
            f"{sidecar} is not a record of this software and would be replaced; choose another name for the output."
        )


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name.lower()] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
