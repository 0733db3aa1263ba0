"""What a header announces, against what its file can hold and this computer's memory: small files have announced terabytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ..errors import FileError, InputError
from .memory import free_memory

MAX_VOXELS = 2**31
"""A header that announces more voxels is broken, or its scan fits no machine this package is for."""

DEFLATED = 1032
"""Compressed by deflate nothing becomes smaller by more than this factor."""

NEEDED = 2
"""So many times its voxels a scan takes while it is read."""


def check_announced(
    path: Path, shape: Sequence[int], itemsize: int, held: int | None, *, packed: int = 1
) -> int:
    """The bytes of voxels that a header announces, before any memory is asked for.

    Args:
        path: of the file, for sentences.
        shape: the voxels announced along each axis.
        itemsize: bytes of a voxel.
        held: bytes of the file that may be voxels; None if that cannot be told.
        packed: by so much compression can have made them smaller, as `DEFLATED`; 1 where they are not compressed.

    Raises:
        InputError: they are beyond reason, or do not fit into the free memory.
        FileError: the file is too short.
    """
    voxels = math.prod(int(n) for n in shape)
    if voxels > MAX_VOXELS:
        raise InputError(
            f"The header announces {'x'.join(map(str, shape))} voxels, beyond reason; it may be damaged."
        )
    announced = voxels * itemsize
    if held is not None and announced > held * packed:
        raise FileError(
            f"{path.name} cannot be read: its header announces {_size(announced)} of voxels and the file holds {_size(held)}; it was cut "
            "short or is damaged, so copy or export it again."
        )
    free = free_memory()
    if free is not None and NEEDED * announced > free:
        raise InputError(
            f"{path.name} holds {_size(announced)} of voxels, which do not fit into the free memory ({_size(free)}); crop it, or use a "
            "machine with more."
        )
    return announced


def _size(count: float) -> str:
    """Bytes, for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
