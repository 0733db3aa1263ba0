"""Where the windows lie along an axis: the strips that a network sees of it, and the weights that blend them without seams.

One rule holds at the border of what is tiled, whatever the tiles: a window ends a few voxels beyond it (`TileShape.border`), beyond the
field of view these mirror the volume, and the network's own padding follows. Inside each window sees a halo of its neighbours' voxels.
Nothing here needs torch: what a run will compute is known before there is any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST_TILE = 32
LARGEST_TILE = 320

MEMORY_SHARE = 0.5
"""Share of the free memory that a tile may take: allocators fragment, and other programs live too."""

AIR = 4
"""Voxels of air around the head that a network sees at least, where the field has them."""

RAMP = 8
"""Voxels over which neighbouring tiles are faded into each other, at most."""


@dataclass(frozen=True)
class TileShape:
    """How a model wants to be tiled (from its card).

    Args:
        side: voxels along each axis that a tile contributes where nobody knows how much memory is free.
        halo: voxels around a tile that the network sees but whose answers are dropped.
        multiple: tiles begin and end at multiples of this on the target grid, and so do halo and border.
        bytes_per_voxel: memory the network takes per voxel of tile and halo.
        border: voxels beyond the field of view that mirror it; 0 where the network does better with its own padding there.
    """

    side: int = 96
    halo: int = 8
    multiple: int = 1
    bytes_per_voxel: float = 256.0
    border: int = 8

    @property
    def margin(self) -> int:
        """The halo, rounded up to the multiple."""
        return self.rounded(self.halo)

    def fitting(self, free_memory: int | None) -> int:
        """The side that fits into so many bytes, halo aside."""
        if free_memory is None:
            return self.rounded(self.side)
        voxels = MEMORY_SHARE * free_memory / max(self.bytes_per_voxel, 1.0)
        side = min(int(voxels ** (1 / 3)) - 2 * self.margin, LARGEST_TILE) // self.multiple * self.multiple
        return max(self.rounded(SMALLEST_TILE), side)

    def wanted(self, matrix: Sequence[int]) -> float:
        """The bytes from which on all of a volume, (i, j, k), fits into one window."""
        side = min(LARGEST_TILE, self.rounded(max(matrix))) + 2 * self.margin + 1
        return side**3 * max(self.bytes_per_voxel, 1.0) / MEMORY_SHARE

    def rounded(self, length: int) -> int:
        """`length` rounded up to the multiple."""
        return -(-length // self.multiple) * self.multiple


@dataclass(frozen=True, eq=False)
class Strip:
    """A window's part along one axis.

    Args:
        read: first voxel that the network sees, and the one after the last, on an axis that goes on beyond the field.
        kept: the same of what its answer is kept for, which lies within the field.
        weights: of the kept voxels; over all strips of an axis they add up to 1.
        length: of the field.
    """

    read: tuple[int, int]
    kept: tuple[int, int]
    weights: NDArray[np.float32]
    length: int

    @property
    def places(self) -> NDArray[np.intp]:
        """Where the voxels that are read come from: beyond the field from its mirror image, about the outermost voxel."""
        period = max(1, 2 * (self.length - 1))
        places = np.abs(np.arange(*self.read)) % period
        return np.minimum(places, period - places) if self.length > 1 else np.zeros_like(places)


def strips_along(extent: tuple[int, int, int], shape: TileShape, side: int) -> list[Strip]:
    """Along one axis as few windows as the side allows, all as short as they then can be.

    Args:
        extent: the first voxel that is to be computed, the one after the last, and the axis's length.
        shape: how the model wants to be tiled.
        side: voxels that a tile contributes.
    """
    first, last, n = extent
    # A window must be longer than its ramp, or it would not move on.
    side = max(shape.rounded(side), 2 * shape.multiple)
    ramp = min(shape.rounded(RAMP), shape.rounded(side // 4), side - shape.multiple)
    first = first // shape.multiple * shape.multiple
    length = shape.rounded(last - first)
    border, around = shape.rounded(shape.border), shape.rounded(max(shape.border, AIR))
    ends = max(first - around, -border), min(first + length + around, shape.rounded(n) + border)
    count = max(1, -(-(length - ramp) // (side - ramp)))
    core = shape.rounded(-(-(length + (count - 1) * ramp) // count))
    starts = [first + min(number * (core - ramp), length - core) for number in range(count)]
    profiles = _profiles(starts, core, ramp, (first, length))
    return [
        Strip(
            (max(ends[0], start - shape.margin), min(ends[1], start + core + shape.margin)),
            (start, min(n, start + core)),
            profile[: min(n, start + core) - start],
            n,
        )
        for start, profile in zip(starts, profiles, strict=True)
    ]


def _profiles(starts: Sequence[int], core: int, ramp: int, box: tuple[int, int]) -> list[NDArray[np.float32]]:
    """The weights of each window along an axis: a ramp where it meets another, 1 elsewhere, together 1 everywhere."""
    rise = np.arange(1, core + 1) / (ramp + 1)
    total = np.zeros(box[1])
    profiles = []
    for number, start in enumerate(starts):
        weights = np.ones(core)
        if number > 0:
            weights = np.minimum(weights, rise)
        if number < len(starts) - 1:
            weights = np.minimum(weights, rise[::-1])
        total[start - box[0] : start - box[0] + core] += weights
        profiles.append(weights)
    return [
        np.asarray(weights / total[start - box[0] : start - box[0] + core], dtype=np.float32)
        for start, weights in zip(starts, profiles, strict=True)
    ]


def shown_voxels(matrix: Sequence[int], shape: TileShape, side: int) -> int:
    """How many voxels a network is shown in all windows of a volume full of tissue, halos and borders among them.

    Args:
        matrix: the volume's voxels along i, j, k.
        shape: how the model wants to be tiled.
        side: voxels that a tile contributes.

    Example:
        >>> shown_voxels((60, 60, 60), TileShape(border=2), 64) == 64**3
        True
    """
    strips = (strips_along((0, n, n), shape, side) for n in matrix)
    return math.prod(sum(strip.read[1] - strip.read[0] for strip in axis) for axis in strips)
