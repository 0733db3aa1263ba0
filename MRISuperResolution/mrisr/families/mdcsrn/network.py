"""mDCSRN: densely connected blocks with compressors between them (Chen et al. 2018, arXiv 1803.01417)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...neural.blocks import block_basis, depth_to_space, fold


class DenseUnit(nn.Module):
    """BN – ELU – 3³ convolution to `growth` channels, put behind the input's.

    Args:
        channels: of the input.
        growth: channels added.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm3d(channels)
        self.conv = nn.Conv3d(channels, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, i, j, k) to (N, channels + growth, i, j, k)."""
        return torch.cat([x, self.conv(functional.elu(self.norm(x), inplace=True))], dim=1)


class MDCSRN(nn.Module):
    """Blocks of dense units; a 1³ convolution over the outputs of all blocks so far feeds the next, and one reconstructs.

    The names of the tensors are those of the public reproduction, so that its checkpoints can be imported.

    Args:
        blocks, units, growth: b, u and k of the paper; b4u4 with k = 16 is the published size.
        stride: voxels of a block that become channels, as in `EDSR3D`; (1, 1, 1) is the published network.
        planes: input channels beside the initial estimate.
        skip: whether the output is added to the initial estimate; the published network makes the image itself.
        gain: see `block_basis`; without effect on blocks of one voxel.
        amplitude: what the network's answer is multiplied by before it is added to the initial estimate; about the size of what is missing
            lets training begin gently, since the last convolution sums hundreds of channels. Without effect without `skip`.
    """

    def __init__(
        self,
        blocks: int = 4,
        units: int = 4,
        growth: int = 16,
        *,
        stride: Sequence[int] = (1, 1, 1),
        planes: int = 0,
        skip: bool = False,
        gain: float = 4.0,
        amplitude: float = 1.0,
    ) -> None:
        super().__init__()
        i, j, k = stride
        self.stride, self.blocks, self.units, self.skip, self.amplitude = (
            (i, j, k),
            blocks,
            units,
            skip,
            amplitude,
        )
        width = 2 * growth
        self.register_buffer("basis", block_basis(self.stride, gain), persistent=False)
        self.conv0 = nn.Conv3d(i * j * k + planes, width, 3, padding=1, bias=False)
        gathered = width
        for number in range(blocks):
            layers = {f"denselayer{n + 1}": DenseUnit(width + n * growth, growth) for n in range(units)}
            self.add_module(f"block{number}", _named(layers))
            gathered += width + units * growth
            if number < blocks - 1:
                self.add_module(f"comp{number}", nn.Conv3d(gathered, width, 1, bias=False))
        self.recon = nn.Conv3d(gathered, i * j * k, 1, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight)
        if skip:
            nn.init.zeros_(self.recon.weight)

    @property
    def halo(self) -> int:
        """Voxels on each side that an output voxel depends on, along the axis where that is most."""
        return (1 + self.blocks * self.units) * max(self.stride) + max(self.stride) - 1

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1 + planes, i, j, k), the first channel the initial estimate, to (N, 1, i, j, k)."""
        initial = x[:, :1]
        out = self.conv0(fold(x, self.get_buffer("basis"), self.stride))
        features = out
        for number in range(self.blocks):
            features = torch.cat([features, self.get_submodule(f"block{number}")(out)], dim=1)
            if number < self.blocks - 1:
                out = self.get_submodule(f"comp{number}")(features)
        answer = depth_to_space(self.recon(features), self.stride)
        return initial + self.amplitude * answer if self.skip else answer


def _named(layers: Mapping[str, nn.Module]) -> nn.Sequential:
    sequence = nn.Sequential()
    for name, layer in layers.items():
        sequence.add_module(name, layer)
    return sequence
