"""Training pairs made on a device: all scans lie there as one row of bytes, and what is random is drawn on the processor.

The same draws give the same pairs as on the processor, to rounding; see `patches.ChunkDataset`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from ...image.arrays import on_device
from .draws import Crop, Draw, volumes
from .patches import Chunk, ChunkDataset
from .scans import Scan

Drawn = tuple[Draw, NDArray[np.float32] | None]
"""A draw, and its noise."""


class Draws(Dataset[Drawn]):
    """What is random about chunk number n, for processes that draw ahead.

    Args:
        dataset: of chunks.
    """

    def __init__(self, dataset: ChunkDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, number: int) -> Drawn:
        draw = self.dataset.drawn(number)
        return draw, draw.noise()


class Bytes:
    """All scans in one row of bytes on a device.

    Args:
        scans: in memory.
        device: torch's name of it.
    """

    def __init__(self, scans: Sequence[Scan], device: torch.device | str) -> None:
        self.row = torch.cat([torch.from_numpy(scan.array.reshape(-1)) for scan in scans]).to(device)
        self._shapes = [scan.array.shape for scan in scans]
        self._firsts = np.cumsum([0, *(scan.array.size for scan in scans)])

    def part(self, crop: Crop) -> Tensor:
        """A part of a scan by one gather, (i, j, k) int64: in any order and sense of its axes, with air behind it."""
        whole = self._shapes[crop.scan]
        steps = (whole[1] * whole[2], whole[2], 1)
        place = torch.full((1, 1, 1), int(self._firsts[crop.scan]), device=self.row.device)
        for axis in range(3):
            along = torch.arange(
                crop.start[axis], crop.start[axis] + crop.shape[axis], device=self.row.device
            )
            own = crop.order[axis]
            along = whole[own] - 1 - along if crop.backwards[axis] else along
            shape = [1, 1, 1]
            shape[axis] = -1
            place = place + (along * steps[own]).reshape(shape)
        lack = [n - m for n, m in zip(crop.padded, crop.shape, strict=True)]
        return functional.pad(self.row[place].long(), (0, lack[2], 0, lack[1], 0, lack[0]))


class Maker:
    """Makes the pairs of draws on a device.

    Args:
        dataset: of chunks, with its scans.
        device: torch's name of it.
    """

    def __init__(self, dataset: ChunkDataset, device: torch.device | str) -> None:
        self.dataset, self.device = dataset, torch.device(device)
        self.bytes = Bytes(dataset.scans, device)

    def __call__(self, drawn: Drawn) -> Chunk:
        """The chunk, on the device."""
        draw, noise = drawn
        placed = None if noise is None else on_device(noise, str(self.device))
        stored = self.bytes.part(draw.crop)
        with torch.no_grad():
            pair = volumes(draw, stored, placed, self.dataset.kind, self.dataset.inputs)
        return self.dataset.cut_from(draw, *pair)
