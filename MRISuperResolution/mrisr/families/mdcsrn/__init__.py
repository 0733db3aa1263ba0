"""mDCSRN: densely connected blocks, alone or against a critic (arXiv 1803.01417)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...models.family import Family
from ...training.trainers import pack_run, train_network

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ...models.base import Model
    from ...models.card import Card


def _model(card: Card, weights: Mapping[str, Tensor]) -> Model:
    from ...neural.convolutional import Convolutional

    return Convolutional(card, weights)


def _network(**settings: Any) -> nn.Module:
    from .network import MDCSRN

    return MDCSRN(**settings)


FAMILY = Family(
    name="mdcsrn", model=_model, network=_network, training=train_network, packing=pack_run, teaches=True
)
