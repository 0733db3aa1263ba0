"""How a scan was made, estimated from its voxels alone.

**Thick slices.** Anatomy has no preferred direction, on the whole, and within the slices it is resolved. So the power along the slice
axis should be the power S that lines within the slices have at the same cycles a millimetre, times the profile's |H|², folded at the
slices' Nyquist frequency: P(f) = Σₘ |H(f + m/d)|² S(|f + m/d|) + N. A Gaussian's width is the one that fits best, up to a factor and a
power of f (anatomy has a little of a preferred direction). Nothing is learned but how far off that is.

So it is along a coarse axis within the slices, of which the finer one tells.

**Fine axes** have none to compare them with. Nine bands of their power, noise taken off, tell by a linear discriminant whether the axis
was limited in k-space or blurred, and by a linear map how wide; both are learned from simulated scans (`coefficients`, which
`mrisr calibrate-acquisition` makes).

What scanners usually do is weighed against it elsewhere, see `pipeline.assumption`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..image.grid import IN_WORDS
from ..image.noise import measure_noise
from ..image.spectrum import line_spectrum, resolved_fraction
from ..image.volume import Volume
from . import coefficients
from .operators import FWHM_PER_SIGMA

Width = float | None
Widths = tuple[Width, Width, Width]
Curve = NDArray[np.float64]

THICK = 1.5
"""An axis so many times coarser than all others is one of slices; one so many times coarser than any other is compared with that."""

FEWEST_SLICES = 8

LENGTH = 16
"""Slices in a segment."""

WIDTHS = np.arange(0.2, 1.601, 0.02)

LOWEST = 0.15
"""Frequencies below this, in units of the slices' finest, are anatomy's."""

BAND_SD = 0.15
"""Standard deviation of the logarithm of the power in one frequency, from scan to scan."""

TILT_SD = 0.2
"""Standard deviation of the exponent by which the power of two directions differs."""

SQUARE_SD = 0.2
"""Standard deviation of width² over whole heads, boxes, slabs and masks: that is what the power tells."""

MISFIT = 3.0
"""χ² up to which the model fits as well as it usually does."""

VAGUE = 0.35
"""A standard deviation beyond which a width tells nothing."""

KSPACE_WIDTH = (0.55, 0.1)
"""The Gaussian that stands for an axis limited in k-space, and how sure that is."""

TAPER = 0.3
"""Share of the band that scanners' filters taper, see `operators.band_rows`."""

LEAK = 0.003
"""|H|² is nowhere less: what leaks through the segments' window."""

BENT = 40.0
"""χ² of the best Gaussian from which on the axis may be limited in k-space: such axes have 60 to 160, all others up to 30. As one that is
limited in k-space these have 60 to 250, Gaussians and rectangles more than 200."""

BIAS = 1.03
"""Simulated widths over those that fit best."""


@dataclass(frozen=True)
class Estimate:
    """What a scan's spectrum says of how it was made, along i, j, k.

    Args:
        kind: names of `profiles.PROFILES`; empty where the spectrum does not tell.
        width: FWHM of the Gaussian that blurs alike, in units of the spacing; None where the spectrum does not tell.
        error: one standard deviation of `width`.
        resolved: the part of the axis's frequencies that the scan fills; 1 where it is as fine as its voxels, less where it was
            interpolated or zero-filled.
        sentence: for people: what was found, or why nothing.
    """

    kind: tuple[str, str, str] = ("", "", "")
    width: Widths = (None, None, None)
    error: Widths = (None, None, None)
    resolved: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sentence: str = ""


@dataclass(frozen=True)
class Axis:
    """The same of one axis; `reason` ends the sentence where the axis does not tell."""

    kind: str = ""
    width: Width = None
    error: Width = None
    reason: str = ""


