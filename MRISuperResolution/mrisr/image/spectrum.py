"""How fine a scan really is: power along lines that lie inside the object.

Segments of lines are taken where no voxel is 0: masks, defaced faces and padding have edges that no scanner made. Across the line,
neighbours are averaged over a footprint, which takes noise away and leaves what changes along the line.

The power falls smoothly up to the finest frequency the voxels can hold, where noise alone keeps it up. Resampling adds voxels but no
power: the spectrum of a zero-filled or interpolated axis falls off steeply well before its end. A wide profile makes it fall, too, but
evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Frequencies = NDArray[np.float64]

FEWEST = 40
"""Fewer segments than these say nothing of a scan."""

MOST = 2000
"""More segments than these add nothing."""

SHORTEST = 48
"""Voxels along an axis below which its spectrum is too coarse to show where it ends."""

STEEP = 2.7
"""Logarithm of the power's fall over a fifth of the frequencies, from which on it is an end: a profile's stays below 2.4."""

LOST = 7.0
"""Logarithm of the power's fall from a quarter to four fifths of the finest frequency, beyond which nothing was measured there: anatomy
and a wide Gaussian take 6.5."""

SOUGHT = np.arange(0.375, 0.751, 0.025)
"""Where an end is looked for; above, scanners' filters thin out honest scans too."""


@dataclass(frozen=True, eq=False)
class LineSpectrum:
    """Mean power along an axis.

    Args:
        frequency: in cycles a voxel, from the first above 0 to 0.5.
        power: |F|² a voxel; white noise of variance σ² has σ² over the number of voxels in the footprint.
        segments: how many were averaged.
    """

    frequency: Frequencies
    power: Frequencies
    segments: int


def line_spectrum(
    array: NDArray[np.generic],
    axis: int,
    footprint: Sequence[int] = (2, 2, 2),
    length: int = 48,
    shortest: int = 12,
) -> LineSpectrum | None:
    """The power along an axis, inside the object.

    Segments are faded out (Hann) after their mean and slope are taken off; those with strong edges count less, so that the scalp does
    not speak for all tissue.

    Args:
        array: (i, j, k) a magnitude scan, outside 0 or noise.
        axis: 0, 1 or 2.
        footprint: voxels that are averaged along the other axes.
        length: of the segments, in voxels; shorter ones where too few of these fit into the object.
        shortest: the shortest that will do.

    Returns:
        None where too few segments lie inside the object.
    """
    side = [1 if a == axis else min(footprint[a], array.shape[a]) for a in range(3)]
    means, zeros = _averaged(array, side, axis)
    mean, dark = np.moveaxis(means, axis, -1), np.moveaxis(zeros, axis, -1)
    length = min(length, mean.shape[-1])
    while length >= max(4, shortest):
        segments = _segments(mean, dark, length)
        if len(segments) >= FEWEST:
            return _power(segments)
        length = length * 2 // 3
    return None


def resolved_fraction(array: NDArray[np.generic], axis: int) -> float:
    """The part of the axis's frequencies that the scan fills; 1 for an axis that is as fine as its voxels.

    Args:
        array: (i, j, k) a scan.
        axis: 0, 1 or 2.

    Returns:
        In [0.2, 1]; a scan of 1 mm voxels whose fraction is 0.5 holds detail down to 2 mm only. 1 also where the axis is too short to tell.
    """
    if array.shape[axis] < SHORTEST:
        return 1.0
    lines = line_spectrum(array, axis, shortest=24)
    if lines is None:
        return 1.0
    frequency, level = 2 * lines.frequency, np.log(np.maximum(lines.power, 1e-30))
    fall = np.interp(SOUGHT - 0.1, frequency, level) - np.interp(SOUGHT + 0.1, frequency, level)
    steepest = int(fall.argmax())
    lost = np.interp(0.25, frequency, level) - np.interp(0.8, frequency, level)
    if fall[steepest] < STEEP and lost < LOST:
        return 1.0
    sharp = fall[steepest] >= STEEP
    fine = np.arange(SOUGHT[steepest] - 0.1 if sharp else 0.25, 1, 0.005)
    seen = np.interp(fine, frequency, level)
    return float(fine[int(np.argmax(seen < seen[0] - (min(fall[steepest] / 2, 1.5) if sharp else LOST - 2)))])


def fine_energy(array: NDArray[np.generic]) -> float:
    """How much detail a volume shows, right or wrong: its energy above half the finest frequency of any axis.

    Divided by a reference's it says whether a restored volume is too smooth (below 1) or rougher than anatomy (above).

    Args:
        array: (i, j, k); faded out towards its borders before it is transformed.
    """
    volume = np.asarray(array, dtype=np.float32)
    volume = volume - volume.mean()
    fine = np.zeros(volume.shape, bool)
    for axis, n in enumerate(volume.shape):
        shape = [-1 if a == axis else 1 for a in range(3)]
        volume = volume * np.hanning(n).astype(np.float32).reshape(shape)
        fine |= (np.abs(np.fft.fftfreq(n)) > 0.25).reshape(shape)
    return float((np.abs(np.fft.fftn(volume)[fine]) ** 2).sum() / volume.size)


def _averaged(array: NDArray[np.generic], side: Sequence[int], axis: int) -> tuple[Array, NDArray[np.bool_]]:
    """Means over the footprint, and whether a voxel in it is 0; of large scans every second, third, … footprint."""
    i, j, k = (n // s for n, s in zip(array.shape, side, strict=True))
    across = max(1, round((i * j * k / array.shape[axis] / MOST) ** 0.5))
    parts = [slice(None)] * 6
    for a in range(3):
        if a != axis:
            parts[2 * a] = slice(None, None, across)
    cut: NDArray[Any] = array[: i * side[0], : j * side[1], : k * side[2]]
    tiles = cut.reshape(i, side[0], j, side[1], k, side[2])[tuple(parts)]
    # Voxel by voxel of the footprint: NumPy takes five times as long over many short axes.
    first, *others = (tiles[:, a, :, b, :, c] for a, b, c in np.ndindex(*side))
    total, least = first.astype(np.float32), first
    for voxels in others:
        total += voxels
        least = np.minimum(least, voxels)
    return total / np.float32(len(others) + 1), np.asarray(least <= 0)


def _segments(mean: Array, dark: NDArray[np.bool_], length: int) -> Array:
    """(segments, length) half overlapping, none with a dark voxel; at most about `MOST`, from all over."""
    last = mean.shape[-1] - length
    starts = sorted({*range(0, last + 1, max(1, length // 2)), last})
    found = []
    for start in starts:
        inside = np.flatnonzero(~dark[..., start : start + length].any(axis=-1))
        step = -(-len(inside) * len(starts) // MOST) or 1
        found.append(mean[..., start : start + length].reshape(-1, length)[inside[::step]])
    return np.concatenate(found)


def _power(segments: Array) -> LineSpectrum:
    count, length = segments.shape
    ramp = np.linspace(-1, 1, length, dtype=np.float32)
    flat = segments - segments.mean(axis=1, keepdims=True)
    flat = flat - (flat @ ramp / (ramp @ ramp))[:, None] * ramp
    window = np.hanning(length + 2)[1:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(flat * window)) ** 2 / (window @ window)
    strength = power[:, 1:4].sum(axis=1)
    weight = 1 / (strength + np.median(strength) + 1e-20)
    mean = (weight @ power) / weight.sum()
    frequency = np.asarray(np.fft.rfftfreq(length)[1:], dtype=np.float64)
    return LineSpectrum(frequency, np.asarray(mean[1:], dtype=np.float64), count)
