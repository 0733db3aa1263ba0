"""What is random about a chunk of training pairs, drawn on the processor; the pairs follow from it on any device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ...image.arrays import Array, namespace
from ...image.grid import Grid, Triple
from ...neural.conditioning import Inputs, Table
from ...physics.acquisition import Acquisition
from ...physics.interpolation import Kind, interpolator
from ...physics.operators import SeparableOperator
from .augmentation import Intensities

Order = tuple[int, int, int]

Flags = tuple[bool, bool, bool]

KEPT = 512
"""Operators that stay in memory, as many as a bank of acquisitions needs; each holds matrices of some 100 kB."""


@dataclass(frozen=True)
class Crop:
    """A part of a scan, turned.

    Args:
        scan: its number.
        order: which of its axes comes first, second, third.
        backwards: whether an axis runs backwards, once they are in order.
        start, shape: the part, in voxels of the turned scan.
        padded: its shape with air behind it.
    """

    scan: int
    order: Order
    backwards: Flags
    start: Order
    shape: Order
    padded: Order

    def of(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of the scan's (i, j, k)."""
        turned = array.transpose(self.order)[
            tuple(slice(None, None, -1) if flip else slice(None) for flip in self.backwards)
        ]
        part = turned[tuple(slice(a, a + n) for a, n in zip(self.start, self.shape, strict=True))]
        lack = [(0, whole - n) for whole, n in zip(self.padded, self.shape, strict=True)]
        return np.pad(part, lack) if self.padded != self.shape else part


@dataclass(frozen=True, eq=False)
class Draw:
    """All that is random about a chunk.

    Args:
        crop: which part of which scan.
        intensities: how bright it becomes.
        acquisition, factor: how it is degraded.
        sigma, seed: of the noise; 0 without.
        shown, profiles: what a network is shown and told of that, see `telling.as_told`.
        starts: (n, 3), the first voxels of its patches.
    """

    crop: Crop
    intensities: Intensities
    acquisition: Acquisition
    factor: Triple
    sigma: float
    seed: int
    shown: Acquisition
    profiles: Table
    starts: NDArray[np.int64]

    def noise(self) -> NDArray[np.float32] | None:
        """The scan's complex noise, of standard deviation 1, as `acquisition.rician` draws it, (2, i, j, k); None if there is none."""
        if not self.sigma:
            return None
        rng, (_, measured) = np.random.default_rng(self.seed), _grids(self.factor, self.crop.padded)
        return np.stack([rng.standard_normal(measured.shape, dtype=np.float32) for _ in range(2)])


class Brightness:
    """A part of a scan as bright as it becomes, computed where it is looked at."""

    def __init__(self, stored: NDArray[np.uint8], intensities: Intensities) -> None:
        self._stored, self._intensities = stored, intensities
        self.shape = stored.shape

    @cached_property
    def whole(self) -> NDArray[np.float32]:
        """All of it."""
        return np.asarray(self._intensities.of(self._stored))

    def __getitem__(self, part: tuple[slice, ...]) -> NDArray[np.float32]:
        if self._intensities.bias is not None:  # a field over all of it
            return self.whole[part]
        return np.asarray(self._intensities.of(self._stored[part]))


@lru_cache(maxsize=KEPT)
def operator_of(acquisition: Acquisition, factor: Triple, shape: Order) -> SeparableOperator:
    """The acquisition's linear part, from volumes of this shape; its noise is left aside."""
    target, measured = _grids(factor, shape)
    return acquisition.operator(target, measured)


@lru_cache(maxsize=KEPT)
def interpolation_of(factor: Triple, shape: Order, kind: Kind) -> SeparableOperator:
    """The interpolation back to volumes of this shape."""
    target, measured = _grids(factor, shape)
    return interpolator(measured, target, kind)


def _grids(factor: Triple, shape: Order) -> tuple[Grid, Grid]:
    target = Grid(shape, np.eye(4))
    return target, target.resampled([1 / f for f in factor])


def volumes(
    draw: Draw, stored: Array, noise: Array | None, kind: Kind, inputs: Inputs
) -> tuple[Array, Array]:
    """What a network is shown of a draw's part of its scan, and what it is to make of it.

    Args:
        draw: how it is degraded.
        stored: the part, uint8 of NumPy's or a tensor of whole numbers on any device.
        noise: from `Draw.noise`, of the same kind; None if there is none.
        kind: of interpolation.
        inputs: how what the network is shown comes about.

    Returns:
        (estimates, i, j, k) and (i, j, k), of the same kind, single precision.
    """
    reference = draw.intensities.of(stored)
    seen, shown = (
        operator_of(replace(each, noise=0.0), draw.factor, draw.crop.padded)
        for each in (draw.acquisition, draw.shown)
    )
    scan = seen.forward(reference)
    scan = abs(scan) if draw.acquisition.magnitude else scan
    if noise is not None:
        scan = namespace(scan).hypot(scan + draw.sigma * noise[0], draw.sigma * noise[1])
    initial = interpolation_of(draw.factor, draw.crop.padded, kind).forward(scan)
    return inputs.estimates(initial, scan, shown), reference
