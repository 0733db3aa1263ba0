"""Diffusion as a model: samples of what the scan leaves open, around the mean that a regression network gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..models.base import Context, Model
from ..networks.cascade import Stage, cascaded, network_inputs
from ..networks.ddpm import ResidualDiffusion
from ..networks.registry import build_network
from ..trust.noise import estimate_noise
from .guidance import Guide
from .prediction import checked
from .samplers import Walk, sampler_named
from .sampling import Sampling, Shown, Watch
from .schedule import schedule_named

if TYPE_CHECKING:
    from ..card import Card

STEPS = 20

SECOND = 1_000_003
"""The second stage's seed is so much larger: no sample's second stage draws what another's first stage drew."""


STATED_SHARE = 0.75
"""A sample that leaves all of the scan's noise behind on the whole may leave more than that at one place; so it goes a little nearer."""

NOISE_SHARE = 0.5
"""Of what looks like noise in a scan whose noise is not stated, some is anatomy."""


class Diffusion(Model):
    """Draws a sample for each seed.

    Hyperparameters of the card beside the network's: `schedule`, `prediction`, `sampler`, `steps`, `temperature`, `guidance` (strength with
    which each step is drawn towards the scan, 0 to 1), `augmentation` (largest noise in the mean that the network was trained with) and
    `cascade_noise` (the noise it is shown in the second of two stages).

    Args:
        card: with the hyperparameters.
        weights: the network's tensors, in half or full precision.
    """

    stochastic = True
    volumes_at_peak = 55

    def __init__(self, card: Card, weights: Mapping[str, Tensor]) -> None:
        super().__init__(card)
        network = build_network(card.family, card.hyperparameters)
        assert isinstance(network, ResidualDiffusion)
        network.load_state_dict({name: value.float() for name, value in weights.items()})
        self.network = network.eval()
        settings = card.hyperparameters
        self.kind = checked(settings.get("prediction", "v"))
        self.schedule = schedule_named(settings.get("schedule", "cosine"))
        self.sampler = sampler_named(settings.get("sampler", "dpm-solver"))
        self.watch: Watch | None = None

    def restore(self, initial: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
        """A sample for the context's seed."""
        return cascaded(self.card, lambda stage: self._sample(stage, context), initial, context)

    def _sample(self, stage: Stage, context: Context) -> NDArray[np.float32]:
        inputs = network_inputs(self.card, stage)
        mean = stage.tiles(self.network.mean, inputs, "mean")
        level, doubted = self._doubted(mean, stage.number, context.seed)
        condition = self.network.condition(inputs[None], doubted[None])[0]
        sampling, seed = self._sampling(context.steps), context.seed + SECOND * stage.number
        return sampling.draw(Shown(mean, condition, level), self._guide(stage), stage.tiles, seed)

    def _sampling(self, steps: int | None) -> Sampling:
        settings = self.card.hyperparameters
        walk = Walk(self.schedule, self.schedule.chosen(steps or int(settings.get("steps", STEPS))))
        temperature = float(settings.get("temperature", 1.0))
        return Sampling(self.network, self.kind, self.sampler, walk, temperature, self.watch)

    def _doubted(self, mean: Tensor, number: int, seed: int) -> tuple[float, Tensor]:
        """The mean as the network is shown it: in a second stage with noise; and the noise's level over the largest."""
        settings = self.card.hyperparameters
        largest, noise = float(settings.get("augmentation", 0.0)), float(settings.get("cascade_noise", 0.0))
        if not number or not noise or not largest:
            return 0.0, mean
        random = torch.Generator().manual_seed(seed + 2 * SECOND)
        return noise / largest, mean + noise * torch.randn(mean.shape, generator=random)

    def _guide(self, stage: Stage) -> Guide:
        """Towards the scan, as near as its noise allows: most of the noise stated, or part of what looks like noise in the scan."""
        sigma = STATED_SHARE * stage.noise or NOISE_SHARE * estimate_noise(stage.measured)
        return Guide(stage.operator, stage.measured, sigma, float(self.card.hyperparameters.get("guidance", 1.0)))
