"""The scale on which models work, and its exact inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Array

PERCENTILE = 99.9
"""Where a scan's brightness is measured: the few voxels above are vessels and artifacts."""


@dataclass(frozen=True)
class Normalization:
    """x ↦ (x − offset) / scale: 0 is air, 1 the scan's 99.9th percentile; nothing is clipped, so the inverse is exact.

    Args:
        offset: the darkest value where it is negative, otherwise 0: magnitude images have air at 0.
        scale: in the scan's units, positive.
    """

    offset: float
    scale: float

    @classmethod
    def of(cls, array: NDArray[Any]) -> Normalization:
        """The normalization of a scan; of a constant one, scale 1."""
        offset = min(0.0, float(array.min()))
        # A few million voxels fix the percentile to the last digit that matters.
        step = max(1, round((array.size / 4e6) ** (1 / 3)))
        scale = float(np.percentile(array[::step, ::step, ::step], PERCENTILE)) - offset
        if scale <= 0:
            scale = float(array.max()) - offset
        return cls(offset, scale if scale > 0 and np.isfinite(scale) else 1.0)

    def apply(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """`array` on the models' scale."""
        if (
            array.dtype.itemsize > 4
        ):  # single precision would lose what such types are chosen for before the offset is gone
            return np.asarray((array.astype(np.float64) - self.offset) / self.scale, dtype=np.float32)
        return np.asarray((array.astype(np.float32) - np.float32(self.offset)) / np.float32(self.scale))

    def invert(self, array: Array) -> Array:
        """`array`, NumPy's or a tensor, back in the scan's units."""
        return array * self.scale + self.offset
