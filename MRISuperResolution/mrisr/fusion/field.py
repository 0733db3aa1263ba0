"""What the result covers, along the axes of the reference; and which scans see each voxel of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.grid import Grid, Target
from ..physics.resampling import Transform
from .settings import Field


def target_of(
    grids: list[Grid], transforms: list[Transform], reference: int, target: Target | None, field: Field
) -> Grid:
    """The grid of the result.

    Args:
        grids: of the scans.
        transforms: from where their headers place them to where they lie.
        reference: number of the scan whose axes are kept.
        target: the voxels asked for; None for isotropic ones as fine as the finest of all scans.
        field: what is covered.

    Raises:
        InputError: the scans have nothing in common, though that is asked for, or the target is coarser than the reference.
    """
    first = grids[reference]
    if target is None:
        finest = min(s for grid in grids for s, n in zip(grid.spacing, grid.shape, strict=True) if n > 1)
        target = Target.spacing([min(s, finest) for s in first.spacing])
    whole = target.grid(first)
    if field == "reference":
        return whole
    boxes = [_box_in(whole, grid, transform) for grid, transform in zip(grids, transforms, strict=True)]
    low, high = (np.array([box[end] for box in boxes]) for end in (0, 1))
    outer = field == "union"
    start = np.ceil((low.min(axis=0) if outer else low.max(axis=0)) + 0.49).astype(int)
    stop = np.floor((high.max(axis=0) if outer else high.min(axis=0)) - 0.49).astype(int) + 1
    if (stop - start < 2).any():
        raise InputError(
            "The scans have no common field of view; ask for the field of the reference or of all."
        )
    return whole.cropped(start.tolist(), stop.tolist())


def covered_share(target: Grid, grid: Grid, transform: Transform) -> float:
    """The share of the target's volume that lies within a scan's field of view."""
    return float(covering(target.resampled([min(1.0, 32 / n) for n in target.shape]), grid, transform).mean())


def covering(target: Grid, grid: Grid, transform: Transform) -> NDArray[np.bool_]:
    """Which voxels of the target lie within a scan's field of view; (i, j, k)."""
    to_scan = np.linalg.inv(grid.affine) @ np.linalg.inv(transform) @ target.affine
    inside = np.ones(target.shape, dtype=bool)
    i, j, k = (np.arange(n, dtype=np.float32) for n in target.shape)
    for axis, n in enumerate(grid.shape):
        a, b, c, d = to_scan[axis]
        place = (a * i + d)[:, None, None] + (b * j)[:, None] + c * k
        inside &= (place >= -0.501) & (place <= n - 0.499)
    return inside


def _box_in(
    target: Grid, grid: Grid, transform: Transform
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The smallest box around a scan's field of view, in the target's voxels: its outer borders."""
    ends = np.array([(-0.5, n - 0.5) for n in grid.shape])
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3)
    to_target = np.linalg.inv(target.affine) @ transform @ grid.affine
    placed = corners @ to_target[:3, :3].T + to_target[:3, 3]
    return placed.min(axis=0), placed.max(axis=0)
