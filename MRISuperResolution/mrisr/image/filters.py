"""Two small filters, as `scipy.ndimage` has them: to import that takes longer than to judge a small scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

TRUNCATE = 4.0
"""Standard deviations beyond which a Gaussian's weights are left out."""


def smoothed(volume: Array, sigma: Sequence[float]) -> Array:
    """A volume under a Gaussian, the end voxels repeated beyond the field.

    Args:
        volume: (i, j, k).
        sigma: standard deviation along each axis, in voxels; 0 leaves the axis alone.

    Example:
        >>> float(smoothed(np.ones((4, 4, 4), np.float32), (1, 1, 1)).std()) < 1e-6
        True
    """
    for axis, width in enumerate(sigma):
        radius = int(TRUNCATE * width + 0.5)
        if radius > 0:
            weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / width) ** 2)
            views = _shifted(volume, axis, radius)
            # A Gaussian is even: two views share a weight, and a multiplication.
            total = views[radius] * np.float32(weights[radius] / weights.sum())
            for reach in range(1, radius + 1):
                pair = views[radius - reach] + views[radius + reach]
                pair *= np.float32(weights[radius + reach] / weights.sum())
                total += pair
            volume = total
    return volume


def greatest(volume: Array) -> Array:
    """The greatest value of each voxel and its 26 neighbors; (i, j, k)."""
    for axis in range(volume.ndim):
        before, here, after = _shifted(volume, axis, 1)
        volume = np.maximum(np.maximum(before, here), after)
    return volume


def _shifted(volume: Array, axis: int, radius: int) -> list[Array]:
    """Views of a volume shifted along an axis by -radius to radius voxels, the end voxels repeated."""
    padding = [(radius, radius) if a == axis else (0, 0) for a in range(volume.ndim)]
    wide, n = np.pad(volume, padding, mode="edge"), volume.shape[axis]
    front = (slice(None),) * axis
    return [wide[(*front, slice(shift, shift + n))] for shift in range(2 * radius + 1)]
