"""Sampling a whole volume: one noisy state, denoised tile by tile at every step, drawn towards the scan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...compute.tiling import Tiles
from ...progress import Monitor
from .guidance import Guide
from .network import ResidualDiffusion
from .prediction import Kind, clean_from
from .samplers import Sampler, Timesteps

Watch = Callable[[int, Tensor, Tensor], None]
"""Told each step's number and what the state and the estimate of the residual then are, (1, i, j, k) in units of the scale."""


class Conditioning(NamedTuple):
    """What is known of a volume before its residual is drawn.

    Args:
        mean: (1, i, j, k).
        condition: (2 + planes, i, j, k), see `ResidualDiffusion.condition`.
        level: of the noise in it, over the largest.
    """

    mean: Tensor
    condition: Tensor
    level: float


class Denoiser(nn.Module):
    """A diffusion network at one step, as a network for tiles: the residual from state and condition.

    Args:
        network: of the family.
        kind: what it predicts.
        angle: of the step's noise.
        level: of the noise in the condition, over the largest.
    """

    def __init__(self, network: ResidualDiffusion, kind: Kind, angle: float, level: float) -> None:
        super().__init__()
        self.network, self.kind = network, kind
        self.register_buffer("angle", torch.tensor(angle), persistent=False)
        self.register_buffer("numbers", torch.tensor([[angle / (0.5 * math.pi), level]]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1 + condition, i, j, k), the state of unit variance first, to (N, 1, i, j, k)."""
        state, condition = x[:, :1].float(), x[:, 1:]
        predicted = self.network(state, condition, self.get_buffer("numbers").expand(len(x), -1)).float()
        return clean_from(self.kind, predicted, state, self.get_buffer("angle"))


@dataclass(frozen=True, eq=False)
class Sampling:
    """How residuals are drawn.

    Args:
        network: predicts the mean and removes noise.
        kind: what it predicts.
        sampler: from noise to a volume.
        timesteps: schedule and steps.
        temperature: scales all noise that is drawn: 1 samples what the network has learned, less comes closer to the mean.
        watch: told of every step; None for nobody.
    """

    network: ResidualDiffusion
    kind: Kind
    sampler: Sampler
    timesteps: Timesteps
    temperature: float = 1.0
    watch: Watch | None = None

    def draw(self, shown: Conditioning, guide: Guide, tiles: Tiles, seed: int) -> Tensor:
        """One sample of the volume.

        The noise is drawn for the whole volume and on the CPU, so that tiles agree where they overlap, and devices with each other.

        Args:
            shown: what the network sees.
            guide: draws the estimate of each step towards the scan.
            tiles: runs the network over the head; elsewhere the residual is 0.
            seed: of all noise.

        Returns:
            (i, j, k) float32, on the mean's device.
        """
        random = torch.Generator().manual_seed(seed)
        mean, condition, level = shown
        scale, schedule = self.network.scale, self.timesteps.schedule
        nothing = torch.zeros_like(mean)
        inner = replace(tiles)
        done = 0

        def noise() -> Tensor:
            return torch.randn(mean.shape, generator=random).mul_(self.temperature).to(mean.device)

        def denoise(state: Tensor, t: int) -> Tensor:
            inner.monitor = self._monitor(tiles.monitor, done)
            denoiser = Denoiser(self.network, self.kind, float(schedule.angle(t)), level)
            residual = inner(denoiser, [state / schedule.size(t), condition], "sampling", nothing)
            guided: Tensor = guide((mean + scale * residual)[0])
            return (guided[None] - mean) / scale

        def seen(number: int, state: Tensor, clean: Tensor) -> None:
            nonlocal done
            done = number
            tiles.monitor.step("sampling", number, self.steps)
            if self.watch:
                self.watch(number, state, clean)

        start = float(schedule.noise[self.timesteps.times[0]]) * noise()
        residual = self.sampler(denoise, start, self.timesteps, noise, seen)
        tiles.compute, tiles.side = inner.compute, inner.side
        drawn: Tensor = replace(guide, strength=float(guide.strength > 0))((mean + scale * residual)[0])
        return drawn

    @property
    def steps(self) -> int:
        """How often the network runs over the head."""
        return len(self.timesteps.times) - 1

    def _monitor(self, outer: Monitor, done: int) -> Monitor:
        """Tells of a step's tiles as parts of the whole sampling."""

        def progress(stage: str, tile: int, total: int) -> None:
            outer.progress(stage, done * total + tile, self.steps * total)

        return replace(outer, progress=progress)
