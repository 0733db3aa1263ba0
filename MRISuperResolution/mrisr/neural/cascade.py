"""A network on a scan: what it is shown, and its use a second time on its own result where one time is not enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..compute.tiling import Tiles, foreground_of
from ..image.grid import Grid
from ..models.base import Context
from ..models.passes import first_factor
from ..physics.acquisition import Acquisition, lost_resolution
from ..physics.interpolation import interpolate
from ..physics.operators import SeparableOperator
from .conditioning import NATURAL, UNKNOWN, Inputs, Table, profile_table
from .networks import settings_of

if TYPE_CHECKING:
    from ..models.card import Card


class Stage(NamedTuple):
    """What a network is to do.

    Args:
        number: 0, or 1 for the second of two stages.
        initial: (i, j, k) the initial estimate, a tensor.
        lost: how many times finer it is to resolve than the scan, along each axis.
        tiles: runs networks on this estimate.
        measured: the scan; of a second stage the first one's result.
        operator: from the estimate's grid to the scan's.
        told: the same as the network is told it.
        noise: of the scan, as a fraction of the peak, as far as stated.
        profiles: what is known of the scan's profiles, see `conditioning.profile_table`.
    """

    number: int
    initial: Tensor
    lost: Sequence[float]
    tiles: Tiles
    measured: Tensor
    operator: SeparableOperator
    told: SeparableOperator
    noise: float = 0.0
    profiles: Table = UNKNOWN


Refine = Callable[[Stage], Tensor]
"""A stage's result on its initial estimate's grid."""


def first_stage(initial: Tensor, context: Context) -> Stage:
    """All that is asked for, at once."""
    return Stage(
        number=0,
        initial=initial,
        lost=lost_resolution(context.factor, context.acquisition.kspace),
        tiles=context.tiled(),
        measured=context.measured,
        operator=context.operator,
        told=context.told_operator,
        noise=context.acquisition.noise,
        profiles=profile_table(context.acquisition, context.known),
    )


def cascaded(card: Card, refine: Refine, initial: Tensor, context: Context) -> Tensor:
    """What `refine` makes of the scan, in two stages if all axes are to be refined by much more than the model was trained for.

    By the trained factor, interpolated further, and once more: for factor 4 with a network for factor 2.
    """
    stage = first_stage(initial, context)
    step = first_factor(card.trained, stage.lost)
    if step is None:
        return refine(stage)
    i, j, k = context.measured.shape
    measured = Grid((i, j, k), np.eye(4))
    i, j, k = initial.shape
    target = Grid((i, j, k), measured.resampled(context.factor).affine)
    between = measured.resampled([step] * 3)
    first = interpolate(context.measured, measured, between, card.initial)
    tiles = replace(stage.tiles, foreground=foreground_of(first))
    operator, told = (made.operator(between, measured) for made in (context.acquisition, context.told))
    first = refine(stage._replace(initial=first, lost=[step] * 3, tiles=tiles, operator=operator, told=told))
    second = interpolate(first, between, target, card.initial)
    rest = [f / step for f in context.factor]
    operator = Acquisition.of_factor(rest).operator(target, between)
    return refine(Stage(1, second, rest, stage.tiles, first, operator, operator))


def network_inputs(card: Card, stage: Stage, order: Sequence[int] = NATURAL) -> list[Tensor]:
    """What a card's network is shown at a stage: its channels in order, one or more at a time, each (channels, i, j, k).

    Args:
        card: of the model.
        stage: what is to be done.
        order: of the axes, as the network will see them.
    """
    inputs = Inputs.of(
        settings_of(card.family, card.hyperparameters), int(card.hyperparameters.get("planes", 3))
    )
    channels = [torch.as_tensor(c) for c in inputs.channels(stage.initial, stage.measured, stage.told)]
    if inputs.planes:
        planes = inputs.told(stage.lost, stage.initial.shape, order=order, profiles=stage.profiles)
        channels.append(planes.to(channels[0].device))
    return channels
