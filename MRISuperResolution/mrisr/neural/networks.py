"""The network of a family, from the hyperparameters in a card or a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ..models.discovery import family_named
from ..models.hyperparameters import NetworkSettings, divided
from .experts import Experts


def build_network(family: str, hyperparameters: Mapping[str, Any]) -> nn.Module:
    """An untrained network; with the hyperparameter `experts`, one for each range between these bounds, see `Experts`.

    Args:
        family: its name.
        hyperparameters: of a card or a configuration, the model's settings among them.

    Raises:
        CatalogError: there is no such family.
        KeyError: the family has no network.
        TypeError: a hyperparameter is unknown.

    Example:
        >>> build_network("edsr3d", {"width": 8, "blocks": 1}).halo
        11
    """
    found = family_named(family)
    if found.network is None:
        raise KeyError(f"the family {family} has no network")
    _, settings = divided(hyperparameters, found.settings)
    bounds = settings.pop("experts", ())
    networks = [found.network(**settings) for _ in range(len(bounds) + 1)]
    return Experts(networks, bounds, plane=int(settings.get("estimates", 1))) if bounds else networks[0]


def settings_of(family: str, hyperparameters: Mapping[str, Any]) -> NetworkSettings:
    """What the model around a family's network has to know.

    Args:
        family: its name.
        hyperparameters: of a card or a configuration.
    """
    settings: object = divided(hyperparameters, family_named(family).settings)[0]
    assert isinstance(settings, NetworkSettings)
    return settings
