"""Training pairs: a reference scan, degraded as a scanner would, and brought to where the filters start."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...image.metrics import HEAD
from ...image.normalization import Normalization
from ...image.volume import Volume
from ...physics.interpolation import Kind, interpolate
from ...physics.protocols import Protocol, prepare_reference
from .buckets import sample_positions, zoom_of
from .settings import AIR

REACH = 2
"""Half side of the neighborhood whose mean is compared with `AIR`."""


@dataclass(frozen=True)
class Pair:
    """One degraded scan, its special axis last.

    initial, reference: (i, j, k) float32 on one grid and scale. head: (i, j, k) bool, where filters act; taught: where they learn.
    positions: per axis, where its voxels lie in measured voxels.
    """

    initial: Tensor
    reference: Tensor
    head: Tensor
    taught: Tensor
    positions: tuple[Tensor, Tensor, Tensor]


def special_last(axis: int | None) -> tuple[int, int, int]:
    """The order of axes that puts the special one last; None: all axes are alike."""
    if axis is None:
        return (0, 1, 2)
    first, second = (a for a in range(3) if a != axis)
    return (first, second, axis)


def head_of(initial: Tensor, air: float = AIR) -> Tensor:
    """(i, j, k) bool: voxels that are brighter than air, alone or with their surroundings; exact zeros were cut away and stay."""
    around = initial
    for axis in range(3):
        around = _mean_along(around, axis)
    return ((around > air) | (initial > 2 * air)) & (initial != 0)


def _mean_along(volume: Tensor, axis: int) -> Tensor:
    """The mean over the 2 · `REACH` + 1 voxels around each along an axis, of those that there are."""
    n = volume.shape[axis]
    sums = (
        torch.nn.functional.pad(volume.movedim(axis, -1), (REACH, REACH)).unfold(-1, 2 * REACH + 1, 1).sum(-1)
    )
    place = torch.arange(n, device=volume.device)
    count = (place + REACH).clamp(max=n - 1) - (place - REACH).clamp(min=0) + 1
    return (sums / count).movedim(-1, axis)


def make_pair(
    volume: Volume,
    protocol: Protocol,
    axis: int | None,
    *,
    noise: float = 0.0,
    seed: int = 0,
    initial: Kind = "cubic",
    air: float = AIR,
) -> Pair:
    """Degrade a scan by a protocol.

    Args:
        volume: the scan, any scale.
        protocol: how.
        axis: the special axis, see `Protocol.affected`; None for protocols that treat all alike.
        noise: Rician noise added beyond the protocol's own, as a fraction of the scan's brightness.
        seed: of all noise.
        initial: the interpolation that leads back to the scan's grid.
        air: see `head_of`.
    """
    reference = prepare_reference(volume)
    low = replace(protocol, noise=max(protocol.noise, noise)).simulate(reference, axis, seed)
    scale = Normalization.of(low.array)
    start = interpolate(scale.apply(low.array), low.grid, reference.grid, initial)
    order = special_last(axis)
    tensors = [_tensor(array, order) for array in (start, scale.apply(reference.array))]
    factor, acquisition = (
        low.grid.factor_to(reference.grid),
        protocol.acquisition(protocol.affected(reference.orientation, axis)),
    )
    i, j, k = (sample_positions(reference.shape[a], factor[a], zoom_of(acquisition, a)) for a in order)
    head = head_of(tensors[0], air)
    # Air beside the head looks like the head's rim but wants no correction: it would dull the filters of the rim.
    taught = head & torch.from_numpy(np.ascontiguousarray(reference.array.transpose(order) > HEAD))
    return Pair(tensors[0], tensors[1], head, taught, (i, j, k))


def _tensor(array: NDArray[np.float32], order: tuple[int, int, int]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array.transpose(order)))
