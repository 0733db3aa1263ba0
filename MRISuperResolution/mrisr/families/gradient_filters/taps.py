"""The neighbours a filter reads, gathered as rows of a matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .features import pad


@dataclass(frozen=True)
class Taps:
    """A box of neighbours around a voxel. sides: odd, taps per axis. steps: voxels from one tap to the next."""

    sides: tuple[int, int, int]
    steps: tuple[int, int, int] = (1, 1, 1)

    @property
    def count(self) -> int:
        """Taps in the box."""
        return math.prod(self.sides)

    @property
    def center(self) -> int:
        """Number of the tap on the voxel itself."""
        return self.count // 2

    @property
    def halo(self) -> tuple[int, int, int]:
        """Voxels beyond a voxel that its filter reads, per axis."""
        a, b, c = (side // 2 * step for side, step in zip(self.sides, self.steps, strict=True))
        return a, b, c


class PatchReader:
    """Reads patches of one volume (i, j, k), whose border is repeated outwards."""

    def __init__(self, volume: Tensor, taps: Taps) -> None:
        self.taps = taps
        padded = pad(volume, taps.halo).contiguous()
        self._strides = padded.stride()
        self._flat = padded.reshape(-1)
        last, step = taps.sides[2], taps.steps[2]
        # A row of taps along the last axis is one strided run of memory: gathering runs is far cheaper than single taps.
        self._rows = self._flat.as_strided((self._flat.numel() - (last - 1) * step, last), (1, step))
        i = torch.arange(taps.sides[0], device=volume.device) * (taps.steps[0] * self._strides[0])
        j = torch.arange(taps.sides[1], device=volume.device) * (taps.steps[1] * self._strides[1])
        self._starts = (i[:, None] + j).reshape(-1)
        self._center = sum(h * s for h, s in zip(taps.halo, self._strides, strict=True))

    def offsets(self, voxels: Tensor) -> Tensor:
        """(n,) places in memory of the first tap of (n, 3) voxel indices."""
        return (
            voxels[:, 0] * self._strides[0]
            + voxels[:, 1] * self._strides[1]
            + voxels[:, 2] * self._strides[2]
        )

    def differences(self, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """(n, t) patches minus their own centre, and the (n, 1) centres. The centre tap itself is therefore 0."""
        rows = (offsets[:, None] + self._starts).reshape(-1)
        patches = self._rows.index_select(0, rows).reshape(len(offsets), self.taps.count)
        centers = self._flat[offsets + self._center][:, None]
        return patches.sub_(centers), centers
