"""What a step of training minimizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from accelerate import Accelerator
from torch import Tensor, nn

from ..data.feed import Batch
from ..losses import Sum
from .config import Config


class Scored(NamedTuple):
    """The outcome of a step.

    Args:
        loss: a number.
        estimate: (N, 1, i, j, k), of the target; for a critic.
    """

    loss: Tensor
    estimate: Tensor


class Objective(Protocol):
    """Runs the network on a batch; what it draws at random follows from the step."""

    def __call__(self, network: nn.Module, batch: Batch, step: int, /) -> Scored:
        """The loss and the estimate."""


Maker = Callable[[Config, nn.Module, Accelerator], Objective]
"""Makes the objective for a network that has the weights it starts with; may put those of a part that is not trained in their place."""


class Supervised:
    """The network's estimate against the target.

    Args:
        criterion: maps (estimate, target) to a number.
        margin: voxels at the patch's edge that do not count.
        accelerator: device and precision.
    """

    def __init__(self, criterion: nn.Module, margin: int, accelerator: Accelerator) -> None:
        self.criterion, self.margin, self.device = criterion.to(accelerator.device), margin, accelerator.device

    def __call__(self, network: nn.Module, batch: Batch, _step: int) -> Scored:
        """The loss and the estimate."""
        estimate = network(batch.inputs.to(self.device)).float()
        loss: Tensor = self.criterion(inner(estimate, self.margin), inner(batch.target.to(self.device), self.margin))
        return Scored(loss, estimate)


def supervised(config: Config, _network: nn.Module, accelerator: Accelerator) -> Objective:
    """The configuration's losses."""
    return Supervised(Sum(config.losses, config.loss_options), config.loss_margin, accelerator)


def inner(volume: Tensor, margin: int) -> Tensor:
    """(N, C, i, j, k) without the margin, where the network sees the patch's edge instead of the head."""
    i, j, k = (n - margin for n in volume.shape[2:])
    return volume[:, :, margin:i, margin:j, margin:k]
