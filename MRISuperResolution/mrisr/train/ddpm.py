"""Trains diffusion networks by the shared pipeline, around a packaged network that predicts the mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn

from .. import catalog
from ..diffusion.objective import Denoising
from ..diffusion.prediction import checked
from ..diffusion.schedule import schedule_named
from ..errors import ConfigError
from ..networks.ddpm import ResidualDiffusion
from ..progress import Monitor
from ..training.config import Config
from ..training.objective import Objective
from . import Options, train_network

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
        raise ConfigError('The table network must name the model that predicts the mean; add a line such as mean = "edsr3d-iso2".')
    card = catalog.find(name)
    settings = dict(card.hyperparameters)
    shared = {str(key): settings.pop(key) for key in ("projections", "refines") if key in settings}
    return {**table, "network": {**network, **shared, "mean": {"model": name, "family": card.family, **settings}}}


def denoising(config: Config, network: nn.Module, accelerator: Accelerator) -> Objective:
    """The objective; the network is given the mean's weights."""
    assert isinstance(network, ResidualDiffusion)
    settings = config.network
    weights = catalog.load_weights(catalog.find(settings["mean"]["model"])) or {}
    network.mean.load_state_dict({name: value.float() for name, value in weights.items()})
    return Denoising(
        network,
        schedule_named(settings.get("schedule", "cosine")),
        checked(settings.get("prediction", "v")),
        accelerator,
        augmentation=float(settings.get("augmentation", 0.0)),
        repeats=config.optimizer.repeats,
        margin=config.loss_margin,
        seed=config.seed,
    )
