"""Trains diffusion networks by the shared pipeline, around a packaged network that predicts the mean."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn

from ...errors import ConfigError
from ...models import catalog
from ...models.hyperparameters import NetworkSettings, divided
from ...neural.networks import begin_with
from ...progress import Monitor
from ...training.config import Config
from ...training.objective import Objective
from ...training.options import Options
from ...training.trainers import train_network
from .network import ResidualDiffusion
from .objective import Denoising
from .prediction import checked
from .schedule import schedule_named
from .settings import DiffusionSettings

__all__ = ["train"]


def train(table: dict[str, Any], options: Options, monitor: Monitor) -> Path:
    """Train a diffusion network; the run's folder.

    Raises:
        MrisrError: the configuration, its model for the mean or a scan cannot be used, or the training stopped.
    """
    return train_network(with_mean(table), options, monitor, denoising)


def with_mean(table: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the hyperparameters of the model that `network.mean` names in its place."""
    network = dict(table.get("network", {}))
    name = network.get("mean")
    if not isinstance(name, str):
        raise ConfigError(
            'The table network must name the model that predicts the mean; add a line such as mean = "edsr3d-iso2".'
        )
    card = catalog.find(name)
    shared, own = divided(card.hyperparameters, NetworkSettings)
    return {
        **table,
        "network": {
            **network,
            **asdict(shared),
            "mean": {"model": name, "family": card.family, **own, **_told(shared)},
        },
    }


def _told(mean: NetworkSettings) -> dict[str, Any]:
    """What the network for the mean must know of its inputs, if it is told profiles."""
    return {"refines": mean.refines, "told": True} if mean.told else {}


def denoising(config: Config, network: nn.Module, accelerator: Accelerator) -> Objective:
    """The objective; the network is given the mean's weights."""
    assert isinstance(network, ResidualDiffusion)
    settings, _ = divided(config.network, DiffusionSettings)
    weights = catalog.load_weights(catalog.find(config.network["mean"]["model"])) or {}
    begin_with(network.mean, weights)
    return Denoising(
        network,
        schedule_named(settings.schedule),
        checked(settings.prediction),
        accelerator,
        augmentation=settings.augmentation,
        repeats=config.optimizer.repeats,
        margin=config.loss_margin,
        seed=config.seed,
    )