def estimate(volume: Volume) -> Estimate:
    """How a scan was made, from its voxels alone.

    Args:
        volume: the scan, a magnitude with air near 0; masked, defaced and cropped ones will do.

    Example:
        >>> estimate(Volume(np.ones((32, 32, 4), np.float32), np.diag([1.0, 1, 5, 1]))).width
        (None, None, None)
    """
    array, spacing = np.asarray(volume.array), volume.spacing
    resolved = [resolved_fraction(array, axis) for axis in range(3)]
    variance = measure_noise(array, spacing, resolved=resolved).sigma ** 2
    thick = slice_axis(volume)
    coarse = [a for a in range(3) if spacing[a] >= THICK * min(spacing)]
    fine = [a for a in range(3) if a not in coarse and resolved[a] == 1.0]
    shared = _fine(array, fine, variance, coarse)
    axes = [shared if a in fine else Axis(reason="it was interpolated or zero-filled") for a in range(3)]
    for axis in coarse:
        axes[axis] = _coarse(array, spacing, axis, resolved, variance)
    return Estimate(
        kind=(axes[0].kind, axes[1].kind, axes[2].kind),
        width=(axes[0].width, axes[1].width, axes[2].width),
        error=(axes[0].error, axes[1].error, axes[2].error),
        resolved=(resolved[0], resolved[1], resolved[2]),
        sentence=_sentence(axes, thick, volume.orientation),
    )


def slice_axis(volume: Volume) -> int | None:
    """The axis across the slices of a scan; None where none is much coarser than the others."""
    order = sorted(range(3), key=lambda axis: volume.spacing[axis])
    return order[2] if volume.spacing[order[2]] >= THICK * volume.spacing[order[1]] else None


def _coarse(
    array: NDArray[np.generic],
    spacing: Sequence[float],
    axis: int,
    resolved: Sequence[float],
    variance: float,
) -> Axis:
    """A coarse axis, as that across slices is, from the power along it and along finer ones."""
    inside = [a for a in range(3) if spacing[axis] >= THICK * spacing[a]]
    distance = spacing[axis]
    if array.shape[axis] < FEWEST_SLICES:
        return Axis(reason=f"there are only {array.shape[axis]} slices")
    if any(distance * resolved[a] < 1.3 * spacing[a] for a in inside):
        return Axis(reason="the scan is hardly finer along its other axes")
    footprint = [max(1, round(distance / s)) for s in spacing]
    room = min(array.shape[a] * spacing[a] for a in inside) / distance
    along = line_spectrum(array, axis, footprint, int(min(LENGTH, room)), shortest=6)
    if along is None:
        return Axis(reason="too few lines along it lie inside the object")
    footprint[axis] = 1
    length = 2 * len(along.frequency) * distance
    across = [line_spectrum(array, a, footprint, round(length / spacing[a]), shortest=24) for a in inside]
    if any(lines is None for lines in across):
        return Axis(reason="too few lines along finer axes lie inside the object")
    # Densities in power a cycle a slice distance: white noise has the same in all directions.
    floor = variance / math.prod(footprint)
    frequency = 2 * along.frequency
    scales = [spacing[a] / distance for a in inside]
    plane = [
        (2 * lines.frequency / scale, lines.power * scale)
        for lines, scale in zip(across, scales, strict=True)
        if lines is not None
    ]
    return _fitted(frequency, along.power, plane, floor)


def _fitted(frequency: Curve, power: Curve, plane: Sequence[tuple[Curve, Curve]], floor: float) -> Axis:
    """The Gaussian whose folded spectrum fits, with the directions that are finer together and each alone."""
    seen = frequency >= LOWEST
    frequency, power = frequency[seen], power[seen]
    if len(frequency) < 3 or np.median(power[frequency > 0.6]) < 1.3 * floor:
        return Axis(reason="along it there is little but noise")
    grid = np.arange(0.02, 6, 0.02)
    curves = [np.interp(grid, f, np.log(np.maximum(p - floor, 1e-3 * p) + 1e-30)) for f, p in plane]
    misfits = [_misfits(frequency, power, grid, c, floor) for c in (np.mean(curves, axis=0), *curves)]
    misfit, limited = float(misfits[0][:-1].min()), float(misfits[0][-1])
    if misfit > BENT and limited < 4 * misfit:
        return Axis("kspace", *KSPACE_WIDTH)
    together, *alone = (BIAS * float(WIDTHS[int(m[:-1].argmin())]) for m in misfits)
    error = SQUARE_SD / (2 * together) * math.sqrt(max(1.0, misfit / MISFIT))
    error = math.hypot(error, (max(alone) - min(alone)) / 4)
    if error > VAGUE:
        return Axis(reason="its spectrum fits no profile well")
    return Axis("gaussian", together, error)


