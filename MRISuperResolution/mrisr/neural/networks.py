"""The network of a family, from the hyperparameters in a card or a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ..models.discovery import family_named
from ..models.hyperparameters import NetworkSettings, divided
from .conditioning import FACTS
from .experts import Experts

READER = "told.weight"
"""The weights by which a network reads what it is told of profiles; they begin at zero."""


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
    settings = divided(hyperparameters, found.settings)[1]
    if profiled := settings_of(family, hyperparameters).profiled:
        settings["told"] = FACTS * profiled
    bounds = settings.pop("experts", ())
    networks = [found.network(**settings) for _ in range(len(bounds) + 1)]
    return Experts(networks, bounds, plane=int(settings.get("estimates", 1))) if bounds else networks[0]


def begin_with(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a network weights; where they are of one that was told no profiles, those that read them stay at zero, and it answers alike.

    Args:
        network: as `build_network` made it.
        weights: in half or full precision.

    Raises:
        RuntimeError: they do not fit.
    """
    own = network.state_dict()
    zero = {name: own[name] for name in own if f".{name}".endswith(f".{READER}")}
    network.load_state_dict({**zero, **{name: value.float() for name, value in weights.items()}})


def settings_of(family: str, hyperparameters: Mapping[str, Any]) -> NetworkSettings:
    """What the model around a family's network has to know.

    Args:
        family: its name.
        hyperparameters: of a card or a configuration.
    """
    settings: object = divided(hyperparameters, family_named(family).settings)[0]
    assert isinstance(settings, NetworkSettings)
    return settings
