"""Wasserstein losses with gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """E[(‖∇ critic(x̂)‖ − 1)²] at points x̂ between real and fake scans.

    Args:
        critic: maps (N, 1, i, j, k) to (N,).
        real: (N, 1, i, j, k).
        fake: the same shape.
        share: (N,) in [0, 1], how near each x̂ is to the real scan.
    """
    share = share[:, None, None, None, None]
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty: Tensor = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return penalty


def critic_loss(critic: nn.Module, real: Tensor, fake: Tensor, share: Tensor, weight: float) -> Tensor:
    """E[critic(fake)] − E[critic(real)] + weight · penalty, which the critic makes small."""
    difference: Tensor = critic(fake).mean() - critic(real).mean()
    return difference + weight * gradient_penalty(critic, real, fake, share)


def generator_loss(critic: nn.Module, fake: Tensor) -> Tensor:
    """−E[critic(fake)], which the generator makes small."""
    loss: Tensor = -critic(fake).mean()
    return loss
