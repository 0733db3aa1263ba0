"""Interpolation as a model: the yardstick for the others, and the fallback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...models.family import Family
from .model import Interpolation

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.card import Card


def _model(card: Card, _weights: Mapping[str, Tensor]) -> Interpolation:
    return Interpolation(card)


FAMILY = Family(name="interpolation", model=_model, weightless=True)
