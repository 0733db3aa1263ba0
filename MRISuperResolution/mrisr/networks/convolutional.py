"""A convolutional network as a model: it sees the initial estimate and how the scan was made, tile by tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..acquisition import Acquisition
from ..data.projection import with_projection
from ..grid import Grid
from ..interpolation import interpolate
from ..models.base import Context, Model
from ..operators import SeparableOperator
from .blocks import factor_planes
from .registry import build_network

if TYPE_CHECKING:
    from ..card import Card
    from ..tiling import Tiles

REFINED = 1 + 1e-3
"""An axis is affected if the scan's resolution along it is coarser than the target's by more than this factor."""


CASCADE = 1.5
"""A factor beyond the highest trained one by more than this is done in two stages."""


class Scanned(NamedTuple):
    """A scan and what it is thought to have done to the volume on the target grid."""

    measured: NDArray[np.float32]
    operator: SeparableOperator


class Turned(nn.Module):
    """A network that sees the volume with its axes in another order.

    Args:
        network: works on (N, C, i, j, k) with the axes in canonical order.
        order: which axis of the volume comes first, second, third for the network.
    """

    def __init__(self, network: nn.Module, order: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self._there = (0, 1, *(axis + 2 for axis in order))
        self._back = (0, 1, *(int(place) + 2 for place in np.argsort(order)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, i, j, k) to (N, 1, i, j, k)."""
        turned: Tensor = self.network(x.permute(self._there))
        return turned.permute(self._back)


class Convolutional(Model):
    """Adds what a convolutional network finds missing.

    The hyperparameter `refines` says which axes the network was trained for: `one` and `two` let it work on the scan turned so that
    the affected axes come first; a scan with several affected axes goes through a network for `one` once for each.

    Args:
        card: with the network's hyperparameters.
        weights: its tensors, in half or full precision.
    """

    def __init__(self, card: Card, weights: Mapping[str, Tensor]) -> None:
        super().__init__(card)
        self.network = build_network(card.family, card.hyperparameters)
        self.network.load_state_dict({name: value.float() for name, value in weights.items()})
        self.network.eval()
        self.refines = str(card.hyperparameters.get("refines", "all"))

    def restore(self, initial: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
        """The network's estimate; the initial one where nothing is to be refined."""
        lost = lost_resolution(context.factor, context.acquisition.kspace)
        if self.refines == "all" and self._too_far(lost):
            return self._in_two_stages(initial, context)
        return self._refined(initial, lost, context.tiled(), Scanned(context.measured, context.operator))

    def _refined(
        self, initial: NDArray[np.float32], lost: Sequence[float], tiles: Tiles, scanned: Scanned
    ) -> NDArray[np.float32]:
        """The network's estimate from an initial one that lost so much resolution along each axis."""
        passes = _passes(lost, self.refines)
        for number, order in enumerate(passes):
            stage = "model" if len(passes) == 1 else f"model, axis {number + 1} of {len(passes)}"
            inputs = self._inputs(initial, lost, order, scanned)
            answer = tiles(Turned(self.network, order), inputs, stage=stage)
            initial = np.asarray(answer[0].numpy(), dtype=np.float32)
        return initial

    def _too_far(self, lost: Sequence[float]) -> bool:
        """Whether all axes are to be refined by much more than the network was trained for."""
        highest = max((trained.factor[1] for trained in self.card.trained), default=np.inf)
        return highest > 1 and min(lost) > CASCADE * highest

    def _in_two_stages(self, initial: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
        """By the trained factor, interpolated further, and once more: for factor 4 with a network for factor 2."""
        from ..tiling import foreground_of

        i, j, k = context.measured.shape
        measured = Grid((i, j, k), np.eye(4))
        i, j, k = initial.shape
        target = Grid((i, j, k), measured.resampled(context.factor).affine)
        step = self.card.trained[0].factor[1]
        between = measured.resampled([step] * 3)
        first = interpolate(context.measured, measured, between, self.card.initial)
        tiles = context.tiled()
        scanned = Scanned(context.measured, context.acquisition.operator(between, measured))
        first = self._refined(first, [step] * 3, replace(tiles, foreground=foreground_of(first)), scanned)
        second = interpolate(first, between, target, self.card.initial)
        rest = [f / step for f in context.factor]
        scanned = Scanned(first, Acquisition.of_factor(rest).operator(target, between))
        return self._refined(second, rest, tiles, scanned)

    def _inputs(
        self, initial: NDArray[np.float32], lost: Sequence[float], order: Sequence[int], scanned: Scanned
    ) -> Tensor:
        """(estimates + planes, i, j, k): the estimates and the planes, in the volume's own order of axes."""
        steps = int(self.card.hyperparameters.get("projections", 0))
        estimates = with_projection(initial, scanned.measured, scanned.operator, steps)
        estimate = torch.from_numpy(np.ascontiguousarray(estimates))
        if not self.card.hyperparameters.get("planes", 3):
            return estimate
        turned = [initial.shape[axis] for axis in order]
        planes = factor_planes([lost[axis] for axis in order], (0, 0, 0), turned, self.refines == "one")
        back = np.argsort(order)
        planes = planes.permute(0, *(int(place) + 1 for place in back))
        return torch.cat([estimate, planes])


def lost_resolution(factor: Sequence[float], kspace: Sequence[float]) -> list[float]:
    """How many times finer the target resolves than the scan along each axis, by its grid and by its k-space."""
    return [f / kept for f, kept in zip(factor, kspace, strict=True)]


def _passes(lost: Sequence[float], refines: str) -> list[tuple[int, ...]]:
    """The orders of axes in which the network is applied, the most affected axis first."""
    order = sorted(range(3), key=lambda axis: -lost[axis])
    if refines == "all":
        return [(0, 1, 2)]
    if refines == "two":
        return [tuple(order)]
    affected = [axis for axis in order if lost[axis] > REFINED]
    return [(axis, *(a for a in range(3) if a != axis)) for axis in affected]
