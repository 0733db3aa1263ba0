"""mDCSRN: densely connected blocks, alone or against a critic (arXiv 1803.01417)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...models.family import Family
from ...neural.models import convolutional_model
from ...training.trainers import pack_run, train_network

if TYPE_CHECKING:
    from torch import nn


def _network(**settings: Any) -> nn.Module:
    from .network import MDCSRN

    return MDCSRN(**settings)


FAMILY = Family(
    name="mdcsrn",
    model=convolutional_model,
    network=_network,
    training=train_network,
    packing=pack_run,
    teaches=True,
)
