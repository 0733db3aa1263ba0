"""What the sidecars (`.json`) of a BIDS data set tell of a scan: one beside it, and those in the folders above that tell of many."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from .bids_name import BidsName
from .files import stem_of

DESCRIPTION = "dataset_description.json"
"""Stands at the root of a data set."""

DEEPEST = 8
"""So many folders above a scan are looked into; BIDS has three between a scan and the root."""


def metadata_of(path: Path) -> dict[str, Any]:
    """What is said of a scan: by the sidecar beside it and, inside a BIDS data set, by those above it of the same suffix whose entities
    are all the scan's; the nearer one goes first. Empty where nothing is said. What cannot be read says nothing.

    Args:
        path: of the scan's file.
    """
    beside = path.with_name(stem_of(path) + ".json")
    name = BidsName.of(path)
    root = None if name is None else root_of(path)
    if name is None or root is None:
        return _read(beside)
    found: dict[str, Any] = {}
    for folder in reversed(list(_folders(path, root))):
        for sidecar in _sidecars(folder, name):
            found |= _read(folder / sidecar)
    return found


def root_of(path: Path) -> Path | None:
    """The folder of the data set in which a file lies; None if it lies in none."""
    above = path.absolute().parents[:DEEPEST]
    return next((folder for folder in above if (folder / DESCRIPTION).is_file()), None)


def _folders(path: Path, root: Path) -> Iterator[Path]:
    """From the file's folder up to the root."""
    for folder in path.absolute().parents:
        yield folder
        if folder == root:
            return


def _sidecars(folder: Path, name: BidsName) -> list[str]:
    """The sidecars in a folder that tell of a scan of this name, the more general first."""
    named = [(other, BidsName.of(other)) for other in _listed(str(folder), folder.stat().st_mtime_ns)]
    fitting = [
        (len(parts.entities), text) for text, parts in named if parts is not None and parts.applies_to(name)
    ]
    return [text for _, text in sorted(fitting)]


@lru_cache(maxsize=64)
def _listed(folder: str, _changed: int) -> tuple[str, ...]:
    """The sidecars in a folder that was last changed then: a root of thousands of subjects is not listed anew for each scan."""
    with os.scandir(folder) as entries:
        return tuple(entry.name for entry in entries if entry.name.endswith(".json"))


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return dict(data) if isinstance(data, Mapping) else {}
