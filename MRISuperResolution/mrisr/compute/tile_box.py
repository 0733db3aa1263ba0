"""Where the tiles lie: a box around the head, and its windows, of which each is a strip of every axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from .strips import Strip, TileShape, strips_along

Sizes = tuple[int, int, int]


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
        i, j, k = (strips_along(_extent(foreground, axis), shape, side) for axis in range(3))
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


def _sizes(values: Sequence[int]) -> Sizes:
    i, j, k = values
    return (i, j, k)
