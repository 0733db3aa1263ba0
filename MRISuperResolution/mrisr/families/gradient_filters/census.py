"""Census transforms, and the blending with the initial estimate that they steer."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from .features import pad

NEIGHBORS = tuple(offset for offset in itertools.product((-1, 0, 1), repeat=3) if offset != (0, 0, 0))


def changed_bits(first: Tensor, second: Tensor) -> Tensor:
    """(i, j, k) how many of the 26 neighbors change sides: brighter than the center in one volume, not so in the other."""
    shape = first.shape
    one, two = pad(first, 1), pad(second, 1)
    changed = torch.zeros(shape, dtype=torch.uint8, device=first.device)
    for offset in NEIGHBORS:
        window = tuple(slice(1 + o, 1 + o + n) for o, n in zip(offset, shape, strict=True))
        changed += (one[window] > first) != (two[window] > second)
    return changed


def blend(initial: Tensor, filtered: Tensor, threshold: float) -> Tensor:
    """(i, j, k) the filtered volume where its local structure is the initial one's, the initial one where it is not.

    The census transform of a voxel holds one bit per neighbor: whether it is brighter than the voxel. Where filtering turns many bits,
    it has changed the structure instead of sharpening it, as beside strong edges, where it makes halos. The filtered volume's weight is
    1 up to a share `threshold` of turned bits and falls to 0 where all are turned (Romano, Isidoro and Milanfar, RAISR,
    arXiv 1606.01299, section on blending: the more bits change, the smaller the weight).
    """
    share = changed_bits(initial, filtered).to(initial.dtype) / len(NEIGHBORS)
    weight = ((1 - share) / max(1 - threshold, 1e-6)).clamp(0, 1)
    return torch.where(weight == 1, filtered, initial + weight * (filtered - initial))
