"""Losses that compare voxels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class L1(nn.Module):
    """Mean absolute difference."""

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both; a number."""
        return functional.l1_loss(estimate, target)


class MSE(nn.Module):
    """Mean squared difference."""

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both; a number."""
        return functional.mse_loss(estimate, target)


class PSNR(nn.Module):
    """Minus the PSNR in dB (peak 1), averaged over the patches: each counts alike, however much there is to restore in it.

    Args:
        floor: added to the mean squared difference, so that empty patches have an end.
    """

    def __init__(self, floor: float = 1e-6) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both; a number."""
        error = (estimate - target).square().flatten(1).mean(1)
        return 10 * torch.log10(error + self.floor).mean()


class Gradient(nn.Module):
    """Mean absolute difference of the forward differences along the three axes: sharp edges in the right places."""

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both; a number."""
        difference = estimate - target
        parts = [difference.diff(dim=axis).abs().mean() for axis in (2, 3, 4)]
        return (parts[0] + parts[1] + parts[2]) / 3
