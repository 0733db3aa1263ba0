"""What a verdict cannot see: the smallest spot that it would notice, in closed form from acquisition, noise and limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..image.filters import smoothing_rows
from ..image.grid import Grid
from ..image.volume import Volume
from ..physics.operators import FWHM_PER_SIGMA, SeparableOperator

SIZES = (3.0, 4.0, 6.0, 10.0)
"""Full width at half maximum of the spots that are told of, in mm."""

PHASES = 8
"""Places between two voxels of the scan at which a spot may lie; the one that is seen worst counts."""


def smallest_spots(
    scan: Volume, operator: SeparableOperator, target: Grid, least: float
) -> tuple[tuple[float, float], ...]:
    """How much brighter or darker than its surroundings a round spot of each of `SIZES` must be for the verdict to turn.

    Args:
        scan: where it was measured.
        operator: A, from volumes on `target`.
        target: the result's grid.
        least: the smoothed residual from which on the verdict turns, as a fraction of the brightness, see `Yardstick.worst`.

    Returns:
        Pairs of a size in mm and a contrast in percent of the scan's brightness. Among sharp borders, which interpolation blurs, it may
        have to be more.

    Example:
        >>> scan = Volume(np.zeros((16, 16, 16), np.float32), np.diag([2.0, 2, 2, 1]))
        >>> target = scan.grid.resampled((2, 2, 2))
        >>> from mrisr import Acquisition
        >>> operator = Acquisition.of_factor((2, 2, 2)).operator(target, scan.grid)
        >>> {size: round(percent) for size, percent in smallest_spots(scan, operator, target, 0.02)}
        {3.0: 20, 4.0: 10, 6.0: 5, 10.0: 3}
    """
    return tuple((size, round(100 * least / _seen(scan, operator, target, size), 1)) for size in SIZES)


def _seen(scan: Volume, operator: SeparableOperator, target: Grid, size: float) -> float:
    """How much of a spot's height is left in the smoothed residual, where it lies worst."""
    left = 1.0
    sigmas = [min(scan.spacing) / s for s in scan.spacing]
    positions = target.axis_positions(scan.grid)
    for matrix, n, step, sigma, where in zip(
        operator.matrices, target.shape, target.spacing, sigmas, positions, strict=True
    ):
        # The scan's middle voxel and the next one, as places on the target.
        first = float(where[len(where) // 2])
        distance = abs(float(where[-1] - where[0])) / max(1, len(where) - 1)
        centers = first + distance * np.arange(PHASES) / PHASES
        spots = np.exp(-0.5 * ((np.arange(n)[:, None] - centers) * step * FWHM_PER_SIGMA / size) ** 2)
        seen: NDArray[np.floating] = spots if matrix is None else matrix @ spots
        left *= float((smoothing_rows(len(seen), sigma) @ seen).max(axis=0).min())
    return left
