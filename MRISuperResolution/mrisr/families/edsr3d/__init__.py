"""EDSR-3D: residual blocks without normalization (arXiv 1707.02921)."""

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
    from .network import EDSR3D

    return EDSR3D(**settings)


FAMILY = Family(
    name="edsr3d", model=_model, network=_network, training=train_network, packing=pack_run, teaches=True
)
