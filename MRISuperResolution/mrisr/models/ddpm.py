"""Diffusion: samples around a regression network's mean, see `diffusion/model.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import register
from .base import Model

if TYPE_CHECKING:
    from torch import Tensor

    from ..card import Card


@register("ddpm")
def build(card: Card, weights: dict[str, Tensor]) -> Model:
    """The networks with their weights."""
    from ..diffusion.model import Diffusion

    return Diffusion(card, weights)
