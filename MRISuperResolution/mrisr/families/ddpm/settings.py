"""The settings of a diffusion model, as its card holds them."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.hyperparameters import NetworkSettings


@dataclass(frozen=True, kw_only=True)
class DiffusionSettings(NetworkSettings):
    """Hyperparameters beside the network's.

    Args:
        schedule: of the noise, see `schedule.SCHEDULES`.
        prediction: what the network predicts, see `prediction`.
        sampler: see `samplers`.
        steps: of the sampler.
        temperature: scales all noise that is drawn: 1 samples what the network has learned, less comes closer to the mean.
        guidance: strength with which each step is drawn towards the scan, 0 to 1.
        augmentation: largest noise in the mean that the network was trained with.
        cascade_noise: the noise it is shown in the second of two stages.
    """

    schedule: str = "cosine"
    prediction: str = "v"
    sampler: str = "dpm-solver"
    steps: int = 20
    temperature: float = 1.0
    guidance: float = 1.0
    augmentation: float = 0.0
    cascade_noise: float = 0.0
