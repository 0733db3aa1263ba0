"""Two small filters, as `scipy.ndimage` has them: on any device, and without an import that takes longer than to judge a small scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, beside, namespace

TRUNCATE = 4.0
"""Standard deviations beyond which a Gaussian's weights are left out."""


def smoothed(volume: Array, sigma: Sequence[float]) -> Array:
    """A volume under a Gaussian, the end voxels repeated beyond the field.

    Args:
        volume: (i, j, k), NumPy's or a tensor.
        sigma: standard deviation along each axis, in voxels; 0 leaves the axis alone.

    Example:
        >>> float(smoothed(np.ones((4, 4, 4), np.float32), (1, 1, 1)).std()) < 1e-6
        True
    """
    xp = namespace(volume)
    for axis, width in enumerate(sigma):
        if int(TRUNCATE * width + 0.5) > 0:
            rows = beside(smoothing_rows(volume.shape[axis], width), volume)
            volume = xp.moveaxis(xp.tensordot(rows, volume, ([1], [axis])), 0, axis)
    return volume


def weight(sigma: float) -> float:
    """What is left, along one axis, of the standard deviation of white noise under a Gaussian of `sigma` voxels.

    Example:
        >>> weight(0.0), round(weight(1.0), 2)
        (1.0, 0.53)
    """
    reach = int(TRUNCATE * sigma + 0.5)
    return float(np.linalg.norm(smoothing_rows(2 * reach + 1, sigma)[reach]))


def greatest(volume: Array) -> Array:
    """The greatest value of each voxel and its 26 neighbors; (i, j, k), NumPy's or a tensor."""
    xp = namespace(volume)
    for axis, n in enumerate(volume.shape):
        lines = xp.moveaxis(volume, axis, 0)
        most = xp.maximum(lines, lines)  # a copy, by a name that both libraries have
        if n > 1:
            xp.maximum(most[1:], lines[:-1], out=most[1:])
            xp.maximum(most[:-1], lines[1:], out=most[:-1])
        volume = xp.moveaxis(most, 0, axis)
    return volume


def smoothing_rows(n: int, sigma: float) -> NDArray[np.float32]:
    """The weights of n voxels in each of them under a Gaussian of `sigma` voxels, (n, n)."""
    if int(TRUNCATE * sigma + 0.5) == 0:
        return np.eye(n, dtype=np.float32)
    reach = int(TRUNCATE * sigma + 0.5)
    taps = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (taps / sigma) ** 2)
    rows = np.zeros((n, n))
    voxel = np.arange(n)[:, None]
    np.add.at(rows, (voxel, np.clip(voxel + taps, 0, n - 1)), weights / weights.sum())
    return rows.astype(np.float32)
