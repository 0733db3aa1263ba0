"""A part of a scan: the box that is read, with a margin, and the part of the result that is handed out."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..image.grid import Grid
from ..image.volume import Volume
from .settings import Region

REGION_MARGIN = 8
"""Voxels of the scan around a region that are enhanced along with it, so that its border is as good as its middle."""


Voxel = tuple[int, int, int]


def box_in(volume: Volume, region: Region) -> tuple[Voxel, Voxel]:
    """The region with all its ends, or `InputError` if it does not lie in the scan."""
    start, (i, j, k) = (
        region[0],
        (n if end is None else end for end, n in zip(region[1], volume.shape, strict=True)),
    )
    stop = (i, j, k)
    inside = all(0 <= a < b <= n for a, b, n in zip(start, stop, volume.shape, strict=True))
    if not inside:
        raise InputError(
            f"The region {start} to {stop} does not lie in the scan ({'x'.join(map(str, volume.shape))} voxels)."
        )
    return start, stop


def with_margin(volume: Volume, region: Region | None) -> Volume:
    """The scan, or its box around a region."""
    if region is None:
        return volume
    start, stop = box_in(volume, region)
    i, j, k = (max(0, a - REGION_MARGIN) for a in start)
    after = [min(n, b + REGION_MARGIN) for b, n in zip(stop, volume.shape, strict=True)]
    return volume.cropped((i, j, k), (after[0], after[1], after[2]))


def cut(result: Volume, region: Grid) -> Volume:
    """The part of `result` whose voxels' centres lie in the field of view of `region`.

    Raises:
        InputError: none do.
    """
    box = []
    for positions, factor, n in zip(
        result.grid.axis_positions(region), region.factor_to(result.grid), result.shape, strict=True
    ):
        begin, end = positions[0] - factor / 2, positions[-1] + factor / 2
        box.append((max(0, int(np.ceil(begin - 1e-6))), min(n, int(np.ceil(end - 1e-6)))))
    if any(first >= last for first, last in box):
        raise InputError("The region and the target grid do not overlap; choose a region inside the target.")
    (i0, i1), (j0, j1), (k0, k1) = box
    return result.cropped((i0, j0, k0), (i1, j1, k1))
