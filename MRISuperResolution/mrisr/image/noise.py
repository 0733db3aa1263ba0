"""How strong a magnitude scan's noise is, from the scan alone.

Fourth differences along all fine axes at once hold little of anatomy and all of the noise. Their power is averaged in small blocks inside
the object, and the noise is read off the quietest of them, corrected by how quiet the quietest blocks of noise alone are: anatomy only adds
(after Aja-Fernández et al. 2009, Magn. Reson. Imaging 27(10), 1397–1409, who take the mode of local variances). In bright tissue a
magnitude scan's noise is nearly Gaussian, and what Rician noise of low signal lacks in spread is given back by the fixed point of Koay &
Basser (2006, J. Magn. Reson. 179(2), 317–322). Air is not used: many scans have it masked or filtered.

Where noise rules, most blocks are about as quiet as the quietest; where anatomy does, their powers lie over decades. That tells whether
the noise was seen, or is only known to be no more than what was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .normalization import Normalization
from .spectrum import resolved_fraction

Array = NDArray[np.float32]

OBJECT = 0.1
"""The object is what is brighter than this fraction of the scan's 99.9th percentile."""

STENCIL = np.array([1, -4, 6, -4, 1], dtype=np.float32) / np.float32(math.sqrt(70))
"""Fourth difference, of norm 1: white noise keeps its variance."""

BLOCK = {1: 24, 2: 8, 3: 4}
"""Side of the blocks for 1, 2 or 3 fine axes."""

QUIET = 0.05
"""The share of the blocks that the noise is read off."""

QUIETEST = {1: 0.399, 2: 0.457, 3: 0.378}
"""The quantile `QUIET` of the blocks' power, for white noise of variance 1 on so many fine axes."""

ALIKE = 1.4
"""Blocks of up to this times the noise's power are noise alone."""

SEEN = 0.5
"""The share of such blocks from which on the noise was seen: of noise alone it is about 0.85, of anatomy alone 0.2 to 0.45."""

FEWEST = 24
"""Fewer blocks than these say nothing: the noise is then called 0."""

MIDDLE = 104
"""Voxels along each axis, in the scan's middle, that suffice."""


@dataclass(frozen=True)
class Noise:
    """What a scan tells of its noise.

    Args:
        sigma: standard deviation of the complex noise, in the scan's units, or the most that it can be; 0 where too little tells.
        bound: whether it is only known to be no more than that, for anatomy is as rough.
    """

    sigma: float
    bound: bool = False


def measure_noise(
    array: NDArray[np.generic],
    spacing: Sequence[float] = (1, 1, 1),
    kspace: Sequence[float] = (1, 1, 1),
    resolved: Sequence[float] | None = None,
) -> Noise:
    """The noise, or a bound for it.

    Args:
        array: (i, j, k) a magnitude scan, air at 0.
        spacing: in mm; axes more than half as coarse again as the finest are not differenced, for anatomy changes from slice to slice.
        kspace: fraction of k-space that was measured on each axis. What lies between the measured samples, of a zero-filled or
            interpolated axis, is not independent: such an axis is thinned first. An axis whose spectrum shows it is thinned as well.
        resolved: what the spectrum shows, see `resolved_fraction`; None to find out.

    Example:
        >>> scan = np.random.default_rng(0).normal(100, 3, (40, 40, 40))
        >>> round(measure_noise(scan).sigma), measure_noise(scan).bound
        (3, False)
    """
    whole = np.asarray(array)
    fractions = resolved or [resolved_fraction(whole, axis) for axis in range(3)]
    strides = [_stride(n, min(f, k)) for n, f, k in zip(whole.shape, fractions, kspace, strict=True)]
    peak = Normalization.of(whole).scale
    for scan in (_middle(whole, strides), whole):
        thin = np.asarray(scan[tuple(slice(None, None, s) for s in strides)], dtype=np.float32)
        found = _measured(thin, [s * n for s, n in zip(spacing, strides, strict=True)], peak)
        if found is not None:
            return found
    return Noise(0.0)


def estimate_noise(
    array: NDArray[np.generic], spacing: Sequence[float] = (1, 1, 1), kspace: Sequence[float] = (1, 1, 1)
) -> float:
    """The standard deviation of the complex noise, in the scan's units; 0 where it is too weak to be told from anatomy.

    See `measure_noise`.
    """
    noise = measure_noise(array, spacing, kspace)
    return 0.0 if noise.bound else noise.sigma


def _middle(scan: NDArray[np.generic], strides: Sequence[int]) -> NDArray[np.generic]:
    sides = [min(n, MIDDLE * s) for n, s in zip(scan.shape, strides, strict=True)]
    return scan[tuple(slice((n - m) // 2, (n + m) // 2) for n, m in zip(scan.shape, sides, strict=True))]


def _stride(n: int, fraction: float) -> int:
    """How many of an axis's n voxels lie at least as far apart as the finest detail the scan can hold."""
    return max(1, min(math.ceil(1 / fraction - 0.1), n // 8))


def _measured(scan: Array, spacing: Sequence[float], peak: float) -> Noise | None:
    """The noise; None where there are too few blocks inside the object."""
    fine = [a for a in range(3) if scan.shape[a] >= 4 + BLOCK[3] and spacing[a] < 1.5 * min(spacing)]
    if not fine:
        return None
    side = [min(BLOCK[len(fine)], scan.shape[a] - 4) if a in fine else 1 for a in range(3)]
    inner = scan[tuple(slice(2, -2) if a in fine else slice(None) for a in range(3))]
    power = _blocks(_differences(scan, fine) ** 2, side, np.mean)
    mean, least, most = (_blocks(inner, side, f) for f in (np.mean, np.min, np.max))
    inside = (mean > OBJECT * peak) & (least > 0) & (most < scan.max())
    if inside.sum() < FEWEST:
        return None
    limit = float(np.quantile(power[inside], QUIET))
    variance = limit / QUIETEST[len(fine)]
    quiet = inside & (power <= limit)
    alike = float((power[inside] <= ALIKE * variance).mean())
    spread = math.sqrt(variance)
    return Noise(spread * _rician(float(mean[quiet].mean()), spread), alike < SEEN)


def _differences(scan: Array, axes: Sequence[int]) -> Array:
    """Fourth differences along all of `axes` at once."""
    for axis in axes:
        n = scan.shape[axis] - len(STENCIL) + 1
        parts = (
            weight * scan[(slice(None),) * axis + (slice(start, start + n),)]
            for start, weight in enumerate(STENCIL)
        )
        scan = np.asarray(sum(parts), dtype=np.float32)
    return scan


def _blocks(values: Array, side: Sequence[int], gather: object) -> Array:
    """`gather` over the blocks that fit."""
    i, j, k = (n // s for n, s in zip(values.shape, side, strict=True))
    cut = values[: i * side[0], : j * side[1], : k * side[2]]
    return np.asarray(gather(cut.reshape(i, side[0], j, side[1], k, side[2]), axis=(1, 3, 5)))  # type: ignore[operator]


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
