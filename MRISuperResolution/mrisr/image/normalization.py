"""The scale on which models work, and its exact inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array

PERCENTILE = 99.9
"""Where a scan's brightness is measured: the few voxels above are vessels and artifacts."""


RAISED = 0.1
"""Air brighter than this part of the 99.9th percentile is air all the same if the border of the field of view is full of it."""

AIR = (0.08, 0.3)
"""It spreads over so much of the range above it, and fills at least so much of the border."""

FLAT = 0.9
"""A scan whose darkest is brighter than this part of its brightest has a number added to it, whatever its border holds."""

COARSE = 2.0**11
"""So many times its range above 0, a scan is too far away for single precision."""


@dataclass(frozen=True)
class Normalization:
    """x ↦ (x − offset) / scale: 0 is air, 1 the scan's 99.9th percentile; nothing is clipped, so the inverse is exact.

    Args:
        offset: the brightness of air, see `air_level`.
        scale: in the scan's units, positive.
    """

    offset: float
    scale: float

    @classmethod
    def of(cls, array: NDArray[Any]) -> Normalization:
        """The normalization of a scan; of a constant one, scale 1."""
        offset = air_level(array)
        # A few million voxels fix the percentile to the last digit that matters.
        step = max(1, round((array.size / 4e6) ** (1 / 3)))
        scale = float(np.percentile(array[::step, ::step, ::step], PERCENTILE)) - offset
        if scale <= 0:
            scale = float(array.max()) - offset
        return cls(offset, scale if scale > 0 and np.isfinite(scale) else 1.0)

    def apply(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """`array` on the models' scale."""
        # Single precision would lose what such types are chosen for before the offset is gone.
        if array.dtype.itemsize > 4 or self.coarse:
            return np.asarray((array.astype(np.float64) - self.offset) / self.scale, dtype=np.float32)
        return np.asarray((array.astype(np.float32) - np.float32(self.offset)) / np.float32(self.scale))

    @property
    def coarse(self) -> bool:
        """Whether single precision would round the scan's own values."""
        return abs(self.offset) > COARSE * self.scale

    def invert(self, array: Array) -> Array:
        """`array`, NumPy's or a tensor, back in the scan's units."""
        return array * self.scale + self.offset


def air_level(array: NDArray[Any], known: NDArray[np.bool_] | None = None) -> float:
    """The brightness of air: 0 in magnitude images, the darkest value where that is negative, and more where a number was added to all.

    Args:
        array: (i, j, k), a scan.
        known: which of its voxels count; None for all.

    Example:
        >>> head = np.pad(np.full((8, 8, 8), 500.0), 4)
        >>> air_level(head), air_level(head + 1000), air_level(head - 1000)
        (0.0, 1000.0, -1000.0)
    """
    values = array if known is None else array[known]
    least = float(values.min())
    if least < 0:
        return least
    edge = _border(array) if known is None else array[known & ~_inside(known)]
    low = float(np.percentile(edge, 1)) if edge.size else 0.0
    top = _percentile(values)
    if not RAISED * top < low < top:
        return 0.0
    full = float((edge <= low + AIR[0] * (top - low)).mean())
    return low if full >= AIR[1] or least > FLAT * top else 0.0


def _inside(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voxels that lie between others of these along all axes."""
    inside: NDArray[np.bool_] = np.ones_like(known)
    for axis in range(3):
        along = np.moveaxis(np.pad(known, [(1, 1) if n == axis else (0, 0) for n in range(3)]), axis, 0)
        inside &= np.moveaxis(along[2:] & along[:-2], 0, axis)
    return inside


def _border(array: NDArray[Any]) -> NDArray[Any]:
    """The voxels of the six outer faces, some of them twice."""
    return np.concatenate([np.take(array, end, axis).ravel() for axis in range(3) for end in (0, -1)])


def _percentile(values: NDArray[Any]) -> float:
    """Where the brightness of voxels ends."""
    return float(np.percentile(values.ravel()[:: max(1, values.size // 1_000_000)], PERCENTILE))
