"""A small 3-D network whose features stand for what one sees in a scan.

It is trained to tell how a scan was degraded, so its features respond to what sharp scans have and blurred or noisy ones lack.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ANSWERS = 4
"""Logarithm of the lost resolution along the three axes, and the noise in percent of the peak."""

DETAIL = 10.0
"""Differences between neighbours are this much smaller than the brightness."""

SILENCE = 1e-5
"""Variance of a feature below which it says nothing."""


class FeatureNetwork(nn.Module):
    """Three levels of two convolutions, each level at half the resolution of the one before.

    It is shown detail alone, each voxel minus the mean of the 27 around it, and answers from the logarithms of its features' variances:
    blur and noise are told by how strong detail is in one direction, or at one scale, beside another, whatever the contrast.

    Args:
        width: channels of the first level.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = [(1, width), (width, 2 * width), (2 * width, 4 * width)]
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv3d(a, b, 3, padding=1), nn.ReLU(), nn.Conv3d(b, b, 3, padding=1))
            for a, b in sizes
        )
        channels = sum(b for _, b in sizes)
        self.head = nn.Sequential(nn.BatchNorm1d(channels), nn.Linear(channels, ANSWERS))

    def levels(self, x: Tensor) -> list[Tensor]:
        """(N, 1, i, j, k) to the features of each level, before their last rectifier."""
        mean = functional.avg_pool3d(x, 3, stride=1, padding=1, count_include_pad=False)
        x = DETAIL * (x - mean)
        found = []
        for number, stage in enumerate(self.stages):
            x = stage(functional.avg_pool3d(functional.relu(x), 2) if number else x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, i, j, k) to (N, ANSWERS)."""
        strengths = [torch.log(level.float().var(dim=(2, 3, 4)) + SILENCE) for level in self.levels(x)]
        answer: Tensor = self.head(torch.cat(strengths, dim=1))
        return answer
