"""Where the tiles lie: a box around the head, its windows, and the weights that blend them without seams.

One rule holds at the box's border, whatever the tiles: a window ends a few voxels beyond it (`TileShape.border`), beyond the field of view
these mirror the volume, and the network's own padding follows. Inside the box each window sees a halo of its neighbours' voxels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

SMALLEST_TILE = 32
LARGEST_TILE = 320

MEMORY_SHARE = 0.5
"""Share of the free memory that a tile may take: allocators fragment, and other programs live too."""

AIR = 4
"""Voxels of air around the head that a network sees at least, where the field has them."""

RAMP = 8
"""Voxels over which neighbouring tiles are faded into each other, at most."""

Sizes = tuple[int, int, int]


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


@dataclass(frozen=True, eq=False)
class Window:
    """What a network is applied to at once: a strip of each axis."""

    strips: tuple[Strip, Strip, Strip]

    @property
    def size(self) -> Sizes:
        """Voxels along each axis that the network sees."""
        return _sizes([strip.read[1] - strip.read[0] for strip in self.strips])

    @property
    def kept(self) -> tuple[slice, ...]:
        """The voxels of the field that its answer is kept for."""
        return tuple(slice(*strip.kept) for strip in self.strips)

    def cut(self, volume: Tensor) -> Tensor:
        """What the network sees of (C, i, j, k); a view where it lies within the field."""
        beyond: list[int] = []
        for axis, strip in enumerate(self.strips, start=1):
            first, last = max(strip.read[0], 0), min(strip.read[1], strip.length)
            ends = first - strip.read[0], strip.read[1] - last
            if max(ends) < last - first:
                volume, beyond = volume.narrow(axis, first, last - first), [*ends, *beyond]
            else:  # mirrored more than once
                places = torch.from_numpy(strip.places).to(volume.device)
                volume, beyond = volume.index_select(axis, places), [0, 0, *beyond]
        return functional.pad(volume, beyond, mode="reflect") if any(beyond) else volume

    def inner(self, answer: Tensor) -> Tensor:
        """The part of the network's answer that is kept, (c, *size) to (c, *kept)."""
        for axis, strip in enumerate(self.strips, start=1):
            answer = answer.narrow(axis, strip.kept[0] - strip.read[0], strip.kept[1] - strip.kept[0])
        return answer

    def weights(self, device: torch.device) -> Tensor:
        """Of each voxel that is kept."""
        i, j, k = (torch.from_numpy(strip.weights).to(device) for strip in self.strips)
        return i[:, None, None] * j[:, None] * k


@dataclass(frozen=True, eq=False)
class TileBox:
    """The box that is tiled: the foreground's bounding box with a few voxels around it.

    Args:
        strips: of each axis.
    """

    strips: tuple[Sequence[Strip], Sequence[Strip], Sequence[Strip]]

    @classmethod
    def around(cls, foreground: Tensor, shape: TileShape, side: int) -> TileBox:
        """The box around `foreground`, (i, j, k) bool (which has some), for tiles of this side (rounded up to the model's multiple)."""
        i, j, k = (_strips(_extent(foreground, axis), shape, side) for axis in range(3))
        return cls((i, j, k))

    @property
    def inside(self) -> tuple[slice, ...]:
        """The part of the field that some window's answer is kept for."""
        return tuple(slice(strips[0].kept[0], strips[-1].kept[1]) for strips in self.strips)

    def __len__(self) -> int:
        i, j, k = self.strips
        return len(i) * len(j) * len(k)

    def __iter__(self) -> Iterator[Window]:
        return (Window(strips) for strips in product(*self.strips))


def _extent(foreground: Tensor, axis: int) -> tuple[int, int, int]:
    """The first voxel along an axis that has foreground, the one after the last, and the axis's length."""
    others = [a for a in range(3) if a != axis]
    hit = reduce(lambda seen, a: seen.any(dim=a, keepdim=True), others, foreground).flatten().nonzero()
    return int(hit[0]), int(hit[-1]) + 1, foreground.shape[axis]


def _strips(extent: tuple[int, int, int], shape: TileShape, side: int) -> list[Strip]:
    """Along one axis as few windows as the side allows, all as short as they then can be."""
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


def _sizes(values: Sequence[int]) -> Sizes:
    i, j, k = values
    return (i, j, k)
