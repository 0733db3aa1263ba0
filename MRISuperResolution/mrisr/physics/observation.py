"""A scan and how it was made; and what that says of an estimate: the one residual that map, verdict, consistency and report share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ..image.arrays import Array, beside, namespace, rms_in
from ..image.grid import Grid
from ..image.metrics import HEAD
from ..image.volume import Volume
from .acquisition import Acquisition
from .moved import moved_operator
from .resampling import Transform


class Operator(Protocol):
    """A linear map A from volumes on the target's grid to scans on their own."""

    def forward(self, x: Array, /) -> Array:
        """A x."""

    def adjoint(self, y: Array, /) -> Array:
        """Aᵀ y, so that ⟨A x, y⟩ = ⟨x, Aᵀ y⟩."""

    @property
    def back_projector(self) -> Operator:
        """B, as an operator from scans to volumes, such that no eigenvalue of A B lies outside [0, 1]."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured of a volume on one grid: y = A x, or y = |A x| of a magnitude scan, up to noise.

    Args:
        measured: y, single precision on the scan's grid; NumPy's or a tensor, as the estimates it is compared with.
        operator: A.
        magnitude: whether negative values of A x were measured as positive ones.
    """

    measured: Array
    operator: Operator
    magnitude: bool = False

    def beside(self, estimate: Array) -> Measurement:
        """The same where an estimate is: a measurement of NumPy's goes to the device of a tensor."""
        return replace(self, measured=beside(self.measured, estimate))

    def seen(self, estimate: Array) -> Array:
        """What the scanner would have seen of an estimate, without noise."""
        scan = self.operator.forward(estimate)
        return abs(scan) if self.magnitude else scan

    def residual(self, estimate: Array) -> Array:
        """What the estimate says beyond what was measured: A x − y, or |A x| − y."""
        return self.seen(estimate) - self.measured

    def misfit(self, estimate: Array) -> Array:
        """By how much A x must change for the residual to vanish: A x − y; of a magnitude scan, towards y with the sign that A x has."""
        scan = self.operator.forward(estimate)
        return (
            scan - namespace(scan).copysign(self.measured, scan) if self.magnitude else scan - self.measured
        )

    def rms(self, rest: Array) -> float:
        """The root mean square of a residual in the head, where a magnitude scan's noise has no bias; everywhere if there is no head.

        The scan must be on the models' scale, see `metrics.HEAD`.
        """
        return rms_in(rest, self._head)

    @cached_property
    def _head(self) -> Array:
        """1 there, 0 elsewhere, as `rms_in` takes it."""
        head = self.measured > HEAD
        return namespace(head).asarray(head if head.any() else ~head, dtype=self.measured.dtype)


@dataclass(frozen=True, eq=False)
class Observation:
    """A scan and how it was made.

    Args:
        volume: the scan.
        acquisition: the forward model.
        transform: where it lies, if not where its header says: a rigid motion in RAS, mm, see `resampling.Transform`; such a scan and one
            that is not parallel to the target need torch.

    Example:
        >>> from mrisr import Acquisition, Target, Volume
        >>> scan = Volume(np.ones((4, 4, 4), np.float32), np.eye(4))
        >>> target = Target.factor(2).grid(scan.grid)
        >>> measurement = Observation(scan, Acquisition.of_factor((2, 2, 2))).of(target)
        >>> float(np.abs(measurement.residual(np.ones(target.shape, np.float32))).max()) < 1e-6
        True
    """

    volume: Volume
    acquisition: Acquisition
    transform: Transform | None = None

    def operator(self, target: Grid) -> Operator:
        """A, from volumes on a grid."""
        if self.transform is None and target.is_parallel(self.volume.grid):
            return self.acquisition.operator(target, self.volume.grid)
        transform = np.eye(4) if self.transform is None else self.transform
        return moved_operator(target, self.volume.grid, self.acquisition, transform)

    def of(self, target: Grid) -> Measurement:
        """What it says of volumes on a grid."""
        operator = self.operator(target)
        return Measurement(
            self.volume.array.astype(np.float32, copy=False), operator, self.acquisition.magnitude
        )
