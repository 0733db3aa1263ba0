"""The critic's side of WGAN-GP training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from accelerate.utils import reduce
from torch import Tensor, nn

from .config import Adversary as Settings
from .critic import Critic
from .data.feed import Batch
from .losses.adversarial import critic_loss, generator_loss


class Adversary:
    """Trains a critic between the generator's steps: first alone, then several steps for each, and now and then a round of extra steps.

    Args:
        settings: how much and how often.
        seed: of the points at which the penalty is taken.
        device: where.
    """

    def __init__(self, settings: Settings, seed: int, device: torch.device) -> None:
        self.settings = settings
        self.critic = Critic(settings.width).to(device)
        self.optimizer = torch.optim.Adam(self.critic.parameters(), settings.rate, (0.5, 0.9))
        self.random = torch.Generator().manual_seed(seed)
        self.drawn = 0
        self.device = device

    def steps_before(self, step: int) -> int:
        """How many critic steps come before the generator's step number `step`."""
        settings = self.settings
        extra = settings.pretraining if step == 0 else 0
        if step and settings.extra_every and step % settings.extra_every == 0:
            extra = settings.extra_steps
        return settings.critic_steps + extra

    def teach(
        self, generator: nn.Module, batches: Iterator[Batch], step: int, stop: Callable[[], bool]
    ) -> float:
        """Train the critic before the generator's step, or until `stop` says so; the mean of its losses."""
        losses: list[float] = []
        self.critic.requires_grad_(True)
        for _ in range(self.steps_before(step)):
            if stop():
                break
            batch = next(batches)
            self.drawn += 1
            with torch.no_grad():
                fake = generator(batch.inputs.to(self.device)).float()
            losses.append(self._step(batch.target.to(self.device), fake))
        self.critic.requires_grad_(False)
        return sum(losses) / max(1, len(losses))

    def _step(self, real: Tensor, fake: Tensor) -> float:
        share = torch.rand(len(real), generator=self.random).to(self.device)
        loss = critic_loss(self.critic, real, fake, share, self.settings.penalty)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter in self.critic.parameters():
            parameter.grad = reduce(parameter.grad, "mean")  # over the processes, which see different patches
        self.optimizer.step()
        return float(loss.detach())

    def loss(self, fake: Tensor) -> Tensor:
        """What the generator pays for scans that the critic recognizes."""
        return self.settings.weight * generator_loss(self.critic, fake)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "critic": self.critic.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
            "drawn": self.drawn,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"])
        self.drawn = int(state["drawn"])
