"""How strong a magnitude scan's noise is, from the scan alone.

The noise is read off the finest diagonal Haar coefficients, of which anatomy has few, inside the object, where the gradient is low, by
their median absolute deviation (Donoho & Johnstone 1994; for MRI Coupé et al. 2010, Med. Image Anal. 14(4), 483–493); there a magnitude
scan's noise is nearly Gaussian, and what Rician noise of low signal lacks in spread is given back by the fixed point of Koay & Basser
(2006, J. Magn. Reson. 179(2), 317–322). Air is not used: many scans have it masked or filtered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .spectrum import resolved_fraction

Array = NDArray[np.float32]

OBJECT = 0.1
"""The object is what is brighter than this fraction of the scan's 99.9th percentile."""

MAD_PER_SIGMA = 0.6745

FEWEST = 64
"""Fewer coefficients than these say nothing: the noise is then called 0."""


def estimate_noise(
    array: NDArray[np.generic], spacing: Sequence[float] = (1, 1, 1), kspace: Sequence[float] = (1, 1, 1)
) -> float:
    """The standard deviation of the complex noise, in the scan's units; 0 where there is too little to tell.

    Args:
        array: (i, j, k) a magnitude scan, air at 0.
        spacing: in mm; axes more than half as coarse again as the finest are not differenced, for anatomy changes from slice to slice.
        kspace: fraction of k-space that was measured on each axis. What lies between the measured samples, of a zero-filled or
            interpolated axis, is not independent: such an axis is thinned first. An axis whose spectrum shows it is thinned as well.
    """
    scan = np.asarray(array, dtype=np.float32)
    scan = scan[tuple(slice(None, None, _stride(scan, axis, kspace[axis])) for axis in range(3))]
    fine = [a for a in range(3) if scan.shape[a] >= 4 and spacing[a] < 1.5 * min(spacing)]
    if not fine or scan.size < FEWEST:
        return 0.0
    detail, mean = _haar(scan, fine)
    inside = mean > OBJECT * float(np.percentile(scan, 99.9))
    if inside.sum() < FEWEST:
        return 0.0
    slope = _slope(mean)
    flat = inside & (slope <= np.median(slope[inside]))
    spread = float(np.median(np.abs(detail[flat]))) / MAD_PER_SIGMA
    return spread * _rician(float(np.median(mean[flat])), spread)


def _stride(scan: Array, axis: int, kept: float) -> int:
    """How many voxels of this axis lie as far apart as the finest detail the scan can hold."""
    fraction = min(kept, resolved_fraction(scan, axis))
    return max(1, min(round(1 / fraction), int(scan.shape[axis]) // 4))


def _haar(scan: Array, axes: Sequence[int]) -> tuple[Array, Array]:
    """The orthonormal detail coefficients along all of `axes` at once, and the means of the same blocks."""
    detail, mean = scan, scan
    for axis in axes:
        n = scan.shape[axis] // 2 * 2
        even, odd = (slice(None),) * axis + (slice(0, n, 2),), (slice(None),) * axis + (slice(1, n, 2),)
        detail = (detail[even] - detail[odd]) * np.float32(math.sqrt(0.5))
        mean = (mean[even] + mean[odd]) * np.float32(0.5)
    return detail, mean


def _slope(mean: Array) -> Array:
    """The gradient's magnitude, of the axes long enough to have one."""
    axes = tuple(a for a in range(3) if mean.shape[a] >= 2)
    if not axes:
        return np.zeros_like(mean)
    gradients = np.gradient(mean, axis=axes)
    parts = gradients if isinstance(gradients, (list, tuple)) else [gradients]
    return np.asarray(np.sqrt(sum(g**2 for g in parts)), dtype=np.float32)


def _rician(mean: float, spread: float) -> float:
    """By how much the complex noise exceeds the magnitude's spread, at this mean (Koay & Basser 2006, eqs. 14 and 18)."""
    if spread <= 0 or mean > 10 * spread:
        return 1.0

    def xi(snr: float) -> float:
        z = snr**2 / 4
        return float(2 + snr**2 - np.pi / 8 * ((2 + snr**2) * _bessel(0, z) + snr**2 * _bessel(1, z)) ** 2)

    snr = mean / spread
    for _ in range(50):
        snr = math.sqrt(max(0.0, xi(snr) * (1 + (mean / spread) ** 2) - 2))
    return 1 / math.sqrt(xi(snr))


_CIRCLE = 2 * np.pi * np.arange(128) / 128


def _bessel(order: int, z: float) -> float:
    """The modified Bessel function of the first kind times exp(-z), for z up to 100, as the mean over a circle that defines it.

    As `scipy.special.ive`, whose import takes as long as judging a small scan.
    """
    return float(np.mean(np.exp(z * (np.cos(_CIRCLE) - 1)) * np.cos(order * _CIRCLE)))
