"""Diffusion: samples around a regression network's mean, see `diffusion/model.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import CatalogError
from . import register
from .base import Model

if TYPE_CHECKING:
    from torch import Tensor

    from ..card import Card


@register("ddpm")
def build(card: Card, weights: dict[str, Tensor] | None) -> Model:
    """The networks with their weights."""
    from ..diffusion.model import Diffusion

    if weights is None:
        raise CatalogError(f"The model {card.name} needs weights, and its card names none; install the model again.")
    return Diffusion(card, weights)
