"""How long a run will take on a computer, before it has run: from a short probe of it, never from another computer's figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..compute.probe import Pace
from ..compute.strips import LARGEST_TILE, TileShape, shown_voxels
from ..image.memory import free_memory
from ..models.card import Card, speed_key
from ..models.hyperparameters import NetworkSettings
from ..models.passes import first_factor, orders_of
from .planning import Plan

ROAD_VALUES = 200
"""What is written beside the network for each voxel of the result, counted as `probe.Pace.values`; measured."""


@dataclass(frozen=True)
class Demand:
    """What is asked of a model.

    Args:
        matrix: voxels of the result along i, j, k.
        lost: how many times finer it is to resolve than the scan, along each axis.
        samples: how many results are averaged.
    """

    matrix: Sequence[int]
    lost: Sequence[float]
    samples: int = 1

    @classmethod
    def of(cls, plan: Plan, samples: int = 1) -> Demand:
        """What a plan asks."""
        return cls(plan.target.shape, plan.lost, samples)

    @property
    def megavoxels(self) -> float:
        """Millions of voxels that are computed, in all samples."""
        return self.samples * math.prod(self.matrix) / 1e6

    @cached_property
    def room(self) -> int | None:
        """Bytes of main memory that are free, asked once for all models: it takes a millisecond."""
        return free_memory()


def expected_seconds(
    card: Card, demand: Demand, pace: Pace | None, device: str, precision: str
) -> float | None:
    """What a model needs for a result, all of it tissue; None where nobody knows.

    Args:
        card: of the model. Interpolation counts as nothing. A model without networks, or whose card does not count their work, is told
            as its card was measured on this kind of device, on whatever computer that was.
        demand: what is asked of it.
        pace: of this computer, see `probe.pace`; None if it was not probed.
        device: `cpu`, `cuda` or `mps`.
        precision: of a network on it.

    Example:
        >>> from mrisr.models.catalog import find
        >>> card, demand = find("edsr3d-iso2"), Demand((200, 200, 200), (2, 2, 2))
        >>> round(expected_seconds(card, demand, Pace(2e10, 4e10, 2e8), "cuda", "fp32"))
        71
        >>> expected_seconds(card, demand, None, "cpu", "fp32") is None
        True
    """
    if card.sha256 is None:
        return 0.0
    if card.work:
        if pace is None:
            return None
        wide = card.work.get("winograd", 0)
        voxel = (card.work["multiply_adds"] - wide) / pace.multiply_adds + wide / pace.winograd
        voxel += card.work["values"] / pace.values
        beside = 1e6 * demand.megavoxels * ROAD_VALUES / pace.values
        return voxels_in_windows(card, demand, device) * voxel + beside
    measured = card.speed.get(speed_key(device, precision)) or card.speed.get(speed_key(device, "fp32"))
    return None if measured is None else float(measured["seconds_per_megavoxel"]) * demand.megavoxels


def voxels_in_windows(card: Card, demand: Demand, device: str) -> int:
    """How many voxels a model's network is shown: in each sample, pass over the axes, stage and window.

    Args:
        card: of the model.
        demand: what is asked of it.
        device: where it runs; a graphics card is taken to have room for the largest window.
    """
    tile = TileShape(**card.tile)
    side = tile.fitting(demand.room) if device == "cpu" else LARGEST_TILE
    refines = str(card.hyperparameters.get("refines", NetworkSettings.refines))
    matrices = [demand.matrix] * len(orders_of(demand.lost, refines))
    if refines == "all" and (first := first_factor(card.trained, demand.lost)) is not None:
        matrices.append(
            [math.ceil(n * first / lost) for n, lost in zip(demand.matrix, demand.lost, strict=True)]
        )
    return demand.samples * sum(shown_voxels(matrix, tile, side) for matrix in matrices)
