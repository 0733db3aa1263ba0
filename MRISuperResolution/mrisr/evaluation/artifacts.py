"""What went wrong while a scan was measured, seen from its voxels alone: steps and shifts between interleaved slices, ghosts, spikes.

Each is one number, 0 in a clean scan, cheap enough to be looked at before every run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..image.normalization import Normalization
from ..image.volume import Volume

Array = NDArray[np.float32]
Double = NDArray[np.float64]

THICK = 1.5
"""Slices are so many times farther apart than voxels are wide; thinner ones are not measured one by one."""

TISSUE = 0.15
"""Brighter than this fraction of the scan's brightness is tissue."""

FEWEST_SLICES = 8

SHORTEST = 32
"""Voxels along an axis, at least, for a ghost to be told from the object."""

LOOKED = 96
"""Voxels along each axis, in the scan's middle, that are looked at."""

LINES = 48
"""Lines along each other axis that a ghost is looked for on."""

LAGS = (-7, -4, 4, 7)
"""Beside half a field of view, in voxels: a ghost lies at its place and not there."""


@dataclass(frozen=True)
class Alternation:
    """How odd slices differ from even ones.

    Args:
        step: half the difference in brightness, as a fraction; signed.
        step_error: one standard error of that.
        shift: half the distance, in voxels.
        shift_error: one standard error of that.
    """

    step: float
    step_error: float
    shift: float
    shift_error: float


def alternation(scan: Volume) -> Alternation:
    """How odd slices differ from even ones, each compared with the mean of both its neighbors; zeros where that cannot be told.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> slices = np.repeat(rng.random((16, 16, 1)), 12, axis=2) + 0.5
        >>> slices[..., ::2] *= 1.1
        >>> round(abs(alternation(Volume(slices, np.diag([1, 1, 4, 1.0]))).step), 3)
        0.048
    """
    axis = int(np.argmax(scan.spacing))
    others = [s for a, s in enumerate(scan.spacing) if a != axis]
    if scan.spacing[axis] < THICK * max(others) or scan.shape[axis] < FEWEST_SLICES:
        return Alternation(0.0, 1.0, 0.0, 1.0)
    slices = np.moveaxis(middle(_normalized(scan), spare=axis), axis, 0)
    signs, steps, shifts = [], [], []
    for number in range(1, len(slices) - 1):
        found = _against_neighbors(slices[number], (slices[number - 1] + slices[number + 1]) / 2)
        if found is not None:
            signs.append((-1.0) ** number)
            steps.append(found[0])
            shifts.append(found[1:])
    if len(signs) < FEWEST_SLICES - 2:
        return Alternation(0.0, 1.0, 0.0, 1.0)
    step, step_error = _alternating(np.array(signs), np.array(steps))
    moves = [_alternating(np.array(signs), np.array(shifts)[:, a]) for a in (0, 1)]
    return Alternation(
        step / 2,
        step_error / 2,
        float(np.hypot(moves[0][0], moves[1][0]) / 2),
        float(max(moves[0][1], moves[1][1]) / 2),
    )


def ghost(scan: Volume) -> float:
    """How like themselves the scan's edges are half a field of view away along an axis, and not a little beside that: a correlation."""
    array = scan.array  # in whatever units
    found = 0.0
    for axis, n in enumerate(array.shape):
        if n < SHORTEST:
            continue
        lines = [
            slice(None) if a == axis else slice(None, None, max(1, m // LINES))
            for a, m in enumerate(array.shape)
        ]
        edges = np.gradient(array[tuple(lines)].astype(np.float32), axis=axis)
        here = max(_alike(edges, n // 2 + lag, axis) for lag in (0, n % 2))
        found = max(found, here - max(_alike(edges, n // 2 + lag, axis) for lag in LAGS))
    return found


def _alike(edges: Array, lag: int, axis: int) -> float:
    """Their correlation with themselves so many voxels away, the field taken for periodic."""
    power = float(np.mean(np.square(edges)))
    return float(np.mean(edges * np.roll(edges, lag, axis))) / max(power, 1e-12)


def spike(scan: Volume) -> float:
    """The power of the one spatial frequency that stands out most, over that of its neighborhood."""
    array = middle(scan.array).astype(np.float32)
    for axis, n in enumerate(array.shape):
        window = np.hanning(n + 2)[1:-1].astype(np.float32) if n > 8 else np.ones(n, np.float32)
        array = array * window.reshape([-1 if a == axis else 1 for a in range(3)])
    power = (np.abs(np.fft.rfftn(array)) ** 2).astype(np.float32)
    ratio = power / np.maximum(_around(power), 1e-12)
    for axis, n in enumerate(array.shape):
        frequency = np.abs(np.fft.rfftfreq(n) if axis == 2 else np.fft.fftfreq(n))
        low = (frequency < 4 / n).reshape([-1 if a == axis else 1 for a in range(3)])
        ratio = np.where(low, 0, ratio)
    return float(ratio.max())


def _around(power: Array) -> Array:
    """The mean of what lies three to five frequencies away along an axis, of the axis where that is most."""
    means = [sum(np.roll(power, lag, axis) for lag in (-5, -4, -3, 3, 4, 5)) / 6 for axis in range(3)]
    return np.maximum(np.maximum(means[0], means[1]), means[2])


def _normalized(scan: Volume) -> Array:
    return Normalization.of(scan.array).apply(scan.array)


def middle(array: Array, looked: int = LOOKED, spare: int | None = None) -> Array:
    """The middle of a scan; all of it along one axis."""
    box = []
    for axis, n in enumerate(array.shape):
        start = 0 if axis == spare else max(0, (n - looked) // 2)
        box.append(slice(start, n if axis == spare else min(n, start + looked)))
    return array[tuple(box)]


def _against_neighbors(one: Array, mean: Array) -> tuple[float, float, float] | None:
    """A slice's brightness over that of its neighbors' mean (logarithm), and its shift in voxels; None where it holds too little."""
    tissue = (one > TISSUE) & (mean > TISSUE)
    if tissue.sum() < 100:
        return None
    step = float(np.median(np.log(one[tissue] / mean[tissue])))
    slopes = np.stack([g.ravel() for g in np.gradient(mean)], axis=1).astype(np.float64)
    rest = (one * np.float32(np.exp(-step)) - mean).ravel().astype(np.float64)
    normal = slopes.T @ slopes + 1e-9 * np.eye(2)
    x, y = np.linalg.solve(normal, slopes.T @ rest)
    return step, float(x), float(y)


def _alternating(signs: Double, values: Double) -> tuple[float, float]:
    """The median of values times signs, from pairs, so that what changes slowly along the scan does not count; and its standard error."""
    product = signs * (values - np.median(values))
    pairs = product[: len(product) // 2 * 2].reshape(-1, 2).mean(axis=1)
    middle = float(np.median(pairs))
    spread = 1.4826 * float(np.median(np.abs(pairs - middle)))
    return middle, max(1.2533 * spread / math.sqrt(len(pairs)), 1e-6)
