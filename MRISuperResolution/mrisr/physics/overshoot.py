"""What a result adds beyond the range of the scan around a place: rims at borders of tissues, for the most part."""

from __future__ import annotations

from ..image.arrays import Array, namespace
from ..image.filters import greatest
from ..image.grid import Grid
from .interpolation import interpolate


def restrained(estimate: Array, measured: Array, grid: Grid, target: Grid, kept: float) -> Array:
    """An estimate that leaves the scan's range around a place less far.

    The range is that of a voxel of the scan and its 26 neighbors, linearly interpolated. The truth may leave it, where something is
    thinner than a slice; a network that takes a scan for softer than it was made leaves it at every border.

    Args:
        estimate: (i, j, k) on the target grid, an array of NumPy's or a tensor.
        measured: the scan on its own grid, in the same units.
        grid: the scan's.
        target: the estimate's.
        kept: the share that stays of what lies beyond, 0 to 1.

    Example:
        >>> import numpy as np
        >>> grid, peak = Grid((3, 3, 3), np.eye(4)), np.full((3, 3, 3), 8, np.float32)
        >>> float(restrained(peak, np.ones((3, 3, 3), np.float32), grid, grid, 0.5)[1, 1, 1])
        4.5
    """
    if kept >= 1:
        return estimate
    high = interpolate(greatest(measured), grid, target, "linear")
    estimate = estimate - _share(estimate - high, 1 - kept)
    low = interpolate(-greatest(-measured), grid, target, "linear")
    estimate += _share(low - estimate, 1 - kept)
    return estimate


def _share(beyond: Array, share: float) -> Array:
    """So much of what is positive, in its own place."""
    namespace(beyond).clip(beyond, 0, None, out=beyond)
    beyond *= share
    return beyond
