"""Losses that compare voxels."""

from __future__ import annotations

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


class Gradient(nn.Module):
    """Mean absolute difference of the forward differences along the three axes: sharp edges in the right places."""

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both; a number."""
        difference = estimate - target
        parts = [difference.diff(dim=axis).abs().mean() for axis in (2, 3, 4)]
        return (parts[0] + parts[1] + parts[2]) / 3
