"""A small 3-D network whose features stand for what one sees in a scan.

It is trained to tell how a scan was degraded, so its features respond to what sharp scans have and blurred or noisy ones lack.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ANSWERS = 4
"""Logarithm of the lost resolution along the three axes, and the noise in percent of the peak."""


class FeatureNetwork(nn.Module):
    """Three levels of two convolutions, each level at half the resolution of the one before; a linear head.

    Args:
        width: channels of the first level.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = [(1, width), (width, 2 * width), (2 * width, 4 * width)]
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv3d(a, b, 3, padding=1), nn.ReLU(), nn.Conv3d(b, b, 3, padding=1)) for a, b in sizes
        )
        self.head = nn.Linear(4 * width, ANSWERS)

    def levels(self, x: Tensor) -> list[Tensor]:
        """(N, 1, i, j, k) to the features of each level, before their last rectifier."""
        found = []
        for number, stage in enumerate(self.stages):
            x = stage(functional.avg_pool3d(functional.relu(x), 2) if number else x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, i, j, k) to (N, ANSWERS)."""
        last = functional.relu(self.levels(x)[-1])
        answer: Tensor = self.head(torch.mean(last, dim=(2, 3, 4)))
        return answer
