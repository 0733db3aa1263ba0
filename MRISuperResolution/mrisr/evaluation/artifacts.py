"""What went wrong while a scan was measured or stored, seen from its voxels alone: steps and shifts between interleaved slices, ghosts,
spikes, brightness that falls off across the field, brightness turned upside down.

Each is one number, 0 in a clean scan (1 for a ratio), cheap enough to be looked at before every run.
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


HELD = 0.08
"""Brighter than this fraction of the scan's brightness is no air."""

ENTERED = 0.2
"""Brighter than this fraction is the object, seen from outside: what is darker was left alone by those who make negatives of heads."""

SKIN = 1.7
"""In mm: in larger voxels skin, which is dark, is one with the fat behind it, which may be as bright as the border of a negative."""

CLEARLY = 0.03
"""By so much of the scan's brightness, at least, its border is brighter than what lies behind: that of an even object is not."""

DEEP = slice(2, 6)
"""Voxels behind the border of the object that its outermost voxel is compared with."""

FEWEST_LINES = 100

COARSE = 3.0
"""In mm: brightness that changes smoothly is looked at no finer."""

BLOCK = 16.0
"""In mm, the side of the blocks whose brightness is compared: they hold tissue of several kinds."""

FEWEST_BLOCKS = 20

TISSUE_RANK = 0.75
"""Of a block's tissue, by brightness: the brighter kinds are in nearly every block."""

ENDS = (0.02, 0.98)
"""The shares of the blocks between which the smooth brightness is followed."""


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


def upside_down(scan: Volume, scale: Normalization | None = None) -> tuple[float, float]:
    """How the scan looks where one enters the object from the air.

    A voxel at the border holds some air and is darker than the tissue behind it. In a photographic negative whose air was left dark it is
    brighter, and among the brightest there are.

    Args:
        scan: in any unit.
        scale: the scan's normalization; None to find it.

    Returns:
        The share of lines, along all fine axes and from both ends, on which the first voxel of the object is clearly brighter than those
        behind it; and the median brightness of that voxel, as a fraction of the scan's. Zeros where too few lines begin in air.

    Example:
        >>> ball = np.hypot(*np.meshgrid(*2 * [np.arange(-20, 21)]))[..., None] + np.abs(np.arange(-20, 21))
        >>> head = np.clip(16 - ball, 0, 8).astype(np.float32)
        >>> negative = np.where(head > 0, 9 - head, 0)
        >>> [round(upside_down(Volume(each, np.eye(4)))[0], 1) for each in (head, negative)]
        [0.1, 1.0]
    """
    first, behind = [], []
    array = scan.array
    scale = scale or Normalization.of(array)
    for axis, n in enumerate(array.shape):
        if n < 2 * DEEP.stop or scan.spacing[axis] > SKIN:
            continue
        thin = [
            slice(None) if a == axis else slice(None, None, max(1, m // LINES))
            for a, m in enumerate(array.shape)
        ]
        lines = np.moveaxis(scale.apply(array[tuple(thin)]), axis, -1).reshape(-1, n)
        for one_way in (lines, lines[:, ::-1]):
            start = (one_way > ENTERED).argmax(axis=1)
            entered = (start >= 2) & (start < n - DEEP.stop)
            places = start[entered, None] + np.arange(DEEP.stop)
            met = np.take_along_axis(one_way[entered], places, axis=1)
            first.append(met[:, 0])
            behind.append(met[:, DEEP].mean(axis=1))
    outer = np.concatenate(first) if first else np.zeros(0)
    if len(outer) < FEWEST_LINES:
        return 0.0, 0.0
    return float((outer > np.concatenate(behind) + CLEARLY).mean()), float(np.median(outer))


def falloff(scan: Volume, scale: Normalization | None = None) -> float:
    """How many times as bright one side of the object is as the other, its tissue taken to be about the same everywhere; 1 if alike.

    The logarithm of the brightness of blocks is fitted by a plane, robustly (iteratively reweighted least squares with Cauchy's weights).

    Args:
        scan: in any unit.
        scale: the scan's normalization; None to find it.

    Example:
        >>> tissue = np.random.default_rng(0).uniform(0.5, 1, (64, 64, 64))
        >>> round(falloff(Volume(tissue * np.geomspace(1, 6, 64)[:, None, None], np.eye(4))), 1)
        3.6
    """
    thin = [max(1, round(COARSE / s)) for s in scan.spacing]
    thinned = scan.array[tuple(slice(None, None, step) for step in thin)]
    array = (scale or Normalization.of(scan.array)).apply(thinned)
    side = [max(1, round(BLOCK / s / step)) for s, step in zip(scan.spacing, thin, strict=True)]
    i, j, k = (n // m for n, m in zip(array.shape, side, strict=True))
    if i * j * k < FEWEST_BLOCKS:
        return 1.0
    cut = array[: i * side[0], : j * side[1], : k * side[2]].reshape(i, side[0], j, side[1], k, side[2])
    blocks = np.sort(cut.transpose(0, 2, 4, 1, 3, 5).reshape(i, j, k, -1), axis=-1)
    count = (blocks > HELD / 2).sum(axis=-1)
    filled = count > blocks.shape[-1] / 2
    if filled.sum() < FEWEST_BLOCKS:
        return 1.0
    rank = blocks.shape[-1] - count[filled] + (TISSUE_RANK * (count[filled] - 1)).astype(int)
    bright = np.log(np.take_along_axis(blocks[filled], rank[:, None], axis=1)[:, 0].astype(np.float64))
    plane = _plane(np.argwhere(filled).astype(np.float64), bright)
    low, high = np.quantile(plane, ENDS)
    return float(np.exp(high - low))


def _plane(places: Double, values: Double) -> Double:
    """The values of a plane through most of the values."""
    terms = np.column_stack([np.ones(len(places)), places - places.mean(axis=0)])
    weight, fitted = np.ones(len(values)), values
    for _ in range(10):
        found = np.linalg.lstsq(terms * weight[:, None], values * weight, rcond=None)[0]
        fitted = terms @ found
        rest = np.abs(values - fitted)
        weight = 1 / np.sqrt(1 + (rest / (3 * float(np.median(rest)) + 1e-3)) ** 2)
    return np.asarray(fitted)


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
