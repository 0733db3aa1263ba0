"""Which model `auto` means in a data set: decided once for a contrast and voxel size, by the first program that needs to know.

Over the time of a study the scans of one person are compared with each other; another model at each visit would look like a change.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..image.grid import Grid
from ..image.replacement import check_place, replacing
from .derivative import LOGS

FOLDER = "models"


@dataclass(frozen=True)
class Choice:
    """One decision.

    Args:
        suffix: contrast of the scans that it is about.
        voxels: their size, in mm, the finest first, such as `1x1x5`.
        model: its name.
        reason: a sentence.
        scans: places of those that were looked at.
        asked: target and acquisition that were asked for; empty where none was.
    """

    suffix: str
    voxels: str
    model: str
    reason: str
    scans: tuple[str, ...] = ()
    asked: str = ""


def voxels_of(grid: Grid) -> str:
    """The voxel size as a text, whatever the axes' order: to the hundredth of a millimeter, the finest first.

    Example:
        >>> import numpy as np
        >>> voxels_of(Grid((4, 4, 4), np.diag([5, 0.9375, 0.9375, 1])))
        '0.94x0.94x5'
    """
    return "x".join(f"{round(size, 2):g}" for size in sorted(grid.spacing))


class Choices:
    """The decisions in an output folder.

    Args:
        output: its root.
        asked: target and acquisition that are asked for, as a text: another wish is another decision.
    """

    def __init__(self, output: Path, asked: str = "") -> None:
        self._folder, self._asked = output / LOGS / FOLDER, asked
        self._known: dict[tuple[str, str], Choice] = {}

    def find(self, suffix: str, voxels: str) -> Choice | None:
        """What was decided; None if nothing was."""
        key = suffix, voxels
        if key not in self._known and (choice := _read(self._path(suffix, voxels))) is not None:
            self._known[key] = choice
        return self._known.get(key)

    def decide(self, choice: Choice) -> Choice:
        """Keep a decision, unless another program was quicker: what is kept then."""
        path = self._path(choice.suffix, choice.voxels)
        check_place(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _put(path, choice)
        return _read(path) or choice

    def all(self) -> Iterator[Choice]:
        """Every decision there is."""
        for path in sorted(self._folder.glob("*.json")):
            if (choice := _read(path)) is not None:
                yield choice

    def _path(self, suffix: str, voxels: str) -> Path:
        mark = f"_{hashlib.sha256(self._asked.encode()).hexdigest()[:8]}" if self._asked else ""
        return self._folder / f"{suffix}_{voxels}{mark}.json"


def _put(path: Path, choice: Choice) -> None:
    """Write a decision whole, or not at all if there is one.

    Raises:
        FileExistsError: there is.
    """
    text = json.dumps(asdict(choice), indent=1) + "\n"
    own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with replacing(own) as partial:
        partial.write_text(text, encoding="utf-8")
    try:
        os.link(own, path)  # which, unlike a renaming, takes no other file's place
    except FileExistsError:
        raise
    except OSError:  # disks without links
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    finally:
        own.unlink(missing_ok=True)


def _read(path: Path) -> Choice | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Choice(**{**data, "scans": tuple(data.get("scans", ()))})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
