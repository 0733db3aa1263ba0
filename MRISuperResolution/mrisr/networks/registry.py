"""The network of each family, from the hyperparameters in a configuration or a card."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from torch import nn

from .experts import Experts

NETWORKS = {"edsr3d": ("edsr3d", "EDSR3D"), "mdcsrn": ("mdcsrn", "MDCSRN"), "ddpm": ("ddpm", "ResidualDiffusion")}
"""Family to module and class."""

WRAPPER_KEYS = (
    "refines", "projections", "schedule", "prediction", "augmentation", "sampler", "steps", "temperature", "guidance", "cascade_noise",
)
"""Hyperparameters that are the model's business, not the network's."""


def build_network(family: str, hyperparameters: Mapping[str, Any]) -> nn.Module:
    """An untrained network; with the hyperparameter `experts`, one for each range between these bounds, see `Experts`.

    Raises:
        KeyError: the family has none.
        TypeError: a hyperparameter is unknown.
    """
    module, name = NETWORKS[family]
    kind = getattr(importlib.import_module(f".{module}", __package__), name)
    settings = {key: value for key, value in hyperparameters.items() if key not in WRAPPER_KEYS}
    bounds = settings.pop("experts", ())
    networks: list[nn.Module] = [kind(**settings) for _ in range(len(bounds) + 1)]
    return Experts(networks, bounds, plane=int(settings.get("estimates", 1))) if bounds else networks[0]
