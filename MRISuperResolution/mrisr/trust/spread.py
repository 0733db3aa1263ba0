"""How much a result would change with the scan lying differently or the dice falling differently: mean and standard deviation.

A model that draws random numbers is run with several seeds. Any other is run on the scan flipped along its axes, up to eight ways, and
each result is flipped back (test-time augmentation; Wang et al. 2019, Neurocomputing 338, 34–45, use it for the same purpose): anatomy
does not care which way the array runs, so that what changes is what the model made up.

The scan, the target and the acquisition's matrices are flipped together. Along an axis whose target does not lie symmetrically about the
scan (its length times the factor is not whole), a flip would move the samples between the voxels; such an axis is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..image.arrays import Array, namespace
from ..image.grid import Grid
from ..physics.operators import SeparableOperator


@dataclass(frozen=True)
class Flip:
    """A reversal of some of the axes; its own inverse."""

    axes: tuple[int, ...] = ()

    def array(self, array: Array) -> Array:
        """A volume, NumPy's or a tensor, reversed; the array itself where nothing is."""
        if not self.axes:
            return array
        flipped = namespace(array).flip(array, self.axes)
        return np.ascontiguousarray(flipped) if isinstance(flipped, np.ndarray) else flipped

    def operator(self, operator: SeparableOperator) -> SeparableOperator:
        """The operator between reversed volumes: both ends of its matrices are reversed."""
        i, j, k = (
            m if m is None or axis not in self.axes else np.ascontiguousarray(m[::-1, ::-1])
            for axis, m in enumerate(operator.matrices)
        )
        return SeparableOperator((i, j, k))


def flips(scan: Grid, target: Grid, count: int) -> list[Flip]:
    """The first `count` reversals under which scan and target keep their places; the identity first, then single axes.

    Fewer than `count` where there are no more: eight, halved for each axis that cannot be reversed.
    """
    free = [axis for axis in range(3) if _symmetric(scan, target, axis)]
    ways = [
        tuple(a for a, chosen in zip(free, pick, strict=True) if chosen)
        for pick in product((False, True), repeat=len(free))
    ]
    return [Flip(axes) for axes in sorted(ways, key=lambda axes: (len(axes), axes))[:count]]


def _symmetric(scan: Grid, target: Grid, axis: int) -> bool:
    n = scan.shape[axis]
    positions = scan.axis_positions(target)[axis]
    return n > 1 and bool(np.allclose(positions + positions[::-1], n - 1, atol=1e-3))


@dataclass
class Mean:
    """The mean of volumes that are seen one at a time: one volume of memory."""

    count: int = 0
    mean: Array = 0.0

    def add(self, sample: Array) -> None:
        """Take in one more volume, NumPy's or a tensor as the others. The first is held itself: it must stay as it is."""
        self.count += 1
        self.mean = sample if self.count == 1 else self.mean + (sample - self.mean) / self.count


@dataclass
class Moments:
    """Mean and standard deviation of volumes that are seen one at a time (Welford 1962, Technometrics 4(3)): two volumes of memory."""

    count: int = 0
    mean: Array = 0.0
    squares: Array = 0.0

    def add(self, sample: Array) -> None:
        """Take in one more volume, NumPy's or a tensor as the others."""
        self.count += 1
        before = sample - self.mean
        self.mean = self.mean + before / self.count
        self.squares = self.squares + before * (sample - self.mean)

    @property
    def deviation(self) -> Array:
        """The sample standard deviation (over count − 1); 0 for a single volume."""
        return (self.squares.clip(0) / max(1, self.count - 1)) ** 0.5


def seeds(first: int, count: int) -> Sequence[int]:
    """The seeds of `count` runs."""
    return range(first, first + count)
