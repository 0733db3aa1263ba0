"""How far a training has come, and the learning rate that goes with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOOR = 0.01
"""The last learning rate over the highest."""

WARMUP_STEPS = 100
"""Of a training that time ends. They are counted, so that the same configuration begins with the same losses on any machine."""


@dataclass(frozen=True)
class Schedule:
    """Warm-up, then half a cosine, over the steps or over the time, whichever ends first.

    Args:
        rate: the highest learning rate.
        warmup: share of the training over which it rises; where time may end it, it rises over `WARMUP_STEPS`.
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

    def rate_at(self, progress: float, step: int) -> float:
        """The learning rate of a step at `progress`; never quite 0."""
        if self.seconds and step < WARMUP_STEPS:
            return self.rate * max(FLOOR, step / WARMUP_STEPS)
        warmup = 0.0 if self.seconds else self.warmup
        if progress < warmup:
            return self.rate * max(FLOOR, progress / warmup)
        angle = math.pi * (progress - warmup) / (1 - warmup)
        return self.rate * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(angle)))
