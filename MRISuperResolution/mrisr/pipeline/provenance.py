"""What made a result: enough to make it again."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from ..compute.device import Compute
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


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name.lower()] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
