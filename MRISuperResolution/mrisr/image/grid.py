"""The lattice of voxel centres on which a volume is sampled, and the targets a user can ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Triple = tuple[float, float, float]

IN_WORDS = {
    "R": "left–right",
    "L": "left–right",
    "A": "front–back",
    "P": "front–back",
    "S": "head–foot",
    "I": "head–foot",
}
"""The axis of each letter of an orientation, for people."""

FACTOR_TOLERANCE = 1e-3
"""A factor beyond this refines an axis; what is nearer to 1 is rounding."""

MAX_AXIS = 4096
"""Longest axis a target may have; more is a typing error rather than a scan."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxel centres in space.

    Args:
        shape: number of voxels along i, j, k.
        affine: (4, 4) float64, voxel index to RAS in mm; its last column is the centre of voxel 0.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> Triple:
        """Distance between neighbouring voxel centres along i, j, k, in mm."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return (float(lengths[0]), float(lengths[1]), float(lengths[2]))

    @property
    def orientation(self) -> str:
        """The anatomical directions the axes point to, such as `RAS` or `LPI`."""
        directions = self.affine[:3, :3] / np.array(self.spacing)
        # Each anatomical axis is given once, however oblique the scan lies.
        world = max(
            permutations(range(3)), key=lambda order: sum(abs(directions[a, i]) for i, a in enumerate(order))
        )
        return "".join(("RL", "AP", "SI")[a][0 if directions[a, i] > 0 else 1] for i, a in enumerate(world))

    @property
    def size(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    @property
    def corners(self) -> NDArray[np.float64]:
        """RAS positions of the eight outer corners of the field of view, (8, 3), in mm."""
        ends = np.array([(-0.5, n - 0.5) for n in self.shape])
        index = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])

    def resampled(self, factor: Sequence[float]) -> Grid:
        """The grid with `factor` times as many voxels a millimetre along each axis.

        The outer corner of voxel 0 stays where it is, so the origin moves by half-voxel differences,
        (1/factor − 1)/2 old voxels. The new grid covers the old field of view entirely: where shape × factor is
        not whole, it is rounded up.
        """
        f = np.asarray(factor, dtype=np.float64)
        shape = [max(1, math.ceil(n * s - 1e-6)) for n, s in zip(self.shape, f, strict=True)]
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] / f
        affine[:3, 3] = self.affine[:3, :3] @ ((1 / f - 1) / 2) + self.affine[:3, 3]
        return Grid((shape[0], shape[1], shape[2]), affine)

    def cropped(self, start: Sequence[int], stop: Sequence[int]) -> Grid:
        """The half-open box `[start, stop)` of this grid, in voxels."""
        affine = self.affine.copy()
        affine[:3, 3] += self.affine[:3, :3] @ np.asarray(start, dtype=np.float64)
        shape = [b - a for a, b in zip(start, stop, strict=True)]
        return Grid((shape[0], shape[1], shape[2]), affine)

    def is_parallel(self, other: Grid) -> bool:
        """Whether `other`'s axes lie along this grid's, in the same order."""
        matrix = (np.linalg.inv(self.affine) @ other.affine)[:3, :3]
        scale = np.diag(matrix)
        return bool(np.allclose(matrix, np.diag(scale), atol=1e-3 * np.abs(scale).max()))

    def axis_positions(self, other: Grid) -> list[NDArray[np.float64]]:
        """Where `other`'s voxel centres lie along each axis of this grid, in this grid's voxel indices.

        Raises:
            InputError: the two grids are not parallel.
        """
        to_self = np.linalg.inv(self.affine) @ other.affine
        scale = np.diag(to_self)[:3]
        if not self.is_parallel(other):
            raise InputError(
                "The two grids are rotated against each other; resample one of them onto the other first."
            )
        return [to_self[a, 3] + scale[a] * np.arange(other.shape[a]) for a in range(3)]

    def factor_to(self, target: Grid) -> Triple:
        """How many times finer `target` is than this grid, along each axis."""
        return _triple([a / b for a, b in zip(self.spacing, target.spacing, strict=True)])


def _triple(values: Sequence[float]) -> Triple:
    return (float(values[0]), float(values[1]), float(values[2]))


def _positive(values: float | Sequence[float], what: str) -> Triple:
    items = [values] * 3 if isinstance(values, (int, float)) else list(values)
    if len(items) == 1:
        items *= 3
    if len(items) != 3 or not all(math.isfinite(v) and v > 0 for v in items):
        raise InputError(
            f"The {what} must be one or three positive numbers, such as 2 or 1,1,4; got {values!r}."
        )
    return _triple(items)


@dataclass(frozen=True)
class Target:
    """The grid a user asks for: a factor, a spacing in mm, or isotropic voxels."""

    kind: Literal["factor", "spacing", "isotropic"]
    values: Triple = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        _positive(self.values, self.kind)

    @classmethod
    def factor(cls, values: float | Sequence[float]) -> Target:
        """So many times finer along each axis; one number for all three, or one each. Need not be whole."""
        return cls("factor", _positive(values, "factor"))

    @classmethod
    def spacing(cls, values: float | Sequence[float]) -> Target:
        """Voxels of this size, in mm."""
        return cls("spacing", _positive(values, "spacing"))

    @classmethod
    def isotropic(cls) -> Target:
        """The finest spacing of the scan, on all axes."""
        return cls("isotropic")

    def grid(self, source: Grid) -> Grid:
        """The target grid for a scan on `source`.

        Raises:
            InputError: the target is coarser than the scan, refines an axis of a single slice, is absurdly large, or asks for isotropic
                voxels of a scan that has them.
        """
        factor = self._factor(source)
        if self.kind == "isotropic" and max(factor) <= 1 + FACTOR_TOLERANCE:
            raise InputError(
                "The voxels are isotropic already: ask for a factor of 2 for finer ones, or of 1 to restore a blurred, interpolated or "
                "zero-filled scan on its own matrix."
            )
        if min(factor) < 1 - 1e-6:
            finest = ",".join(f"{s:.4g}" for s in source.spacing)
            raise InputError(
                f"The target is coarser than the scan on some axis; its spacing is {finest} mm: go no higher on any axis."
            )
        if any(n == 1 and f > 1 + 1e-6 for n, f in zip(source.shape, factor, strict=True)):
            raise InputError(
                "A single slice cannot be refined across itself; use a factor of 1 on that axis, as in 2,2,1."
            )
        if any(n * f > MAX_AXIS for n, f in zip(source.shape, factor, strict=True)):
            raise InputError(
                f"The result would have more than {MAX_AXIS} voxels along an axis; ask for a smaller factor."
            )
        return source.resampled(factor)

    def _factor(self, source: Grid) -> Triple:
        if self.kind == "factor":
            return self.values
        spacing = source.spacing
        if self.kind == "spacing":
            wanted: Sequence[float] = self.values
        else:
            # A lone slice has no neighbour to interpolate towards: its thickness stays, and does not set the goal.
            finest = min(
                (s for s, n in zip(spacing, source.shape, strict=True) if n > 1), default=min(spacing)
            )
            wanted = [min(s, finest) if n > 1 else s for s, n in zip(spacing, source.shape, strict=True)]
        # Spacings come out of headers rounded: a hair's difference is no request to resample.
        return _triple(
            [1.0 if abs(s / w - 1) < 1e-4 else s / w for s, w in zip(spacing, wanted, strict=True)]
        )
