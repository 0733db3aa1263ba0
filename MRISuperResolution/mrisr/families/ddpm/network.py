"""Predict and refine: a frozen network gives the mean, another takes noise from what is left (Whang et al. 2022, arXiv 2112.02475)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ...neural.blocks import block_basis, depth_to_space, fold, space_to_depth
from ...neural.networks import build_network
from .unet import Axes, UNet

Views = Literal["volume", "triplanar"]

VIEWS: dict[str, list[Axes]] = {"volume": [(0, 1, 2)], "triplanar": [(0, 1), (0, 2), (1, 2)]}
"""The axes along which each U-Net works."""

NUMBERS = 2
"""The U-Nets are told how noisy the state and how noisy the condition is."""


class ResidualDiffusion(nn.Module):
    """What a diffusion model of the residual, reference minus mean, consists of.

    The U-Nets work on blocks of `stride` voxels as channels, as EDSR-3D does. With `triplanar` there are three two-dimensional ones, each
    on slabs one block thick along one of the axes, and their answers are averaged at every step.

    Args:
        mean: the family and the hyperparameters of the network that predicts the mean; `model` names whose weights it has.
        widths, blocks, heads: see `UNet`.
        views: `volume` or `triplanar`.
        stride: voxels of a block.
        scale: standard deviation of the residual in heads; the state is the residual divided by it.
        gain: see `block_basis`; of the mean.
        told: channels behind all others that tell profiles, for the mean alone.
    """

    def __init__(
        self,
        mean: Mapping[str, Any],
        widths: Sequence[int] = (64, 64, 96),
        blocks: int = 1,
        heads: int = 4,
        *,
        views: Views = "volume",
        stride: Sequence[int] = (2, 2, 2),
        scale: float = 0.045,
        gain: float = 4.0,
        told: int = 0,
    ) -> None:
        super().__init__()
        i, j, k = stride
        self.stride, self.scale, self.told = (i, j, k), scale, told
        settings = {key: value for key, value in mean.items() if key not in ("family", "model")}
        self.mean = build_network(str(mean["family"]), settings).requires_grad_(False)
        self.register_buffer("basis", block_basis(self.stride, gain), persistent=False)
        voxels = i * j * k
        planes = int(settings.get("planes", 3))
        self.views = nn.ModuleList(
            UNet(3 * voxels + planes, voxels, widths, blocks=blocks, heads=heads, axes=axes, numbers=NUMBERS)
            for axes in VIEWS[views]
        )
        self.multiple = max(stride) * 2 ** (len(widths) - 1)

    def condition(self, inputs: Tensor, mean: Tensor) -> Tensor:
        """What the U-Nets see beside the state.

        Args:
            inputs: (N, estimates + planes + told, i, j, k), as for the network that predicts the mean.
            mean: (N, 1, i, j, k), its answer, perhaps with noise.

        Returns:
            (N, 2 + planes, i, j, k): the mean, what it adds to the initial estimate in units of the scale, and the planes.
        """
        added = (mean - inputs[:, :1]) / self.scale
        end = inputs.shape[1] - self.told
        return torch.cat([mean, added, inputs[:, end - self._planes : end]], dim=1)

    @property
    def _planes(self) -> int:
        return int(self.views[0].head.in_channels) - 3 * len(self.get_buffer("basis"))  # type: ignore[union-attr, operator, arg-type]

    def forward(self, state: Tensor, condition: Tensor, numbers: Tensor) -> Tensor:
        """The prediction for the state.

        Args:
            state: (N, 1, i, j, k), of unit variance.
            condition: from `condition`.
            numbers: (N, 2), the angle of the state's noise over π/2, and the noise in the condition's mean over its largest.

        Returns:
            (N, 1, i, j, k).
        """
        mean, added, planes = condition[:, :1], condition[:, 1:2], condition[:, 2:]
        seen = fold(torch.cat([mean, planes], dim=1), self.get_buffer("basis"), self.stride)
        parts = [space_to_depth(state, self.stride), space_to_depth(added, self.stride), seen]
        seen = torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last_3d)
        answers = [view(seen, numbers) for view in self.views]
        return depth_to_space(sum(answers[1:], answers[0]) / len(answers), self.stride)
