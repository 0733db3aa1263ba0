"""What made a result: enough to make it again."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from .card import Card
from .device import Compute
from .files import replacing, stem_of

STATEMENT = "Research use only. Enhanced detail is estimated, not measured."

LIBRARIES = ("numpy", "scipy", "torch", "monai", "nibabel", "SimpleITK")


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
    with replacing(sidecar_of(path)) as partial:
        partial.write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name.lower()] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
