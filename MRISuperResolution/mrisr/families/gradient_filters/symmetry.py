"""The symmetries of the voxel grid: how they act on directions, sampling phases and filter taps."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Symmetry:
    """A signed permutation: axis `a` of the image of a vector is `signs[a]` times axis `axes[a]` of the vector."""

    axes: tuple[int, int, int]
    signs: tuple[int, int, int]

    def direction(self, vectors: Tensor) -> Tensor:
        """Image of (3, n) vectors."""
        return vectors[list(self.axes)] * torch.tensor(self.signs, dtype=vectors.dtype)[:, None]

    def phase(self, phase: tuple[int, int, int], counts: tuple[int, int, int]) -> tuple[int, int, int]:
        """Image of the sampling phase of a voxel; a mirrored axis runs through its phases backwards."""
        moved = [phase[a] for a in self.axes]
        a, b, c = (
            p if sign > 0 else counts[axis] - 1 - p
            for p, sign, axis in zip(moved, self.signs, self.axes, strict=True)
        )
        return a, b, c

    def volume(self, volume: Tensor) -> Tensor:
        """Image of (i, j, k): the volume turned so that its structures point along the images of their directions."""
        flipped = [axis for axis, sign in enumerate(self.signs) if sign < 0]
        return volume.permute(self.axes).flip(flipped)

    def taps(self, sides: tuple[int, int, int]) -> Tensor:
        """(t,) order of taps: reading the patch of a voxel in this order gives the patch in the turned volume."""
        return self.volume(torch.arange(sides[0] * sides[1] * sides[2]).reshape(sides)).reshape(-1)


def group(kinds: tuple[int, int, int]) -> list[Symmetry]:
    """All symmetries that exchange only axes of the same kind: 48 for three equal axes, 16 if one axis is special."""
    found = []
    for axes in itertools.permutations(range(3)):
        if any(kinds[axis] != kinds[image] for axis, image in enumerate(axes)):
            continue
        for signs in itertools.product((1, -1), repeat=3):
            found.append(Symmetry((axes[0], axes[1], axes[2]), (signs[0], signs[1], signs[2])))
    return found
