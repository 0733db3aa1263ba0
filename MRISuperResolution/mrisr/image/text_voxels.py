"""Where the text headers of NRRD and MetaImage files say that their voxels lie, and how many bytes there are.

Their readers print a number into whatever pattern a header holds, and take memory that nothing was read into for voxels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import FileError

LIST = re.compile(r"LIST\b", re.IGNORECASE)

NUMBERED = re.compile(
    r"([^%]*%(?:0?\d\d?)?d[^%]*?)(?:\s+(-?\d{1,9})\s+(-?\d{1,9})\s+(-?\d{1,9})(?:\s+\d)?)?\s*"
)
"""A pattern, and the first number, the last one and the step."""


class VoxelsError(ValueError):
    """What cannot be a place of voxels, as the middle of a sentence."""


def bytes_of(path: Path, data: str, listed: Sequence[str], shape: Sequence[int]) -> int:
    """The bytes of all the files that hold the voxels.

    Args:
        path: of the header.
        data: what it says of them.
        listed: its lines behind that, for lists.
        shape: the sizes of all axes.

    Raises:
        FileError: one is missing.
        VoxelsError: it names none.
    """
    total = 0
    for name in _names(data, listed, shape):
        file = path.parent / name
        if not file.is_file():
            raise FileError(f"{path.name} has its voxels in {name}, which is missing; put it beside it.")
        total += file.stat().st_size
    return total


def _names(data: str, listed: Sequence[str], shape: Sequence[int]) -> list[str]:
    if LIST.match(data):
        names = [line.strip() for line in listed if line.strip()]
    elif "%" in data:
        names = _numbered(data, shape)
    else:
        names = [data] if data else []
    if not names:
        raise VoxelsError("it names no file with voxels")
    return names


def _numbered(data: str, shape: Sequence[int]) -> list[str]:
    found = NUMBERED.fullmatch(data)
    if found is None:
        raise VoxelsError(f"{data[:40]!r} numbers no files")
    first, last, step = (int(word) for word in found.groups()[1:]) if found[2] else (1, shape[-1], 1)
    numbers = range(first, last + (1 if step > 0 else -1), step) if step else range(0)
    if len(numbers) > math.prod(shape):
        raise VoxelsError(f"it names {len(numbers)} files")
    return [found[1] % number for number in numbers]
