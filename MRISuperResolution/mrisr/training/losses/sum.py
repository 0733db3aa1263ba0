"""Losses as small objects, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ...errors import ConfigError
from .perceptual import FeaturePerceptual, VGGPerceptual
from .simple import L1, MSE, PSNR, Gradient
from .ssim import SSIM

LOSSES: dict[str, type[nn.Module]] = {
    "l1": L1,
    "mse": MSE,
    "psnr": PSNR,
    "gradient": Gradient,
    "ssim": SSIM,
    "vgg": VGGPerceptual,
    "features": FeaturePerceptual,
}
"""Name in a configuration to class; each maps (estimate, target), both (N, 1, i, j, k), to a number."""


class Sum(nn.Module):
    """A weighted sum of losses.

    Args:
        weights: by name.
        options: arguments of a loss's constructor, by its name.

    Raises:
        ConfigError: a loss is unknown or does not take its options.
    """

    def __init__(self, weights: Mapping[str, float], options: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.weights = dict(weights)
        self.terms = nn.ModuleDict({name: _loss(name, (options or {}).get(name, {})) for name in weights})

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """The sum; a number."""
        total = estimate.new_zeros(())
        for name, term in self.terms.items():
            total = total + self.weights[name] * term(estimate, target)
        return total


def _loss(name: str, options: Mapping[str, Any]) -> nn.Module:
    if name not in LOSSES:
        raise ConfigError(f"There is no loss {name!r}; choose among {', '.join(LOSSES)}.")
    try:
        return LOSSES[name](**options)
    except TypeError as error:
        raise ConfigError(f"The options of the loss {name} cannot be used ({error}).") from error
