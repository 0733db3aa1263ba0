"""Model families: one file each, found by its name.

The family `gradient-filters` lives in `gradient_filters.py`, which registers a builder under that name. Nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import CatalogError
from .base import Context, Model

if TYPE_CHECKING:
    from torch import Tensor

    from ..card import Card

__all__ = ["Builder", "Context", "Model", "build", "families", "register"]

Builder = Callable[["Card", "dict[str, Tensor]"], Model]
"""Makes a model of a card and its weights, of which a family without weights gets none."""

_BUILDERS: dict[str, Builder] = {}
_WEIGHTLESS: set[str] = set()


def register(family: str, *, weightless: bool = False) -> Callable[[Builder], Builder]:
    """Decorate the function that builds a family's model from its card and its weights.

    Args:
        family: its name.
        weightless: whether its models have no weights.
    """

    def decorate(builder: Builder) -> Builder:
        _BUILDERS[family] = builder
        if weightless:
            _WEIGHTLESS.add(family)
        return builder

    return decorate


def families() -> list[str]:
    """The names of the families this package has a file for."""
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if m.name != "base")


def build(card: Card, weights: dict[str, Tensor] | None) -> Model:
    """The model a card describes.

    Raises:
        CatalogError: the card's family is unknown, or needs weights and there are none.
    """
    if card.family not in families():
        known = ", ".join(families())
        raise CatalogError(f"The model {card.name} is of the unknown family {card.family!r} (known: {known}); update this software.")
    importlib.import_module(f".{card.family.replace('-', '_')}", __name__)
    if card.family not in _BUILDERS:
        raise CatalogError(f"mrisr/models has a file for {card.family!r} that registers no builder of that name; see CONTRIBUTING.md.")
    if weights is None and card.family not in _WEIGHTLESS:
        raise CatalogError(f"The model {card.name} needs weights, and its card names none; install the model again.")
    return _BUILDERS[card.family](card, weights or {})
