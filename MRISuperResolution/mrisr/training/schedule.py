"""How far a training has come, and the learning rate that goes with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOOR = 0.01
"""The last learning rate over the highest."""


@dataclass(frozen=True)
class Schedule:
    """Warm-up, then half a cosine, over the steps or over the time, whichever ends first.

    Args:
        rate: the highest learning rate.
        warmup: share of the training over which it rises.
        steps: how many; 0 for no limit.
        seconds: how long; 0 for no limit.
    """

    rate: float
    warmup: float
    steps: int = 0
    seconds: float = 0.0

    def progress(self, step: int, elapsed: float) -> float:
        """How much of the training is done, from 0 to 1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = elapsed / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def rate_at(self, progress: float) -> float:
        """The learning rate at `progress`; never quite 0."""
        if progress < self.warmup:
            return self.rate * max(FLOOR, progress / self.warmup)
        angle = math.pi * (progress - self.warmup) / (1 - self.warmup)
        return self.rate * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(angle)))
