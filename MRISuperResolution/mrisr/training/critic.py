"""The critic of mDCSRN-GAN: the discriminator of SRGAN in three dimensions, with layer norm (arXiv 1803.01417)."""

from __future__ import annotations

from torch import Tensor, nn

SLOPE = 0.2


class Critic(nn.Module):
    """Eight convolutions, every second one halving the sides, then global averaging and two 1³ convolutions.

    Layer norm over channels and voxels is written as a group norm of one group, whose parameters are one a channel: so patches may have
    any size from 16 on. The leaky ReLUs have SRGAN's slope of 0.2 (the public reproduction has 1, which makes it linear).

    Args:
        width: channels of the first layer; 64 as published.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv3d(1, width, 3, padding=1), nn.LeakyReLU(SLOPE)]
        sizes = [(1, 1, 2), (1, 2, 1), (2, 2, 2), (2, 4, 1), (4, 4, 2), (4, 8, 1), (8, 8, 2)]
        for before, after, stride in sizes:
            layers += [
                nn.Conv3d(before * width, after * width, 3, stride=stride, padding=1),
                nn.GroupNorm(1, after * width),
                nn.LeakyReLU(SLOPE),
            ]
        layers += [
            nn.AdaptiveAvgPool3d(1),
            nn.Conv3d(8 * width, 16 * width, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv3d(16 * width, 1, 1),
        ]
        self.main = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, i, j, k) to (N,): high for real scans."""
        score: Tensor = self.main(x)
        return score.flatten()
