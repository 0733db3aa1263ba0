"""A volume seen from elsewhere: resampled at the voxels of a grid that lies anywhere, with the exact adjoint.

Trilinear interpolation alone blurs by how far a sample lies from the voxels, which costs a reconstruction 3 dB. So the volume is first
interpolated to twice as many voxels along the axes that matter, and the lattice is shifted by 0.21 voxels and sharpened by a recursive
filter (Blu, Thévenaz & Unser 2004, IEEE Trans. Image Process. 13(5), 710–719): what is left is 0.3 % of the brightness. Torch does the
work, wherever the volume is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ..image.arrays import Array
from ..image.grid import Grid
from .operators import Matrix, SeparableOperator, lanczos_rows

Transform = NDArray[np.float64]
"""(4, 4) rigid motion in RAS, mm, from where a scan's header places a point to where it lies in the subject."""

Vector = Sequence[float] | NDArray[np.float64]

Box = tuple[slice, slice, slice]

SHIFT = (1 - 1 / math.sqrt(3)) / 2
"""The shift of the lattice that makes linear interpolation best, in voxels."""

MARGIN = 6
"""Voxels around a part of the volume within which what is cut off does not count."""

CHUNK = 1_500_000
"""Samples that are placed at a time: what bounds memory."""


@dataclass(frozen=True, eq=False)
class Resampling:
    """S: a volume on `source` at the voxel centers of `samples`, which `transform` has moved; 0 outside the volume.

    Args:
        source: grid of the volume.
        samples: where it is sampled.
        transform: from the samples' space to the source's.
        doubled: the axes of the source along which it is interpolated to twice as many voxels first.
        layered: the axis of `samples` along which the work is cut into pieces.
    """

    source: Grid
    samples: Grid
    transform: Transform
    doubled: tuple[bool, bool, bool] = (True, True, True)
    layered: int = 2

    def forward(self, x: Array) -> Array:
        """S x; NumPy's or a tensor, and so is the answer."""
        return _by_torch(self._forward, x)

    def adjoint(self, y: Array) -> Array:
        """Sᵀ y."""
        return _by_torch(self._adjoint, y)

    def _forward(self, x: Array) -> Array:
        import torch
        from torch.nn.functional import grid_sample

        out = torch.zeros(self.samples.shape, dtype=x.dtype, device=x.device)
        for layers, box, places in self._pieces(x):
            part = self._filter(box).forward(x[box])
            seen = grid_sample(part[None, None], places, align_corners=False)
            out[layers] = seen[0, 0]
        return out

    def _adjoint(self, y: Array) -> Array:
        import torch

        total = torch.zeros(self.source.shape, dtype=y.dtype, device=y.device)
        for layers, box, places in self._pieces(y):
            filtering = self._filter(box)
            shape = y.new_empty(1).expand(1, 1, *self._sides(box))
            # Bilinear, zeros beyond the field, voxel centers at half-integers; only the gradient of the volume is asked for.
            back = torch.ops.aten.grid_sampler_3d_backward(
                y[layers][None, None].contiguous(), shape, places, 0, 0, False, [True, False]
            )
            total[box] += filtering.adjoint(back[0][0, 0])
        return total

    def _pieces(self, like: Array) -> Iterator[tuple[Box, Box, Array]]:
        """Layers of the samples, the box of the volume that they see, and where they lie in it, as `grid_sample` wants it."""
        axis, n = self.layered, self.samples.shape[self.layered]
        step = max(1, CHUNK * n // max(1, self.samples.size))
        for start in range(0, n, step):
            first, last = [0, 0, 0], list(self.samples.shape)
            first[axis], last[axis] = start, min(n, start + step)
            box = self._seen(first, last)
            if box is not None:
                yield _box(first, last), box, self._places(first, last, box, like)

    @cached_property
    def _to_source(self) -> Transform:
        """From the samples' voxels to the source's."""
        return np.asarray(np.linalg.inv(self.source.affine) @ self.transform @ self.samples.affine)

    def _seen(self, first: Sequence[int], last: Sequence[int]) -> Box | None:
        """The part of the volume that samples can see; None where they lie outside."""
        ends = [(a, b - 1) for a, b in zip(first, last, strict=True)]
        corners = (
            np.array(list(itertools.product(*ends))) @ self._to_source[:3, :3].T + self._to_source[:3, 3]
        )
        low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - MARGIN, 0)
        high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + MARGIN + 1, self.source.shape)
        return None if (low >= high).any() else _box(low.tolist(), high.tolist())

    def _places(self, first: Sequence[int], last: Sequence[int], box: Box, like: Array) -> Array:
        """(1, i, j, k, 3), from -1 to 1 over the filtered box, its last axis first."""
        import torch

        matrix = self._to_source[:3].copy()
        matrix[:, 3] += matrix[:, :3] @ np.asarray(first) - [side.start for side in box]
        matrix *= np.where(self.doubled, 2.0, 1.0)[:, None]  # every other voxel is one of the volume's own
        matrix[:, 3] += 1 - SHIFT
        sides = np.array(self._sides(box))
        matrix *= (2 / sides)[:, None]
        matrix[:, 3] += 1 / sides - 1
        total: Array = 0.0
        for axis in range(3):
            steps = np.arange(last[axis] - first[axis])[:, None] * matrix[::-1, axis]
            steps += matrix[::-1, 3] if axis == 0 else 0.0
            shape = [-1 if a == axis else 1 for a in range(3)]
            total = total + torch.from_numpy(steps.reshape(*shape, 3)).to(like.dtype).to(like.device)
        return total[None]

    def _sides(self, box: Box) -> list[int]:
        return [_lattice(s.stop - s.start, twice) for s, twice in zip(box, self.doubled, strict=True)]

    def _filter(self, box: Box) -> SeparableOperator:
        sides = tuple(side.stop - side.start for side in box)
        return _filter(sides, self.doubled)


