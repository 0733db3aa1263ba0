"""What is no tissue: voxels that a scan was padded with, at the border of its field of view, taken as background.

Reslicing leaves NaN where it has nothing, scanners and converters write a value that no tissue has, and what overflows becomes the
largest number there is. Models are shown a scan scaled by its brightness, so that with such voxels all anatomy would be of one gray.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .normalization import air_level
from .volume import Volume

GAP = 0.5
"""A padding value lies farther from all others than this many times their range."""

EXTREME_GAP = 0.05
"""The same for a value that is the largest or smallest of a whole number's types."""

EXTREMES = [
    float(end) for bits in (8, 16, 32) for end in (2**bits - 1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)))
]

SHARE = (5e-4, 0.9)
"""Fewer voxels are a vessel or a fault, more the scan itself."""

OUTSIDE = 0.9
"""So many of them lie at the border, and what the border holds back from there."""


def prepared(volume: Volume) -> Volume:
    """A scan as models are to see it: with background where it was padded. `notes` say so; the array of `volume` is not changed.

    Args:
        volume: any; what it cannot mend, `volume.check_volume` refuses.
    """
    array = volume.array
    if array.ndim != 3 or not array.size or array.dtype.kind not in "iuf":
        return volume
    found = _missing(array)
    for top in (True, False):
        if found is None:
            found = _extreme(array, top)
    if found is None:
        return _raised(volume)
    background = air_level(array, ~found)
    value = array[found][0]
    sentence = f"{100 * found.mean():.2g} % of the voxels, at the border, are {value:g}, which is no tissue: {background:g} is taken there."
    filled = np.where(found, np.asarray(background, array.dtype), array)
    return prepared(replace(volume, array=filled, notes=(*volume.notes, sentence)))


def unpadded(volume: Volume, padding: NDArray[np.bool_]) -> Volume:
    """A scan with background where its header says that it was padded. `notes` say so if that changes it.

    Args:
        volume: a scan.
        padding: (i, j, k), where it holds a value that the header calls padding. Of values that tissue has too, those inside are tissue.
    """
    array, rest = volume.array, volume.array[~padding]
    if not rest.size or not padding.any():
        return volume
    ends = float(array[padding].min()), float(array[padding].max())
    if ends[1] >= rest.min() and ends[0] <= rest.max():
        padding = _from_border(padding)
    background = air_level(array, ~padding)
    filled = np.where(padding, np.asarray(background, array.dtype), array)
    if not padding.any() or np.array_equal(filled, array):
        return volume
    held = f"{ends[0]:g}" + (f" to {ends[1]:g}" if ends[1] > ends[0] else "")
    sentence = f"{100 * padding.mean():.2g} % of the voxels are {held}, which the header calls padding: {background:g} is taken there."
    return replace(volume, array=filled, notes=(*volume.notes, sentence))


def grounded(volume: Volume) -> Volume:
    """A scan with its air at 0, where a number was added to all of it, for those who look for air."""
    air = air_level(volume.array)
    return volume if air <= 0 else volume.with_array((volume.array - np.float64(air)).astype(np.float32))


def _raised(volume: Volume) -> Volume:
    """The volume with a sentence if its air is brighter than 0."""
    air = air_level(volume.array)
    sentence = f"The scan's air is at {air:g} instead of 0: brightness is counted from there."
    if air <= 0 or sentence in volume.notes:
        return volume
    return replace(volume, notes=(*volume.notes, sentence))


def _missing(array: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where a scan holds no number, if that is at its border only and nowhere else."""
    if array.dtype.kind != "f":
        return None
    missing: NDArray[np.bool_] = np.isnan(array)
    if not missing.any() or missing.all() or (missing & ~_from_border(missing)).any():
        return None
    return missing


def _extreme(array: NDArray[Any], top: bool) -> NDArray[np.bool_] | None:
    """Where a scan holds its highest (or lowest) value, if that is a padding value."""
    value = float(array.max() if top else array.min())
    if not np.isfinite(value):
        return None
    held: NDArray[np.bool_] = np.equal(array, value)
    rest = array[~held]
    if not SHARE[0] <= 1 - rest.size / array.size <= SHARE[1]:
        return None
    least, most = float(rest.min()), float(rest.max())
    gap = value - most if top else least - value
    if not gap > (EXTREME_GAP if value in EXTREMES else GAP) * (most - least) > 0:
        return None
    if not top and value >= 0 and air_level(array, ~held) <= 0:  # the scan's own background
        return None
    return held if (held & _from_border(held)).sum() >= OUTSIDE * held.sum() else None


def _from_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voxels of a mask between which and the border, along some axis, there is nothing else."""
    reached = np.zeros_like(mask)
    for axis in range(3):
        for way in (slice(None), slice(None, None, -1)):
            turned = np.moveaxis(mask, axis, 0)[way]
            run = np.logical_and.accumulate(turned, axis=0)
            np.moveaxis(reached, axis, 0)[way] |= run
    return reached
