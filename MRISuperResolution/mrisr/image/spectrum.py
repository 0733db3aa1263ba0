"""How fine a scan really is: an axis whose spectrum ends before its voxels do was zero-filled or interpolated.

The power spectrum of a scan falls smoothly up to the finest frequency its voxels can hold, where noise alone keeps it up. Resampling
adds voxels but no power: the spectrum drops to almost nothing beyond what was measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOW = (0.2, 0.3)
"""The band, in units of the finest frequency, that others are compared with: low enough to be there in any scan."""

HIGH = (0.75, 0.9)
"""The band that must not be empty; above it, scanners' filters thin out honest scans too."""

CUTOFF = 10**-1.6
"""Power in the high band over that in the low band: less is an interpolated axis. Of the scans it was set on, those resolved on their
grid have 0.04 to 0.2, interpolated ones 0.0001 to 0.02."""

SHORTEST = 48
"""Voxels along an axis below which its bands hold too few frequencies to judge."""


def resolved_fraction(array: NDArray[np.generic], axis: int) -> float:
    """The part of the axis's frequencies that the scan fills; 1 for an axis that is as fine as its voxels.

    Args:
        array: (i, j, k) a scan.
        axis: 0, 1 or 2.

    Returns:
        In [0.3, 1]; a scan of 1 mm voxels whose fraction is 0.5 holds detail down to 2 mm only. 1 also where the axis is too short to tell.
    """
    if array.shape[axis] < SHORTEST:
        return 1.0
    frequency, power = _power(array, axis)
    low = power[(frequency > LOW[0]) & (frequency <= LOW[1])].mean()
    high = power[(frequency > HIGH[0]) & (frequency <= HIGH[1])].mean()
    if low <= 0 or high >= CUTOFF * low:
        return 1.0
    filled = frequency[(frequency > LOW[1]) & (power > CUTOFF * low)]
    return float(filled.max()) if filled.size else LOW[1]


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


def _power(array: NDArray[np.generic], axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies, 1 being the finest, and the mean power over the lines through the middle of the scan, smoothed over a few."""
    lines = np.moveaxis(np.asarray(array, dtype=np.float32), axis, -1)
    i, j = (slice(n // 4, n - n // 4, 1 + n // 128) for n in lines.shape[:2])
    lines = lines[i, j]
    n = lines.shape[-1]
    lines = (lines - lines.mean(-1, keepdims=True)) * np.hanning(n).astype(np.float32)
    power = (np.abs(np.fft.rfft(lines)) ** 2).mean((0, 1), dtype=np.float64)
    width = max(1, n // 40)
    smooth = np.convolve(power, np.ones(width) / width, mode="same")
    return np.asarray(np.fft.rfftfreq(n) * 2, dtype=np.float64), smooth
