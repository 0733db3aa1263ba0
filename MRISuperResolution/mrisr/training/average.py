"""The exponential moving average of a network's weights, which is what gets exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Average:
    """w̄ ← d w̄ + (1 − d) w, with d = min(decay, (1 + t) / (10 + t)) so that the first steps are soon forgotten.

    Args:
        network: whose weights are averaged; the average starts as a copy, on the same device.
        decay: d in the long run.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {name: w.detach().clone().float() for name, w in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take one step of `network` in."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, value in network.state_dict().items():
            self.weights[name].lerp_(value.detach().float(), 1 - decay)

    def state(self) -> dict[str, Tensor | int | dict[str, Tensor]]:
        """For a checkpoint."""
        return {"weights": self.weights, "updates": self.updates}

    def restore(self, state: dict[str, object]) -> None:
        """From a checkpoint."""
        weights, updates = state["weights"], state["updates"]
        assert isinstance(weights, dict)
        assert isinstance(updates, int)
        self.weights = {name: weight.to(self.weights[name].device) for name, weight in weights.items()}
        self.updates = updates
