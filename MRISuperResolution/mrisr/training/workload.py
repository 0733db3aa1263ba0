"""How much a model computes, from which its time on any machine follows; see `compute.probe`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..compute.device import Compute
from ..compute.tile_box import TileShape
from ..compute.tiling import Network, Tiles
from ..errors import MrisrError
from ..evaluation.timing import example_for
from ..models.base import Context, Model
from ..physics.interpolation import interpolate
from ..physics.observation import Observation
from ..physics.operators import SeparableOperator
from ..pipeline.planning import plan
from ..progress import Monitor

SIDE = 24
"""Of the volume on which the networks are counted: a multiple of all their blocks. Per voxel they count the same on any."""


def multiply_adds_per_voxel(model: Model) -> int:
    """Multiply-adds in a model's convolutions for each voxel of its result, all of them tissue, in one tile; 0 without a network.

    It is a constant of the hyperparameters: of one pass over the axes, by the lowest factor that the model was trained for, with
    the steps that it takes unless somebody says otherwise.

    Args:
        model: of any family.
    """
    if model.card.sha256 is None:
        return 0
    counted: dict[str, float] = {}
    try:
        _restore(model, counted)
    except MrisrError:  # a model that must be told more than its card says of how scans are made
        return 0
    return round(sum(counted.values()))


@dataclass
class _CountingTiles(Tiles):
    """Counts what networks compute for a voxel, and answers with what lies outside; the same network again counts again."""

    counted: dict[str, float] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)

    def __call__(
        self,
        network: Network,
        inputs: Tensor | NDArray[np.float32],
        stage: str = "model",
        outside: Tensor | None = None,
    ) -> Tensor:
        """The volume itself, or `outside`."""
        shown = torch.as_tensor(inputs)
        if stage not in self.known:
            self.known[stage] = _convolved(network, shown)
        self.counted[stage] = self.counted.get(stage, 0.0) + self.known[stage]
        return (shown[:1] if outside is None else outside).clone()


def _convolved(network: Network, inputs: Tensor) -> float:
    """Multiply-adds of the convolutions in one call, for each voxel of (C, i, j, k)."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(inputs[None])
    operations = counter.get_flop_counts().get("Global", {})
    flops = sum(count for operation, count in operations.items() if "convolution" in str(operation))
    return flops / 2 / inputs[0].numel()


def _restore(model: Model, counted: dict[str, float]) -> None:
    """Run the model once, by tiles that count."""
    scan, target = example_for(model.card, SIDE)
    planned = plan(scan.grid, target, None, model.card)
    measurement = Observation(scan, planned.acquisition).of(target)
    shape = TileShape(**model.card.tile)
    tiles = _CountingTiles(np.ones(target.shape, bool), shape, Compute("cpu"), counted=counted)
    operator = measurement.operator
    assert isinstance(operator, SeparableOperator)  # as that of any scan on a parallel grid
    context = Context(
        acquisition=planned.acquisition,
        operator=operator,
        measured=measurement.measured,
        factor=planned.factor,
        seed=0,
        monitor=Monitor(),
        tiles=tiles,
    )
    model.restore(interpolate(measurement.measured, scan.grid, target, model.card.initial), context)
