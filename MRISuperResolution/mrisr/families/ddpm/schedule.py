r"""How much signal and noise a volume holds after t of T steps of a diffusion.

Forward, one step adds noise of variance V: x_t = √α_t x_{t−1} + √(1−α_t) √V ε, ε ~ N(0, I). By induction

    x_t = √ᾱ_t x_0 + √(1−ᾱ_t) √V ε,     ᾱ_t = α_1 α_2 … α_t,

because the variances of independent noise add: α_t (1−ᾱ_{t−1}) V + (1−α_t) V = (1 − α_t ᾱ_{t−1}) V = (1−ᾱ_t) V.

Backward, for s < t let r = √(ᾱ_t/ᾱ_s), so that x_t = r x_s + √β √V ε with β = 1 − r². Bayes' rule multiplies two Gaussians in x_s,
q(x_s|x_0) = N(√ᾱ_s x_0, (1−ᾱ_s) V) and q(x_t|x_s) = N(r x_s, βV). Their precisions add, and so

    q(x_s | x_t, x_0) = N(μ, σ²),   σ² = V β (1−ᾱ_s)/(1−ᾱ_t),   μ = [r (1−ᾱ_s) x_t + √ᾱ_s β x_0] / (1−ᾱ_t).

For s = t−1 this is Ho et al. 2020, arXiv 2006.11239, eqs. 6 and 7, with V = 1.

The schedule `published` is that of the 3-D super-resolution project this family follows (https://chichonnade.github.io/posts/
mri-super-resolution): α_t = cos²(πt/2T), ᾱ_t = ∏α, V = 0.3, T = 1000. As its cosine is in α rather than, as usual, in ᾱ,
ᾱ_t ≈ exp(−π²t³/12T²): after a quarter of the steps hardly any signal is left. The step back was published (version of August 2024) as

    β_t = (1−α_{t+1}) / (1−ᾱ_{t+1}),   σ_t² = β_t (1−ᾱ_t)/(1−ᾱ_{t+1}),   μ_t = [√ᾱ_{t−1} β_t x_0 + √α_t (1−ᾱ_{t−1}) x_t] / (1−ᾱ_t)

for p(x_{t−1} | x_t, x_0) = N(μ_t, σ_t²). Against the posterior above at s = t−1, where β_t = 1−α_t and σ_t² = V β_t (1−ᾱ_{t−1})/(1−ᾱ_t),
four slips: β_t has the index t+1 for t; it is divided by 1−ᾱ, as σ² and μ do once more; σ² has t and t+1 for t−1 and t; and it lacks
the V of the forward process. The weight of x_t in μ_t is right.

The schedule `cosine` is the usual one (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError

Values = NDArray[np.float64]

STEPS = 1000
VARIANCE = 0.3
OFFSET = 0.008
"""Nichol and Dhariwal's s: keeps the first steps from being too small."""

LEAST = 1e-9
"""The signal never vanishes quite, so that its logarithm stays finite."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """x_t = signal[t] x_0 + noise[t] ε.

    Args:
        signal: (T + 1,) √ᾱ_t, from 1 at t = 0 on, falling.
        noise: (T + 1,) √(V (1−ᾱ_t)), from 0 at t = 0 on, rising.
    """

    signal: Values
    noise: Values

    @property
    def last(self) -> int:
        """T."""
        return len(self.signal) - 1

    def angle(self, t: int | NDArray[np.int64]) -> Values:
        """arctan(noise / signal), from 0 (no noise) to π/2 (nothing else): what networks are told, the same for every schedule."""
        return np.asarray(np.arctan2(self.noise[t], self.signal[t]))

    def size(self, t: int) -> float:
        """√(signal² + noise²): x_t divided by it has unit variance if x_0 has."""
        return math.hypot(self.signal[t], self.noise[t])

    def forward(self, x: Tensor, t: int, noise: Tensor) -> Tensor:
        """x_t from x_0 and standard normal noise."""
        return float(self.signal[t]) * x + float(self.noise[t]) * noise

    def posterior(self, state: Tensor, x: Tensor, t: int, earlier: int) -> tuple[Tensor, float]:
        """Mean and variance of x_earlier, given x_t (`state`) and x_0 (`x`); see the derivation above."""
        kept = self.signal[t] / self.signal[earlier]
        added = self.noise[t] ** 2 - (kept * self.noise[earlier]) ** 2
        share = 1 / self.noise[t] ** 2
        of_state, of_x = share * kept * self.noise[earlier] ** 2, share * self.signal[earlier] * added
        return float(of_state) * state + float(of_x) * x, float(share * added * self.noise[earlier] ** 2)

    def chosen(self, steps: int) -> list[int]:
        """So many t in descending order, from T to where the first step ends, about evenly spaced in angle; then 0.

        Where the schedule has fewer distinct ones, as `published` has near its end, they are fewer.
        """
        if not 1 <= steps <= self.last:
            raise InputError(f"The number of sampling steps must lie between 1 and {self.last}; got {steps}.")
        angles = self.angle(np.arange(self.last + 1))
        wanted = np.linspace(angles[-1], 0, steps + 1)[:-1]
        found = np.searchsorted(angles, wanted).clip(1, self.last)
        found[0] = self._end
        return [*sorted({int(t) for t in found}, reverse=True), 0]

    @property
    def _end(self) -> int:
        """The first t from which on there is nothing but noise."""
        return int(
            np.searchsorted(self.angle(np.arange(self.last + 1)), math.pi / 2 - 1e-3).clip(1, self.last)
        )


def published(steps: int = STEPS, variance: float = VARIANCE) -> Schedule:
    """α_t = cos²(πt/2T), V = 0.3."""
    t = np.arange(steps + 1)
    return _of_shares(np.cumprod(np.cos(0.5 * np.pi * t / steps) ** 2), variance)


def cosine(steps: int = STEPS, variance: float = 1.0) -> Schedule:
    """ᾱ_t = cos²(π/2 · (t/T + s)/(1 + s)), divided by its value at 0."""
    t = np.arange(steps + 1)
    shares = np.cos(0.5 * np.pi * (t / steps + OFFSET) / (1 + OFFSET)) ** 2
    return _of_shares(shares / shares[0], variance)


def _of_shares(shares: Values, variance: float) -> Schedule:
    shares = shares.clip(LEAST, 1)
    return Schedule(np.sqrt(shares), np.sqrt(variance * (1 - shares)))


SCHEDULES: dict[str, Callable[[], Schedule]] = {"cosine": cosine, "published": published}
"""By the name in a configuration or a card."""


def schedule_named(name: str) -> Schedule:
    """The schedule of this name.

    Raises:
        InputError: there is none.
    """
    if name not in SCHEDULES:
        raise InputError(f"There is no noise schedule {name!r}; choose one of {', '.join(SCHEDULES)}.")
    return SCHEDULES[name]()
