"""Which families there are: the folders of `mrisr.families`, the one thing that is looked up above this floor.

The folder `gradient_filters` holds the family `gradient-filters`, in a record `FAMILY`. Nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import CatalogError
from .family import Family

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Model
    from .card import Card

HOUSE = "mrisr.families"


def families() -> dict[str, Family]:
    """All families, by name.

    Raises:
        CatalogError: a folder holds no family of its name.
    """
    rooms = sorted(room.name for room in pkgutil.iter_modules(importlib.import_module(HOUSE).__path__))
    return {name.replace("_", "-"): _read(name) for name in rooms}


def family_named(name: str) -> Family:
    """The family of this name.

    Raises:
        CatalogError: there is none.
    """
    found = families()
    if name not in found:
        known = ", ".join(key for key, family in found.items() if family.model)
        raise CatalogError(f"There is no family {name!r} (known: {known}).")
    return found[name]


def build(card: Card, weights: Mapping[str, Tensor] | None) -> Model:
    """The model a card describes.

    Raises:
        CatalogError: the card's family is unknown, or needs weights and there are none.
    """
    family = families().get(card.family)
    if family is None or family.model is None:
        known = ", ".join(name for name, other in families().items() if other.model)
        raise CatalogError(
            f"The model {card.name} is of the unknown family {card.family!r} (known: {known}); update this software."
        )
    if weights is None and not family.weightless:
        raise CatalogError(
            f"The model {card.name} needs weights, and its card names none; install the model again."
        )
    return family.model(card, weights or {})


def _read(room: str) -> Family:
    family = getattr(importlib.import_module(f"{HOUSE}.{room}"), "FAMILY", None)
    if not isinstance(family, Family) or family.name != room.replace("_", "-"):
        wanted = room.replace("_", "-")
        raise CatalogError(
            f"mrisr/families/{room} has no record FAMILY of the name {wanted!r}; see CONTRIBUTING.md."
        )
    return family
