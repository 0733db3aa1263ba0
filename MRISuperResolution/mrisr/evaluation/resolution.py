"""How fine results are, beside how near: phantoms of an edge and of line pairs, whose answers are known.

**Edge.** A plane between two tissues, slightly tilted against the voxels, so that many voxels see it at many distances: sorted by distance
they give the edge's profile far finer than the voxels are (ISO 12233). Told is the full width at half maximum (FWHM) of the Gaussian
that leaves the edge most like that, in voxels of the result: between thick slices an edge looks different wherever it lies, and one
slope of it says little.

**Line pairs.** Waves of several periods side by side. What is left of a wave's amplitude is the modulation at its frequency; of a linear
system that is its transfer function.

Networks are not linear: what they make of an edge of this contrast, without texture and noise, is the best they can do, and no promise for
faint structures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.grid import Grid
from ..image.volume import Volume
from ..models.base import Model
from ..physics.interpolation import interpolate
from ..physics.operators import FWHM_PER_SIGMA
from ..physics.protocols import Protocol
from ..pipeline.enhancement import enhance
from ..pipeline.settings import Settings

Array = NDArray[np.float32]
Double = NDArray[np.float64]

SIDE = 48
"""Voxels of the phantoms along each axis."""

TISSUES = (0.35, 0.85)
"""Brightness on both sides of the edge."""

TILT = 0.11
"""Of the edge: voxels along the axis for each voxel across it. Over the phantom it passes any voxel of up to five."""

BIN = 0.1
"""Of distances from the edge, in voxels."""

FAR = 14.0
"""Distance from the edge beyond which nothing changes, in voxels."""

FAINT = 0.05
"""A step in brightness that is no edge."""

MARGIN = 8
"""Voxels at the phantom's border that do not count."""

PERIODS = (3, 4, 6, 8)
"""Of the line pairs, in voxels."""

WAVE = (0.6, 0.25)
"""Mean and amplitude of the line pairs."""


@dataclass(frozen=True)
class Resolution:
    """What the phantoms show, along an axis that the protocol makes coarser.

    Args:
        protocol: its name.
        fwhm: of the scan, of cubic interpolation and of the result, in voxels of the result.
        line_pairs: for each of `PERIODS` the share of the amplitude that is left in cubic interpolation and in the result.
    """

    protocol: str
    fwhm: tuple[float, float, float]
    line_pairs: dict[int, tuple[float, float]]

    def describe(self) -> dict[str, Any]:
        """As cards have it."""
        pairs = {
            str(period): [round(value, 3) for value in shares] for period, shares in self.line_pairs.items()
        }
        return {
            "protocol": self.protocol,
            "fwhm": [round(value, 2) for value in self.fwhm],
            "line_pairs": pairs,
        }


def resolution_of(model: Model, protocol: Protocol, settings: Settings | None = None) -> Resolution:
    """Measure what a model makes of the phantoms.

    Args:
        model: loaded.
        protocol: how the phantoms are scanned; the model is told.
        settings: device, precision, tile and seed.
    """
    grid = Grid((SIDE, SIDE, SIDE), np.eye(4))
    affected = protocol.affected(grid.orientation)
    axis = affected.index(True)
    across = (axis + 1) % 3
    told = replace(protocol.acquisition(affected), noise=0.0)
    asked = replace(settings or Settings(), model=model.card.name, target=grid, acquisition=told)
    made: list[tuple[Array, Array]] = []
    phantoms = (edge_phantom(grid, axis, across), line_pairs_phantom(grid, axis, across))
    scans = [protocol.simulate(phantom, seed=asked.seed) for phantom in phantoms]
    for scan in scans:
        cubic = interpolate(scan.array, scan.grid, grid, "cubic")
        made.append((cubic, enhance(scan, asked, model=model).volume.array))
    edges = (scans[0], *(Volume(array, grid.affine) for array in made[0]))
    scan_width, cubic_width, width = (edge_width(edge, axis, across) for edge in edges)
    cubic_left, left = (modulation(array, axis, across) for array in made[1])
    pairs = {period: (cubic_left[period], left[period]) for period in PERIODS}
    return Resolution(protocol.name, (scan_width, cubic_width, width), pairs)


