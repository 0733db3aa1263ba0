"""How good a network is while it trains, by the code that users run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..evaluation.scores import TOLD, Comparison, compare, restore_all
from ..image.files import read_volume
from ..models import catalog
from ..models.base import Model
from ..models.card import Card
from ..models.discovery import build
from ..physics.acquisition import Acquisition
from ..physics.protocols import protocol_named
from ..pipeline.settings import Settings
from ..progress import Monitor
from .config import Config
from .data.pairs import match
from .data.subjects import name_of
from .split import PairFiles

PAIRS = "pairs"
"""What scores on real pairs go by, where others go by their protocol."""


class Case(NamedTuple):
    """A degraded scan whose reference is known.

    Args:
        label: what its score goes by: the protocol's name, or `PAIRS`.
        compare: restores it with models, and scores them.
    """

    label: str
    compare: Callable[[dict[str, Model], Settings, Monitor], Comparison]


def scan_cases(scans: Sequence[Path], protocols: Sequence[str]) -> list[Case]:
    """Scans, each degraded by each protocol, which is told: what a network can do is one thing, what is known of a scan another."""

    def case(path: Path, protocol: str) -> Case:
        return Case(
            protocol,
            lambda models, settings, monitor: compare(
                name_of(path),
                read_volume(path),
                protocol_named(protocol),
                models,
                settings=settings,
                monitor=monitor,
                acquisition=TOLD,
            ),
        )

    return [case(path, protocol) for path in scans for protocol in protocols]


def pair_cases(rows: Sequence[PairFiles]) -> list[Case]:
    """Real scans beside their better counterparts; how they were acquired is not known, but for the grids."""

    def case(low: Path, high: Path) -> Case:
        def run(models: dict[str, Model], settings: Settings, monitor: Monitor) -> Comparison:
            matched = match(low, high)
            labels = (name_of(low), PAIRS, TOLD)
            acquisition = Acquisition.of_factor(matched.lost)
            return restore_all(
                labels,
                matched.target,
                matched.measured,
                acquisition,
                models,
                settings=settings,
                monitor=monitor,
            )

        return Case(PAIRS, run)

    return [case(low, high) for low, high in rows]


class Validation:
    """Scores weights on scans; also keeps a picture of the middle slice of the first.

    Args:
        config: what the network is.
        cases: to score them on.
        settings: device and precision.
        monitor: told which scan is scored, asked for cancellation.
    """

    def __init__(self, config: Config, cases: Sequence[Case], settings: Settings, monitor: Monitor) -> None:
        self.config, self.cases, self.settings, self.monitor = config, cases, settings, monitor
        self.picture: NDArray[np.float32] | None = None

    def __call__(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """The mean gain over cubic interpolation in the head, in dB, over all cases, and for each of their labels."""
        card = Card.of(_card(self.config), Path(self.config.name))
        models = {"cubic": catalog.load_model("cubic"), card.name: build(card, dict(weights))}
        gains: dict[str, list[float]] = {}
        self.picture = None
        for case in self.cases:
            found = case.compare(models, self.settings, self.monitor)
            cubic, mine = found.rows
            gains.setdefault(case.label, []).append(mine.psnr_mask - cubic.psnr_mask)
            if self.picture is None:
                self.picture = side_by_side(
                    [found.restored["cubic"].array, found.restored[card.name].array, found.reference.array]
                )
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
