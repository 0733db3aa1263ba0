"""Scans that lie anywhere in space: the volume is resampled where a scan's samples lie, then scanned as by any other scanner.

    A = M S        S: resampling onto a fine grid along the scan's own axes, moved rigidly; M: the scan's separable operator

Both have exact adjoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..image.arrays import Array, namespace
from ..image.grid import Grid
from .acquisition import Acquisition
from .operators import SeparableOperator
from .resampling import Resampling, Transform

ALONG = 0.9
"""From this cosine on, an axis of the volume lies along one of the scan."""

COARSE = 2.0
"""An axis that is so many times coarser in the scan holds nothing that interpolation could blur."""


@dataclass(frozen=True, eq=False)
class MovedOperator:
    """A = M S, see above.

    Args:
        sampling: S.
        scan: M, from the fine grid to the scan's.
    """

    sampling: Resampling
    scan: SeparableOperator

    def forward(self, x: Array) -> Array:
        """A x; NumPy's or a tensor, and so is the answer."""
        return self.scan.forward(self.sampling.forward(x))

    def adjoint(self, y: Array) -> Array:
        """Aᵀ y."""
        return self.sampling.adjoint(self.scan.adjoint(y))

    @cached_property
    def back_projector(self) -> ScaledAdjoint:
        """B = Aᵀ / ‖A‖², so that no eigenvalue of A B lies outside [0, 1]."""
        return ScaledAdjoint(self, largest_square(self, self.sampling.source))


@dataclass(frozen=True, eq=False)
class SliceBySlice:
    """Slices that moved each by itself: one operator a slice, whose scans lie side by side along an axis."""

    slices: Sequence[MovedOperator]
    axis: int

    def forward(self, x: Array) -> Array:
        """A x; NumPy's or a tensor, and so is the answer."""
        return namespace(x).concatenate([each.forward(x) for each in self.slices], axis=self.axis)

    def adjoint(self, y: Array) -> Array:
        """Aᵀ y."""
        total: Array = 0.0
        for number, each in enumerate(self.slices):
            total = total + each.adjoint(layer(y, self.axis, number))
        return total

    @cached_property
    def back_projector(self) -> ScaledAdjoint:
        """B = Aᵀ / ‖A‖², so that no eigenvalue of A B lies outside [0, 1]."""
        return ScaledAdjoint(self, largest_square(self, self.slices[0].sampling.source))


@dataclass(frozen=True, eq=False)
class ScaledAdjoint:
    """B = Aᵀ / square."""

    operator: MovedOperator | SliceBySlice
    square: float

    def forward(self, y: Array) -> Array:
        """B y."""
        return self.operator.adjoint(y) / self.square

    def adjoint(self, x: Array) -> Array:
        """Bᵀ x."""
        return self.operator.forward(x) / self.square

    @property
    def back_projector(self) -> ScaledAdjoint:
        """None is needed of a back-projector."""
        raise NotImplementedError


def moved_operator(
    target: Grid, measured: Grid, acquisition: Acquisition, transform: Transform
) -> MovedOperator:
    """A of a scan that lies anywhere.

    Args:
        target: grid of the volumes.
        measured: of the scan.
        acquisition: how it was made, along its own axes.
        transform: from where its header places it to where it lies in the subject.
    """
    fine = fine_grid(target, measured)
    axis = slice_axis(measured)
    sampling = Resampling(target, fine, transform, _resolved(target, fine, measured, transform), axis)
    return MovedOperator(sampling, acquisition.operator(fine, measured))


def slice_by_slice(operator: MovedOperator, measured: Grid, transforms: Sequence[Transform]) -> SliceBySlice:
    """The same scan with a transform of its own for each slice.

    Args:
        operator: of the scan as a whole.
        measured: its grid.
        transforms: one a slice.
    """
    axis, whole = slice_axis(measured), operator.sampling
    rows = operator.scan.matrices[axis]
    rows = np.eye(measured.shape[axis], dtype=np.float32) if rows is None else rows
    slices = []
    for row, transform in zip(rows, transforms, strict=True):
        seen = np.flatnonzero(row)
        first, last = [0, 0, 0], list(whole.samples.shape)
        first[axis], last[axis] = int(seen[0]), int(seen[-1]) + 1
        sampling = Resampling(
            whole.source, whole.samples.cropped(first, last), transform, whole.doubled, axis
        )
        matrices = list(operator.scan.matrices)
        matrices[axis] = row[None, first[axis] : last[axis]]
        slices.append(MovedOperator(sampling, SeparableOperator((matrices[0], matrices[1], matrices[2]))))
    return SliceBySlice(slices, axis)


def fine_grid(target: Grid, measured: Grid) -> Grid:
    """The scan's grid, refined to about the target's spacing."""
    wanted = min(target.spacing)
    return measured.resampled(
        [
            max(1, round(s / wanted)) if n > 1 else 1
            for s, n in zip(measured.spacing, measured.shape, strict=True)
        ]
    )


def slice_axis(grid: Grid) -> int:
    """The axis of the largest spacing, the last one of several."""
    return max(range(3), key=lambda axis: (round(grid.spacing[axis], 3), axis))


def layer(array: Array, axis: int, number: int) -> Array:
    """One slice of a scan, which keeps its three axes."""
    index = [slice(None)] * 3
    index[axis] = slice(number, number + 1)
    return array[tuple(index)]


def largest_square(operator: Any, source: Grid, steps: int = 30) -> float:
    """‖A‖² by power iteration, with a margin for what that leaves."""
    x = np.random.default_rng(0).random(source.shape, dtype=np.float32)
    square = 1.0
    for _ in range(steps):
        x = operator.adjoint(operator.forward(x / np.linalg.norm(x)))
        square = float(np.linalg.norm(x))
    return 1.1 * square


def _resolved(target: Grid, fine: Grid, measured: Grid, transform: Transform) -> tuple[bool, bool, bool]:
    """Which axes of the target hold detail that the scan resolves: all but one that lies along its thick slices."""
    between = np.linalg.inv(target.affine[:3, :3]) @ transform[:3, :3] @ fine.affine[:3, :3]
    cosines = np.abs(between) / np.linalg.norm(between, axis=0)
    thick = [m / f >= COARSE for m, f in zip(measured.spacing, fine.spacing, strict=True)]
    i, j, k = (not any(thick[a] and cosines[axis, a] > ALONG for a in range(3)) for axis in range(3))
    return i, j, k
