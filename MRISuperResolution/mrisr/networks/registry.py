"""The network of each family, from the hyperparameters in a configuration or a card."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from torch import nn

NETWORKS = {"edsr3d": ("edsr3d", "EDSR3D"), "mdcsrn": ("mdcsrn", "MDCSRN"), "ddpm": ("ddpm", "ResidualDiffusion")}
"""Family to module and class."""

WRAPPER_KEYS = (
    "refines", "projections", "schedule", "prediction", "augmentation", "sampler", "steps", "temperature", "guidance", "cascade_noise",
)
"""Hyperparameters that are the model's business, not the network's."""


def build_network(family: str, hyperparameters: Mapping[str, Any]) -> nn.Module:
    """An untrained network.

    Raises:
        KeyError: the family has none.
        TypeError: a hyperparameter is unknown.
    """
    module, name = NETWORKS[family]
    kind = getattr(importlib.import_module(f".{module}", __package__), name)
    network: nn.Module = kind(**{key: value for key, value in hyperparameters.items() if key not in WRAPPER_KEYS})
    return network
