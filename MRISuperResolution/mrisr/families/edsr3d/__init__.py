"""EDSR-3D: residual blocks without normalization (arXiv 1707.02921)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...models.family import Family
from ...neural.models import convolutional_model
from ...training.trainers import pack_run, train_network

if TYPE_CHECKING:
    from torch import nn


def _network(**settings: Any) -> nn.Module:
    from .network import EDSR3D

    return EDSR3D(**settings)


FAMILY = Family(
    name="edsr3d",
    model=convolutional_model,
    network=_network,
    training=train_network,
    packing=pack_run,
    teaches=True,
)
