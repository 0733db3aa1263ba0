"""Models that stay loaded, for a process that runs one scan after another; see `jobs.server`. By default none does."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Model
    from .card import Card

State = tuple[int, int, int]
"""Of a weights file: when it was written, its size, and its number in the file system."""


@dataclass
class KeptModels:
    """The models that were used last, with the card and the weights file that they were made of.

    Args:
        most: how many are kept; none by default.

    Example:
        >>> KeptModels(most=3).find(card) is None  # doctest: +SKIP
        True
    """

    most: int = 0
    _models: OrderedDict[Path, tuple[Card, State, Model]] = field(default_factory=OrderedDict)

    def find(self, card: Card) -> Model | None:
        """The model of this card, if it is kept and neither the card nor the weights on disk have changed since."""
        if card.folder not in self._models:
            return None
        known, state, model = self._models[card.folder]
        if known != card or state != _state_of(card):
            del self._models[card.folder]
            return None
        self._models.move_to_end(card.folder)
        return model

    def add(self, card: Card, model: Model) -> None:
        """Keep a model that has weights; the one that was not used for longest goes."""
        state = _state_of(card)
        if self.most and state is not None:
            self._models[card.folder] = (card, state, model)
            self._models.move_to_end(card.folder)
        while len(self._models) > self.most:
            self._models.popitem(last=False)


def _state_of(card: Card) -> State | None:
    """None for a model without weights, or whose file is gone."""
    if card.sha256 is None:
        return None
    try:
        found = card.weights_path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


KEPT = KeptModels()
"""Those of this process."""
