"""Diffusion: samples of what the scan leaves open, around the mean that a regression network gives; see `model`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...models.family import Family, Figure
from ...training.trainers import pack_run
from .settings import DiffusionSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ...models.base import Model
    from ...models.card import Card
    from ...progress import Monitor


def _model(card: Card, weights: Mapping[str, Tensor]) -> Model:
    from .model import Diffusion

    return Diffusion(card, weights)


def _network(**settings: Any) -> nn.Module:
    from .network import ResidualDiffusion

    return ResidualDiffusion(**settings)


def _train(table: dict[str, Any], options: Any, monitor: Monitor) -> Path:
    from .training import train

    return train(table, options, monitor)


def _schedules(output: Path) -> None:
    from .figure import draw_schedules

    draw_schedules(output)


def _noising(output: Path, **given: Any) -> None:
    from .figure import draw_noising

    draw_noising(output, **given)


def _sampling(output: Path, **given: Any) -> None:
    from .figure import draw_sampling

    draw_sampling(output, **given)


FAMILY = Family(
    name="ddpm",
    model=_model,
    network=_network,
    settings=DiffusionSettings,
    training=_train,
    packing=pack_run,
    figures={
        "schedule": Figure("signal and noise at every step of the noise schedules", _schedules),
        "noising": Figure(
            "a slice that drowns in noise, by each of the noise schedules", _noising, needs=("scan", "plane")
        ),
        "sampling": Figure(
            "a slice every few steps while a model samples; a strip, or a GIF that moves",
            _sampling,
            needs=("model", "scan", "plane", "settings"),
            options={
                "every": (3, "steps between pictures (default: 3)"),
                "box": (None, "only the middle N voxels of each axis of the scan"),
            },
            suffixes=(".gif",),
        ),
    },
)
