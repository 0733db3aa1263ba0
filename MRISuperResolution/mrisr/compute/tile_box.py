"""Where the tiles lie: a box around the head, its windows, and the weights that blend them without seams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name everybody uses

SMALLEST_TILE = 32
LARGEST_TILE = 320
MEMORY_SHARE = 0.6
"""Share of the free memory that a tile may take: allocators fragment, and other programs live too."""

RAMP = 8
"""Voxels over which neighbouring tiles are faded into each other, at most."""

Sizes = tuple[int, int, int]


@dataclass(frozen=True)
class TileShape:
    """How a model wants to be tiled (from its card).

    Args:
        side: voxels along each axis that a tile contributes.
        halo: voxels around them that the network sees but whose answers are dropped.
        multiple: tiles begin and end at multiples of this on the target grid, and so does the halo.
        bytes_per_voxel: memory the network takes per voxel of tile and halo.
    """

    side: int = 96
    halo: int = 8
    multiple: int = 1
    bytes_per_voxel: float = 256.0

    @property
    def margin(self) -> int:
        """The halo, rounded up to the multiple."""
        return self.rounded(self.halo)

    def fitting(self, free_memory: int | None, device: str) -> int:
        """The side that fits into so many bytes: at most the card's on a CPU, as large as is useful on a GPU."""
        largest = LARGEST_TILE if device == "cuda" else self.side
        if free_memory is None:
            return self.rounded(self.side)
        voxels = MEMORY_SHARE * free_memory / max(self.bytes_per_voxel, 1.0)
        return self.rounded(max(SMALLEST_TILE, min(int(voxels ** (1 / 3)) - 2 * self.margin, largest)))

    def rounded(self, length: int) -> int:
        """`length` rounded up to the multiple."""
        return -(-length // self.multiple) * self.multiple


@dataclass(frozen=True)
class TileBox:
    """The box that is tiled: the foreground's bounding box with a margin.

    Where one window spans an axis there is no seam: nothing is dropped and the box stays inside the volume. Along an axis of several
    windows each drops its margin, and the box may reach beyond the volume.

    Args:
        start: first voxel, in the volume's indices; may be negative.
        size: voxels along each axis, margins included.
        roi: size of a window, margins included.
        margins: voxels at each side of a window that are dropped.
        ramp: voxels next to them over which windows fade into each other.
        inside: first voxel and the one after the last, along each axis, that the answer is kept for.
    """

    start: Sizes
    size: Sizes
    roi: Sizes
    margins: Sizes
    ramp: int
    inside: tuple[tuple[int, int], ...]

    @classmethod
    def around(cls, foreground: NDArray[np.bool_], shape: TileShape, side: int) -> TileBox:
        """The box around `foreground` (which has some), for tiles of this side (rounded up to the model's multiple)."""
        # A window must be longer than its ramp, or it would not move on.
        side = max(shape.rounded(side), 2 * shape.multiple)
        ramp = min(shape.rounded(RAMP), shape.rounded(side // 4), side - shape.multiple)
        spans = [_span(foreground, axis, shape, side, ramp) for axis in range(3)]
        start, size, roi, margins, inside = zip(*spans, strict=True)
        return cls(_sizes(start), _sizes(size), _sizes(roi), _sizes(margins), ramp, inside)

    @property
    def interval(self) -> Sizes:
        """Distance between neighbouring windows."""
        return _sizes(
            [
                r if r == n else r - 2 * m - self.ramp
                for r, n, m in zip(self.roi, self.size, self.margins, strict=True)
            ]
        )

    def windows(self) -> list[tuple[slice, ...]]:
        """The windows in the box's indices; the last along an axis ends where the box does."""
        axes = []
        for size, roi, step in zip(self.size, self.roi, self.interval, strict=True):
            count = 1 + -(-(size - roi) // step)
            axes.append(
                [slice(start, start + roi) for start in (min(n * step, size - roi) for n in range(count))]
            )
        return list(product(*axes))

    def blended(self, answered: Callable[[Sequence[slice]], Tensor]) -> Tensor:
        """The windows' answers, faded into each other.

        Args:
            answered: maps a window to its answer, (1, c, *roi).

        Returns:
            (c, *size).
        """
        windows = self.windows()
        if len(windows) == 1:  # nothing to blend, and so nothing to add up and divide
            return answered(windows[0])[0]
        weights = self.weights()
        total, weight = torch.zeros(()), torch.zeros(self.size)
        for window in windows:
            answer = answered(window)[0] * weights
            if not total.ndim:
                total = torch.zeros((len(answer), *self.size))
            total[(slice(None), *window)] += answer
            weight[tuple(window)] += weights
        return total / weight.clamp_min(1e-12)

    def holds(self, head: Tensor, window: Sequence[slice]) -> bool:
        """Whether the part that `window` contributes has any foreground; `head` is the extended foreground."""
        core = tuple(slice(w.start + m, w.stop - m) for w, m in zip(window, self.margins, strict=True))
        return bool(head[core].any())

    def extended(self, volume: Tensor, beyond: str = "reflect") -> Tensor:
        """The box cut out of (C, i, j, k); a view where it does not reach beyond the volume.

        Args:
            volume: what to cut from.
            beyond: `reflect` mirrors the volume, so that noise stays noise; `constant` puts zeros.
        """
        padding: list[int] = []
        for axis, (start, size) in enumerate(zip(self.start, self.size, strict=True), start=1):
            first, last = max(0, start), min(volume.shape[axis], start + size)
            volume = volume.narrow(axis, first, last - first)
            padding = [first - start, start + size - last, *padding]
        if not any(padding):
            return volume
        lengths = [n for n in reversed(volume.shape[1:]) for _ in range(2)]
        if beyond == "reflect" and any(pad >= n for pad, n in zip(padding, lengths, strict=True)):
            beyond = "replicate"  # too thin to be mirrored so far
        return F.pad(volume[None], padding, mode=beyond)[0]

    def pasted(self, answer: Tensor, result: Tensor) -> Tensor:
        """`result` (c, i, j, k) with the box's inside replaced, in place, by the answer on the box."""
        target = (slice(None), *(slice(first, last) for first, last in self.inside))
        source = (
            slice(None),
            *(slice(first - s, last - s) for (first, last), s in zip(self.inside, self.start, strict=True)),
        )
        result[target] = answer[source]
        return result

    def weights(self) -> Tensor:
        """The weight of each voxel of a window, (*roi): 0 in the margin, a ramp, then 1."""
        profiles = []
        for length, margin in zip(self.roi, self.margins, strict=True):
            edge = torch.arange(1, length + 1, dtype=torch.float32) - margin
            profiles.append((torch.minimum(edge, edge.flip(0)) / (self.ramp + 1)).clamp(0, 1))
        i, j, k = profiles
        return i[:, None, None] * j[:, None] * k


def _span(
    foreground: NDArray[np.bool_], axis: int, shape: TileShape, side: int, ramp: int
) -> tuple[int, int, int, int, tuple[int, int]]:
    """Along one axis: the box's start and size, the window's size and margin, and the part that is kept."""
    n = foreground.shape[axis]
    hit = np.flatnonzero(foreground.any(axis=tuple(a for a in range(3) if a != axis)))
    first = int(hit[0]) // shape.multiple * shape.multiple
    length = shape.rounded(int(hit[-1]) + 1 - first)
    kept = (first, min(n, first + length))
    if length <= side:
        begin, end = max(0, first - shape.margin), min(shape.rounded(n), first + length + shape.margin)
        return begin, end - begin, end - begin, 0, kept
    # As few windows as the side allows, all as short as they then can be: a head a little longer than a tile costs no second whole one.
    count = -(-(length - ramp) // (side - ramp))
    window = shape.rounded(-(-(length + (count - 1) * ramp) // count))
    return first - shape.margin, length + 2 * shape.margin, window + 2 * shape.margin, shape.margin, kept


def _sizes(values: Sequence[int]) -> Sizes:
    i, j, k = values
    return (i, j, k)
