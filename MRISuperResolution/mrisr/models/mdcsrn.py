"""mDCSRN: densely connected blocks, see `networks/mdcsrn.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import register
from .base import Model

if TYPE_CHECKING:
    from torch import Tensor

    from ..card import Card


@register("mdcsrn")
def build(card: Card, weights: dict[str, Tensor]) -> Model:
    """The network with its weights."""
    from ..networks.convolutional import Convolutional

    return Convolutional(card, weights)
