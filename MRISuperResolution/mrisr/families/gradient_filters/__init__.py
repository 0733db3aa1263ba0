"""Gradient-hash filter learning in 3-D: features, buckets, symmetry, training and application.

`model` explains the method with its equations; the other files hold one step each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...models.family import Family, Figure
from .settings import FilterSettings

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.base import Model
    from ...models.card import Card
    from ...progress import Monitor
    from ...training.packing import Packed


def _model(card: Card, weights: Mapping[str, Tensor]) -> Model:
    from .model import GradientFilters

    return GradientFilters(card, weights)


def _train(table: dict[str, Any], options: Any, monitor: Monitor) -> Path:
    from .training import train

    return train(table, options, monitor)


def _pack(run: Path, record: dict[str, Any], best: bool) -> Packed:
    from .export import pack_filters

    return pack_filters(run, record, best)


def _filters(output: Path, **given: Any) -> None:
    from .figure import draw_filters

    draw_filters(output, **given)


FAMILY = Family(
    name="gradient-filters",
    model=_model,
    settings=FilterSettings,
    training=_train,
    packing=_pack,
    figures={
        "filters": Figure(
            "the learned filters of a few buckets of a model",
            _filters,
            needs=("model",),
            options={"bank": (0, "which of its banks, counted from 0 (default: the first)")},
        )
    },
)