def rigid(center: Vector, rotation: Vector, shift: Vector) -> Transform:
    """A turn about `center` by a rotation vector in degrees, then a shift in mm; (4, 4).

    Example:
        >>> rigid((0, 0, 0), (0, 0, 90), (1, 0, 0)).round(6)[:2, [0, 1, 3]].tolist()
        [[0.0, -1.0, 1.0], [1.0, 0.0, 0.0]]
    """
    from scipy.spatial.transform import Rotation

    transform = np.eye(4)
    transform[:3, :3] = turn = Rotation.from_rotvec(rotation, degrees=True).as_matrix()
    transform[:3, 3] = np.asarray(center) - turn @ np.asarray(center) + np.asarray(shift)
    return transform


def _box(first: Sequence[int], last: Sequence[int]) -> Box:
    i, j, k = (slice(a, b) for a, b in zip(first, last, strict=True))
    return i, j, k


def _lattice(n: int, doubled: bool) -> int:
    """Voxels after the filter: one lies before the field, for the lattice is shifted."""
    return (2 * n if doubled else n) + 1


@lru_cache(maxsize=64)
def _filter(sides: tuple[int, ...], doubled: tuple[bool, ...]) -> SeparableOperator:
    i, j, k = (_rows(n, twice) for n, twice in zip(sides, doubled, strict=True))
    return SeparableOperator((i, j, k))


@lru_cache(maxsize=256)
def _rows(n: int, doubled: bool) -> Matrix:
    """Interpolation to twice as many voxels, and the causal filter whose output, interpolated linearly at `SHIFT`, is its input."""
    fine = _lattice(n, doubled)
    pole = SHIFT / (1 - SHIFT)
    lag = np.arange(fine)[:, None] - np.arange(fine)
    rows = np.where(lag >= 0, (-pole) ** np.maximum(lag, 0) / (1 - SHIFT), 0.0)
    rows[np.abs(rows) < 1e-7] = 0
    rows[:, 0] += 1 - rows.sum(axis=1)  # what lies before the field is as its first voxel
    if not doubled:
        rows = rows @ np.eye(fine, n, -1) + rows[:, :1] * np.eye(1, n)
    else:
        rows = rows @ lanczos_rows(np.clip((np.arange(fine) - 1) / 2, 0, n - 1), n)
    return np.asarray(rows, dtype=np.float32)


def _by_torch(apply: Callable[[Array], Array], array: Array) -> Array:
    if not isinstance(array, np.ndarray):
        return apply(array)
    import torch

    return apply(torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))).numpy()
