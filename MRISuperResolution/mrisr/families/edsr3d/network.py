"""EDSR in three dimensions: residual blocks without normalization, on a coarse grid (Lim et al. 2017, arXiv 1707.02921)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...neural.blocks import block_basis, depth_to_space, fold


class ResidualBlock(nn.Module):
    """x + s · conv(relu(conv(x))).

    Args:
        width: channels.
        scale: s; below 1 for wide networks, which otherwise diverge.
    """

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.first = nn.Conv3d(width, width, 3, padding=1)
        self.second = nn.Conv3d(width, width, 3, padding=1)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, i, j, k) to the same."""
        return added(x, self.second(functional.relu(self.first(x), inplace=True)), self.scale)


def added(x: Tensor, change: Tensor, scale: float = 1.0) -> Tensor:
    """X + scale · change, in one pass; in the place of `change` where nothing is to be learned from it."""
    if torch.is_grad_enabled():
        return torch.add(x, change, alpha=scale)
    return torch.add(x, change, alpha=scale, out=change)


class EDSR3D(nn.Module):
    """The initial estimate plus what the network adds to it.

    Blocks of `stride` voxels become channels first, so that the convolutions run on a grid that many times coarser, and the last
    one's channels become voxels again. The tail starts at zero: an untrained network returns the initial estimate.

    A second estimate also reaches the output directly, through a linear gate, since most of it is right where there is no noise.

    Args:
        width: channels of the residual blocks.
        blocks: their number.
        stride: voxels of a block along i, j, k; the input's sides must be multiples.
        planes: input channels beside the initial estimate, taken at each block's first voxel.
        scale: see `ResidualBlock`.
        estimates: input channels that are estimates: the initial one, and perhaps how back-projection would change it.
        gain: how much the differences between a block's voxels are magnified, see `block_basis`.
        told: input channels behind all others that tell the profiles, constant over the volume; what reads them starts at zero.
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 9,
        *,
        stride: Sequence[int] = (2, 2, 2),
        planes: int = 3,
        scale: float = 1.0,
        gain: float = 4.0,
        estimates: int = 1,
        told: int = 0,
    ) -> None:
        super().__init__()
        i, j, k = stride
        self.stride = (i, j, k)
        self.estimates = estimates
        self.head = nn.Conv3d(estimates * i * j * k + planes, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width, scale) for _ in range(blocks)))
        # One voxel wide: what is the same everywhere needs no neighbors, and so has no border.
        self.told = nn.Conv3d(told, width, 1, bias=False) if told else None
        if self.told is not None:
            nn.init.zeros_(self.told.weight)
        self.fuse = nn.Conv3d(width, width, 3, padding=1)
        self.tail = nn.Conv3d(width, i * j * k, 3, padding=1)
        self.register_buffer("basis", block_basis(self.stride, gain), persistent=False)
        self.gate = nn.Conv3d(i * j * k, i * j * k, 1, bias=False) if estimates > 1 else None
        if self.gate is not None:
            nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    @property
    def halo(self) -> int:
        """Voxels on each side that an output voxel depends on, along the axis where that is most."""
        return (2 * len(self.body) + 3) * max(self.stride) + max(self.stride) - 1

    def forward(self, x: Tensor) -> Tensor:
        """(N, estimates + planes + told, i, j, k), the first channel the initial estimate, to (N, 1, i, j, k)."""
        initial = x[:, :1]
        if self.told is not None:
            i, j, k = self.stride
            read = self.told(x[:, -self.told.in_channels :, ::i, ::j, ::k])
            x = x[:, : -self.told.in_channels]
        folded = fold(x, self.get_buffer("basis"), self.stride, self.estimates)
        features = self.head(folded)
        if self.told is not None:
            features = features + read
        features = added(features, self.fuse(self.body(features)))
        answer = self.tail(features)
        if self.gate is not None:
            answer = answer + self.gate(folded[:, -self.gate.in_channels :])
        return initial + depth_to_space(answer, self.stride)
