"""How a diffusion network learns: to tell the residual from noise of any strength that was added to it."""

from __future__ import annotations

import math

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ...training.data.feed import Batch
from ...training.objective import Scored, inner
from .network import ResidualDiffusion
from .prediction import Kind, clean_from, wanted
from .schedule import Schedule

CLEAN = 0.5
"""Share of examples whose condition gets no noise."""


class Denoising:
    """The mean squared error of the prediction, each patch at several noise levels.

    All that is drawn follows from the seed and the step.

    Args:
        network: bare, for its mean.
        schedule: of the noise.
        kind: what the network predicts.
        augmentation: largest standard deviation of the noise added to the mean that the network sees (noise conditioning augmentation,
            Ho et al. 2022, arXiv 2106.15282), so that it bears a mean made from an estimate instead of a scan.
        repeats: noise levels for each patch: the mean is predicted once for all.
        margin: voxels at the patch's edge that do not count.
        seed: of the run.
        accelerator: device and precision.
    """

    def __init__(
        self,
        network: ResidualDiffusion,
        schedule: Schedule,
        kind: Kind,
        accelerator: Accelerator,
        *,
        augmentation: float = 0.0,
        repeats: int = 1,
        margin: int = 0,
        seed: int = 0,
    ) -> None:
        self.bare, self.kind, self.accelerator = network, kind, accelerator
        self.augmentation, self.repeats, self.margin, self.seed = augmentation, repeats, margin, seed
        self.angles = torch.from_numpy(schedule.angle(np.arange(schedule.last + 1))).float()

    def __call__(self, network: nn.Module, batch: Batch, step: int) -> Scored:
        """The loss, and the estimates of the target, for each repeat."""
        device = self.accelerator.device
        inputs, target = batch.inputs.to(device), batch.target.to(device)
        with torch.no_grad(), self.accelerator.autocast():
            mean = self.bare.mean(inputs).float()
        inputs, target, mean = (torch.cat([x] * self.repeats) for x in (inputs, target, mean))
        residual = (target - mean) / self.bare.scale
        angle, level, noise, doubt = (x.to(device) for x in self._drawn(target.shape, step))
        noisy = angle.cos() * residual + angle.sin() * noise
        condition = self.bare.condition(inputs, mean + level * self.augmentation * doubt)
        numbers = torch.cat([angle.flatten(1) / (0.5 * math.pi), level.flatten(1)], dim=1)
        predicted = network(noisy, condition, numbers).float()
        loss = torch.mean(
            (inner(predicted, self.margin) - inner(wanted(self.kind, residual, noise, angle), self.margin))
            ** 2
        )
        return Scored(loss, mean + self.bare.scale * clean_from(self.kind, predicted, noisy, angle))

    def _drawn(self, shape: torch.Size, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Angles and condition's noise levels, (N, 1, 1, 1, 1), and two volumes of noise; the steps t cover the schedule evenly."""
        number = int(
            np.random.SeedSequence((self.seed, step, self.accelerator.process_index)).generate_state(
                1, np.uint64
            )[0]
            >> 1
        )
        random = torch.Generator().manual_seed(number)
        n, last = shape[0], len(self.angles) - 1
        place = (torch.rand(1, generator=random) + torch.arange(n) / n) % 1
        angle = self.angles[1 + (place * last).long().clamp(max=last - 1)]
        level = torch.rand(n, generator=random) * (torch.rand(n, generator=random) >= CLEAN)
        single = (n, 1, 1, 1, 1)
        return (
            angle.reshape(single),
            level.reshape(single),
            torch.randn(shape, generator=random),
            torch.randn(shape, generator=random),
        )
