"""Structural similarity as a loss."""

from __future__ import annotations

from torch import Tensor, nn


class SSIM(nn.Module):
    """1 − SSIM over a 3-D Gaussian window, data range 1 (MONAI's, with the window of `mrisr.image.metrics`).

    Args:
        window: voxels on each side.
        sigma: of the Gaussian, in voxels.
    """

    def __init__(self, window: int = 11, sigma: float = 1.5) -> None:
        from monai.losses.ssim_loss import SSIMLoss  # takes seconds, and most losses do without

        super().__init__()
        self.loss = SSIMLoss(3, data_range=1.0, win_size=window, kernel_sigma=sigma)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(N, 1, i, j, k) both, sides of at least the window; a number."""
        loss: Tensor = self.loss(estimate, target)
        return loss
