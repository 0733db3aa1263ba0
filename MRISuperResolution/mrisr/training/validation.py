"""How good a network is while it trains, by the code that users run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import catalog
from ..card import Card
from ..enhance import Settings
from ..evaluate import compare
from ..files import read_volume, stem_of
from ..models import build
from ..protocols import protocol_named
from .config import Config


class Validation:
    """Scores weights on scans; also keeps a picture of the middle slice of the first.

    Args:
        config: which protocols, and what the network is.
        scans: the files.
        settings: device and precision.
    """

    def __init__(self, config: Config, scans: Sequence[Path], settings: Settings) -> None:
        self.config, self.scans, self.settings = config, scans, settings
        self.picture: NDArray[np.float32] | None = None

    def __call__(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """The mean gain over cubic interpolation in the head, in dB, over all scans and protocols, and for each protocol."""
        card = Card.of(_card(self.config), Path(self.config.name))
        models = {"cubic": catalog.load_model("cubic"), card.name: build(card, dict(weights))}
        gains: dict[str, list[float]] = {}
        self.picture = None
        for path in self.scans:
            volume = read_volume(path)
            for name in self.config.validation.protocols:
                found = compare(stem_of(path), volume, protocol_named(name), models, settings=self.settings)
                cubic, mine = found.rows
                gains.setdefault(name, []).append(mine.psnr_mask - cubic.psnr_mask)
                if self.picture is None:
                    self.picture = side_by_side([found.restored["cubic"].array, found.restored[card.name].array, found.reference.array])
        scores = {name: float(np.mean(values)) for name, values in gains.items()}
        return {"gain": float(np.mean(list(scores.values()))), **scores}


def side_by_side(volumes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The middle slices along the last axis, one beside the other."""
    return np.concatenate([v[:, ::-1, v.shape[2] // 2].T for v in volumes], axis=1)


def _card(config: Config) -> dict[str, object]:
    """The least of a card that a model needs."""
    return {
        "name": config.name,
        "title": config.name,
        "family": config.family,
        "version": "0.0",
        "purpose": "being trained",
        "initial": config.initial,
        "weights": {"sha256": "in training"},
        "hyperparameters": dict(config.network),
        "tile": config.card.get("tile", {"multiple": config.patches.multiple}),
        "consistency": config.card.get("consistency", 0),
    }
