"""Diffusion as a model: samples of what the scan leaves open, around the mean that a regression network gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...image.arrays import on_host
from ...image.noise import estimate_noise
from ...models.base import Context, Model
from ...models.hyperparameters import divided
from ...neural.cascade import Stage, cascaded, network_inputs
from ...neural.networks import build_network
from .guidance import Guide
from .network import ResidualDiffusion
from .prediction import checked
from .samplers import Timesteps, sampler_named
from .sampling import Conditioning, Sampling, Watch
from .schedule import schedule_named
from .settings import DiffusionSettings

if TYPE_CHECKING:
    from ...models.card import Card

SECOND = 1_000_003
"""The second stage's seed is so much larger: no sample's second stage draws what another's first stage drew."""

STATED_SHARE = 0.75
"""A sample that leaves all of the scan's noise behind on the whole may leave more than that at one place; so it goes a little nearer."""

NOISE_SHARE = 0.5
"""Of what looks like noise in a scan whose noise is not stated, some is anatomy."""


class Diffusion(Model):
    """Draws a sample for each seed.

    Args:
        card: with the hyperparameters, see `DiffusionSettings`.
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
        self.settings, _ = divided(card.hyperparameters, DiffusionSettings)
        self.kind = checked(self.settings.prediction)
        self.schedule = schedule_named(self.settings.schedule)
        self.sampler = sampler_named(self.settings.sampler)
        self.watch: Watch | None = None

    def restore(self, initial: Tensor, context: Context) -> Tensor:
        """A sample for the context's seed."""
        return cascaded(self.card, lambda stage: self._sample(stage, context), initial, context)

    def _sample(self, stage: Stage, context: Context) -> Tensor:
        inputs = network_inputs(self.card, stage)
        mean = stage.tiles(self.network.mean, inputs, "mean")
        level, doubted = self._doubted(mean, stage.number, context.seed)
        condition = self.network.condition(torch.cat(inputs)[None], doubted[None])[0]
        sampling, seed = self._sampling(context.steps), context.seed + SECOND * stage.number
        return sampling.draw(Conditioning(mean, condition, level), self._guide(stage), stage.tiles, seed)

    def _sampling(self, steps: int | None) -> Sampling:
        timesteps = Timesteps(self.schedule, self.schedule.chosen(steps or self.settings.steps))
        return Sampling(
            self.network, self.kind, self.sampler, timesteps, self.settings.temperature, self.watch
        )

    def _doubted(self, mean: Tensor, number: int, seed: int) -> tuple[float, Tensor]:
        """The mean as the network is shown it: in a second stage with noise; and the noise's level over the largest."""
        largest, noise = self.settings.augmentation, self.settings.cascade_noise
        if not number or not noise or not largest:
            return 0.0, mean
        random = torch.Generator().manual_seed(seed + 2 * SECOND)
        return noise / largest, mean + noise * torch.randn(mean.shape, generator=random).to(mean.device)

    def _guide(self, stage: Stage) -> Guide:
        """Towards the scan, as near as its noise allows: most of the noise stated, or part of what looks like noise in the scan."""
        sigma = STATED_SHARE * stage.noise or NOISE_SHARE * estimate_noise(on_host(stage.measured))
        return Guide(stage.operator, stage.measured, sigma, self.settings.guidance)
