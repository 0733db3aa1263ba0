"""EDSR-3D: residual blocks without normalization, see `networks/edsr3d.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import CatalogError
from . import register
from .base import Model

if TYPE_CHECKING:
    from torch import Tensor

    from ..card import Card


@register("edsr3d")
def build(card: Card, weights: dict[str, Tensor] | None) -> Model:
    """The network with its weights."""
    from ..networks.convolutional import Convolutional

    if weights is None:
        raise CatalogError(f"The model {card.name} needs weights, and its card names none; install the model again.")
    return Convolutional(card, weights)
