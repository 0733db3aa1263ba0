"""From noise to a volume: samplers, all of one signature, in the manner of k-diffusion's `sampling.py`.

Each is given a function that estimates the clean volume, the noise to start from, and the t of its steps; whatever else shapes the result
(tiles, planes, guidance by the measured scan) is inside that function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor

from ...errors import InputError
from .schedule import Schedule

Denoise = Callable[[Tensor, int], Tensor]
"""Estimates x_0 from x_t and t."""

Draw = Callable[[], Tensor]
"""Standard normal noise, new at each call."""

Seen = Callable[[int, Tensor, Tensor], None]
"""Told each step's number from 1 on, the state after it and the estimate of x_0; may raise to stop."""


class Timesteps(NamedTuple):
    """The way back.

    Args:
        schedule: how noisy each t is.
        times: descending t, the last 0.
    """

    schedule: Schedule
    times: Sequence[int]


Sampler = Callable[[Denoise, Tensor, Timesteps, Draw, Seen], Tensor]
"""Takes (denoise, x_t at the first t, timesteps, draw, seen); returns x_0."""


def ancestral(denoise: Denoise, state: Tensor, timesteps: Timesteps, draw: Draw, seen: Seen) -> Tensor:
    """A draw from the posterior of the next state, step by step (Ho et al. 2020, arXiv 2006.11239, algorithm 2)."""
    schedule = timesteps.schedule
    for number, (t, earlier) in enumerate(pairwise(timesteps.times), start=1):
        clean = denoise(state, t)
        mean, variance = schedule.posterior(state, clean, t, earlier)
        state = mean + math.sqrt(variance) * draw() if variance > 0 else mean
        seen(number, state, clean)
    return state


def ddim(
    denoise: Denoise, state: Tensor, timesteps: Timesteps, draw: Draw, seen: Seen, *, eta: float = 0.0
) -> Tensor:
    """Along the direction that the noise already has (Song et al. 2021, arXiv 2010.02502, eq. 12).

    With `eta` 0 nothing is drawn: the start decides. With 1 as much is drawn as by `ancestral`, and the result is the same.
    """
    schedule = timesteps.schedule
    for number, (t, earlier) in enumerate(pairwise(timesteps.times), start=1):
        clean = denoise(state, t)
        noise = (state - float(schedule.signal[t]) * clean) / float(schedule.noise[t])
        fresh = eta**2 * schedule.posterior(state, clean, t, earlier)[1]
        state = (
            float(schedule.signal[earlier]) * clean
            + math.sqrt(max(0.0, schedule.noise[earlier] ** 2 - fresh)) * noise
        )
        if fresh > 0:
            state = state + math.sqrt(fresh) * draw()
        seen(number, state, clean)
    return state


def dpm_solver(denoise: Denoise, state: Tensor, timesteps: Timesteps, _draw: Draw, seen: Seen) -> Tensor:
    """DPM-Solver++(2M), second order by the estimate of the step before (Lu et al. 2022, arXiv 2211.01095, algorithm 2).

    With λ = ln(signal/noise), h its increase over a step and D₁ the slope of the estimate between steps,
    x_s = (noise_s/noise_t) x_t + signal_s (1 − e^{−h}) (x̂ + D₁h/2). The last step, to no noise at all, is the estimate itself.
    """
    schedule = timesteps.schedule
    before: tuple[Tensor, float] | None = None
    for number, (t, earlier) in enumerate(pairwise(timesteps.times), start=1):
        clean = denoise(state, t)
        if earlier == 0:
            state = clean
        else:
            step = _snr(schedule, earlier) - _snr(schedule, t)
            ahead = clean if before is None else clean + (0.5 * step / before[1]) * (clean - before[0])
            shrink = float(schedule.noise[earlier] / schedule.noise[t])
            state = shrink * state + float(schedule.signal[earlier]) * -math.expm1(-step) * ahead
            before = clean, step
        seen(number, state, clean)
    return state


def _snr(schedule: Schedule, t: int) -> float:
    return math.log(schedule.signal[t] / schedule.noise[t])


SAMPLERS: dict[str, Sampler] = {"ancestral": ancestral, "ddim": ddim, "dpm-solver": dpm_solver}
"""By the name in a configuration or a card."""


def sampler_named(name: str) -> Sampler:
    """The sampler of this name.

    Raises:
        InputError: there is none.
    """
    if name not in SAMPLERS:
        raise InputError(f"There is no sampler {name!r}; choose one of {', '.join(SAMPLERS)}.")
    return SAMPLERS[name]