def edge_phantom(grid: Grid, axis: int, across: int) -> Volume:
    """A tilted edge through the middle; each voxel holds its share of both tissues along the axis.

    Args:
        grid: of the phantom; distances are in its mm.
        axis: that the edge is seen along.
        across: along which it is tilted.
    """
    share = np.clip(_distance(grid, axis, across) + 0.5, 0, 1)
    low, high = TISSUES
    return Volume((low + (high - low) * share).astype(np.float32), grid.affine)


def line_pairs_phantom(grid: Grid, axis: int, across: int) -> Volume:
    """Waves along an axis, one period after the other across it, equally much of each."""
    mean, amplitude = WAVE
    places = np.arange(grid.shape[axis])
    array = np.empty(grid.shape, np.float32)
    for period, part in _parts(grid.shape, across):
        shape = [-1 if a == axis else 1 for a in range(3)]
        array[part] = (mean + amplitude * np.sin(2 * np.pi * places / period)).reshape(shape)
    return Volume(array, grid.affine)


def edge_width(edge: Volume, axis: int, across: int) -> float:
    """The full width at half maximum of the Gaussian that blurs the edge of `edge_phantom` like this, in mm.

    Args:
        edge: on a grid that covers the phantom's.
        axis: that the edge is seen along.
        across: along which it is tilted.

    Raises:
        InputError: there is no edge.
    """
    from scipy.optimize import least_squares

    near = _distance(edge.grid, axis, across) / np.sqrt(1 + TILT**2)
    inner = np.zeros(edge.shape, bool)
    inner[tuple(slice(*_within(edge, a)) for a in range(3))] = True
    inner &= np.abs(near) < FAR
    places = np.rint((near[inner] + FAR) / BIN).astype(int)
    count = np.bincount(places)
    seen = count > 0
    total = np.bincount(places, weights=edge.array[inner].astype(np.float64))
    where = np.bincount(places, weights=near[inner])[seen] / count[seen]
    values, weight = total[seen] / count[seen], np.sqrt(count[seen])
    low, high = float(values.min()), float(values.max())
    if high - low < FAINT:
        raise InputError("There is no edge whose width could be measured.")
    found = least_squares(lambda p: weight * (_edge(where, *p) - values), (low, high - low, 0.0, 1.0)).x
    return abs(float(found[3])) * FWHM_PER_SIGMA


def _edge(place: Double, low: float, step: float, middle: float, sigma: float) -> Double:
    """What a Gaussian leaves of a step."""
    from scipy.special import ndtr

    return np.asarray(low + step * ndtr((place - middle) / max(abs(sigma), 1e-3)))


def modulation(array: Array, axis: int, across: int) -> dict[int, float]:
    """What is left of the waves of `line_pairs_phantom`, by period: amplitude over the phantom's."""
    found = {}
    lines = np.moveaxis(array, axis, -1)
    places = np.arange(MARGIN, array.shape[axis] - MARGIN)
    for period, part in _parts(array.shape, across):
        slab = [*part]
        del slab[axis]
        mean = lines[tuple(slab)][..., places].astype(np.float64).mean(axis=(0, 1))
        angle = 2 * np.pi * places / period
        terms = np.column_stack([np.sin(angle), np.cos(angle), np.ones(len(places)), places])
        fit = np.linalg.lstsq(terms, mean, rcond=None)[0]
        found[period] = float(np.hypot(fit[0], fit[1]) / WAVE[1])
    return found


def _distance(grid: Grid, axis: int, across: int) -> Double:
    """From the edge, along the axis, in mm of a phantom that begins at 0 and has voxels of 1 mm."""
    positions = [
        np.arange(n) * s + o for n, s, o in zip(grid.shape, grid.spacing, grid.affine[:3, 3], strict=True)
    ]
    along, tilted = (
        (positions[a] - (SIDE - 1) / 2).reshape([-1 if b == a else 1 for b in range(3)])
        for a in (axis, across)
    )
    return np.broadcast_to(along + TILT * tilted, grid.shape)


def _within(edge: Volume, axis: int) -> tuple[int, int]:
    margin = int(np.ceil(MARGIN / edge.spacing[axis]))
    return margin, edge.shape[axis] - margin


def _parts(shape: Sequence[int], across: int) -> list[tuple[int, tuple[slice, ...]]]:
    """The periods and where their waves are."""
    width = shape[across] // len(PERIODS)
    return [
        (period, tuple(slice(n * width, (n + 1) * width) if a == across else slice(None) for a in range(3)))
        for n, period in enumerate(PERIODS)
    ]
