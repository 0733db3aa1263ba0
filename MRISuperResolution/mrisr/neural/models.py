"""Models around networks, made when they are called for: families name them without importing torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.base import Model
    from ..models.card import Card


def convolutional_model(card: Card, weights: Mapping[str, Tensor]) -> Model:
    """The model around a convolutional network; see `convolutional.Convolutional`.

    Args:
        card: with the network's hyperparameters.
        weights: its tensors.

    Raises:
        RuntimeError: the weights do not fit the card.
    """
    from .convolutional import Convolutional

    return Convolutional(card, weights)
