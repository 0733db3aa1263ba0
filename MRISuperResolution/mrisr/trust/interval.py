"""How far the truth may lie from a result, voxel by voxel: half the width of an interval that holds 9 of 10 voxels.

Errors are larger where a result has edges and where it adds to plain interpolation. Both are looked at in bins of powers of two; what the
errors in a bin came to, on simulated scans whose truth is known, stands in the model's card, with what the scan's noise adds and one factor
for all. The factor is that of conformal risk control (Angelopoulos, Bates, Fisch, Lei, Schuster 2024, "Conformal risk control", ICLR,
arXiv:2208.02814), with people as what is exchangeable, for voxels of one head are not (Dunn, Wasserman, Ramdas 2023, J. Am. Stat. Assoc.
118(544), 2491–2502): in the mean over people like those measured, so many of the head's voxels lie within the interval. Intervals for
images with such a guarantee: Angelopoulos, Kohli, Bates et al. 2022, "Image-to-image regression with distribution-free uncertainty
quantification", ICML, arXiv:2202.05265.

The guarantee is for scans made like those that were measured, over all voxels of the head together: it is no promise for one voxel.
`mrisr calibrate-intervals` makes a card's entry again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CatalogError
from ..image.arrays import Array, beside, namespace
from ..image.filters import smoothed
from ..image.grid import FACTOR_TOLERANCE

LEVEL = 0.9
"""Share of the head's voxels that the interval is to hold."""

TRUSTED = 0.1
"""Half-width, as a fraction of the scan's 99.9th percentile, up to which a voxel is trusted: about half of what gray and white matter
differ by in T1w scans."""

CHANGED, EDGED = 0.002, 0.02
"""Where the second bin begins, of what a result adds and of its edges; each further one begins at twice the one before."""

SHAPE = (7, 8)
"""Bins of edges, and of what a result adds."""

WIDTH = 1.0
"""Standard deviation, in voxels of the result, of the Gaussian that both are smoothed with: about three voxels across."""


@dataclass(frozen=True)
class Intervals:
    """What was measured of a model's errors; see `models.schema.json`, `interval`.

    Args:
        table: (edges, added), the quantile of the errors in a bin without noise, as a fraction of the scan's 99.9th percentile; it
            never falls along either axis.
        noise: so many times the scan's noise is added to that, as the root of the sum of squares.
        factor: what both are multiplied by.

    Example:
        >>> measured = Intervals(((0.01, 0.02), (0.02, 0.04)), noise=1.0, factor=2.0)
        >>> [round(float(width), 3) for width in measured.widths(0.0)]
        [0.02, 0.04, 0.04, 0.08]
    """

    table: tuple[tuple[float, ...], ...]
    noise: float
    factor: float

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Intervals:
        """Those of a card's entry.

        Raises:
            CatalogError: its table's rows are of different lengths.
        """
        table = tuple(tuple(float(value) for value in row) for row in entry["table"])
        if len({len(row) for row in table}) != 1:
            raise CatalogError(
                "The card's interval is broken (its table is no rectangle); install the model again."
            )
        return cls(table, float(entry["noise"]), float(entry["factor"]))

    def widths(self, noise: float) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The half-width in each bin, edges first, then what was added; of a scan with this noise on the models' scale."""
        flat = np.array(self.table, np.float64).ravel()
        return np.asarray(self.factor * np.hypot(flat, self.noise * noise), np.float32)

    def half_width(self, result: Array, initial: Array, factor: Sequence[float], noise: float) -> Array:
        """Half the interval's width at each voxel; the result plus and minus this is the interval.

        Args:
            result: (i, j, k) on the models' scale, NumPy's or a tensor.
            initial: the interpolated scan that it was made from.
            factor: how many times finer they are than the scan, along each axis.
            noise: the scan's, on the models' scale.

        Returns:
            (i, j, k) of the same kind and scale, single precision, above 0.
        """
        widths = beside(self.widths(noise), result)
        return widths[bins(result, initial, factor, (len(self.table), len(self.table[0])))]


def bins(result: Array, initial: Array, factor: Sequence[float], shape: tuple[int, int] = SHAPE) -> Array:
    """The bin of each voxel, as a whole number: that of its edges times how many there are of what was added, plus that.

    Args:
        result: (i, j, k) on the models' scale.
        initial: the interpolated scan.
        factor: how many times finer they are than the scan.
        shape: how many bins there are, of edges and of what was added.
    """
    xp, width = namespace(result), (WIDTH,) * 3
    added = _step(smoothed(abs(result - initial), width), CHANGED, shape[1])
    edges = _step(smoothed(steepness(result, factor), width), EDGED, shape[0])
    return xp.asarray(edges * shape[1] + added, dtype=xp.int64)


def steepness(volume: Array, factor: Sequence[float]) -> Array:
    """How much a volume changes over a voxel of the scan, along the axes that are refined, or along all where none is.

    Args:
        volume: (i, j, k).
        factor: how many times finer it is than the scan, along each axis.

    Returns:
        (i, j, k): the root of the sum of the axes' mean squared differences to both neighbors.
    """
    xp = namespace(volume)
    squares = xp.zeros_like(volume)
    refined = [axis for axis in range(3) if factor[axis] > 1 + FACTOR_TOLERANCE]
    for axis in refined or range(3):
        lines, sums = xp.moveaxis(volume, axis, 0), xp.moveaxis(squares, axis, 0)
        if len(lines) < 2:
            continue
        steps = 0.5 * (factor[axis] * (lines[1:] - lines[:-1])) ** 2
        sums[1:] += steps
        sums[:-1] += steps
    return squares**0.5


def _step(values: Array, second: float, count: int) -> Array:
    """Which of `count` bins, as single precision."""
    xp = namespace(values)
    return (xp.floor(xp.log2(values.clip(second / 4) / second)) + 1).clip(0, count - 1)


def trusted(half_width: Array, brightness: float = 1.0, share: float = TRUSTED) -> Array:
    """Where a result can be relied on: where the interval's half-width is at most a share of the scan's brightness.

    Args:
        half_width: (i, j, k).
        brightness: the scan's 99.9th percentile above its air, in the same units, see `Normalization.scale`.
        share: of it.

    Example:
        >>> trusted(np.array([9.0, 11.0]), brightness=100.0).tolist()
        [True, False]
    """
    mask: Array = half_width <= share * brightness
    return mask