def _misfits(frequency: Curve, power: Curve, grid: Curve, curve: Curve, floor: float) -> Curve:
    """χ² of each of `WIDTHS` and, last, of a limit in k-space; a factor is free, and, within `TILT_SD`, a power of the frequency."""
    folded = np.abs(frequency[:, None] + 2 * np.arange(-2, 3))
    anatomy = np.exp(np.interp(folded, grid, curve))
    blurred = np.exp(-((WIDTHS[:, None, None] * np.pi * folded / FWHM_PER_SIGMA) ** 2))
    limited = (0.5 * (1 + np.cos(np.pi * np.clip((folded - 1 + TAPER) / TAPER, 0, 1)))) ** 2
    gain = np.r_[blurred, limited[None]] + LEAK * (folded < 1.01)
    rest = np.log(np.maximum(power, 1e-30)) - np.log((gain * anatomy).sum(axis=2) + floor + 1e-30)
    design = np.c_[np.ones_like(frequency), np.log(frequency)] / BAND_SD
    design = np.r_[design, [[0, 1 / TILT_SD]]]
    target = np.c_[rest / BAND_SD, np.zeros(len(rest))].T
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    return np.asarray(((design @ solution - target) ** 2).sum(axis=0))


def bands(
    array: NDArray[np.generic], axes: Sequence[int], variance: float, coarse: Sequence[int] = ()
) -> Curve | None:
    """Logarithm of the power along `axes`, noise taken off, in nine bands up to the finest frequency, against the second to fourth.

    Args:
        array: (i, j, k) the scan.
        axes: that are averaged.
        variance: of the noise.
        coarse: axes whose neighbours are not averaged.

    Returns:
        (9,); None where no axis has enough lines inside the object.
    """
    levels = []
    footprint = [1 if a in coarse else 2 for a in range(3)]
    points = np.linspace(0.1, 1, 19)
    for axis in axes:
        lines = line_spectrum(array, axis, footprint, 24)
        if lines is not None:
            floor = variance / math.prod(f for a, f in enumerate(footprint) if a != axis)
            power = np.interp(points, 2 * lines.frequency, lines.power)
            levels.append(np.log(np.maximum(power - floor, 0.03 * power) + 1e-30))
    if not levels:
        return None
    level = np.mean(levels, axis=0)
    means = np.array([level[2 * b : 2 * b + 3].mean() for b in range(9)])
    return np.asarray(means - means[1:4].mean())


def _fine(array: NDArray[np.generic], axes: Sequence[int], variance: float, coarse: Sequence[int]) -> Axis:
    """What the axes that are resolved alike have in common."""
    found = bands(array, axes, variance, coarse)
    if found is None:
        return Axis(reason="too few lines of it lie inside the object")
    odds = float(found @ coefficients.KSPACE[:9] + coefficients.KSPACE[9])
    if odds > coefficients.DOUBT:
        return Axis("kspace", *KSPACE_WIDTH)
    if odds > -coefficients.DOUBT:
        return Axis(reason="its spectrum may be of either kind")
    square = float(found @ coefficients.SQUARE[:9] + coefficients.SQUARE[9])
    return Axis("gaussian", math.sqrt(min(max(square, 0.16), 2.0)), coefficients.WIDTH_SD)


def _sentence(axes: Sequence[Axis], thick: int | None, orientation: str) -> str:
    """What was found, by axis; axes of which the same is said are named together."""
    said: dict[str, list[str]] = {}
    for number, axis in enumerate(axes):
        what = axis.reason and f"not known, for {axis.reason}"
        if axis.kind == "kspace":
            what = "limited in k-space"
        elif axis.width is not None:
            amount = f"{axis.width:.2f} ± {axis.error:.2f}"
            what = (
                f"slices {amount} times as thick as they are apart"
                if number == thick
                else f"blurred over {amount} voxels"
            )
        said.setdefault(what, []).append(IN_WORDS[orientation[number]])
    return "; ".join(f"{', '.join(names)}: {what}" for what, names in said.items()) + "."
