"""A convolutional network as a model: it sees the initial estimate and how the scan was made, tile by tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from ..models.base import Context, Model
from ..models.passes import orders_of
from .cascade import Stage, cascaded, first_stage, network_inputs
from .networks import begin_with, build_network, settings_of

if TYPE_CHECKING:
    from ..models.card import Card


class PermutedAxes(nn.Module):
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
        begin_with(self.network, weights)
        self.network.eval()
        self.refines = settings_of(card.family, card.hyperparameters).refines

    def restore(self, initial: Tensor, context: Context) -> Tensor:
        """The network's estimate; the initial one where nothing is to be refined."""
        if self.refines == "all":
            return cascaded(self.card, self._refined, initial, context)
        return self._refined(first_stage(initial, context))

    def _refined(self, stage: Stage) -> Tensor:
        """The network's estimate, axis by axis if it refines one at a time."""
        passes = orders_of(stage.lost, self.refines)
        initial = stage.initial
        for number, order in enumerate(passes):
            name = "model" if len(passes) == 1 else f"model, axis {number + 1} of {len(passes)}"
            inputs = network_inputs(self.card, stage._replace(initial=initial), order)
            initial = stage.tiles(PermutedAxes(self.network, order), inputs, stage=name)[0]
        return initial
