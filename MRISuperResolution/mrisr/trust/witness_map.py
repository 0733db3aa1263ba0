"""Where another stack confirms what a result added, and where it contradicts it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..image.filters import smoothed
from .witness import Array, Evidence, Weighed, lacking

WINDOW_MM = 5.0
"""Standard deviation of the Gaussian window within which the share is taken at each place."""

SURE = 3.0
"""Standard errors by which a place must differ before anything is said of it: of some hundred windows none does by chance."""

HARMED = 0.5
"""Share below which a place would be nearer to the truth without what was added."""

FALLS_SHORT = 0.3
"""A place is worth naming where its share is so much less than that of the whole."""


@dataclass(frozen=True, eq=False)
class Confirmation:
    """The map, and the place where the stack contradicts the result most.

    Args:
        map: (i, j, k) on the stack's grid: 1 where all of the added detail is confirmed, 0 where it makes things neither better nor
            worse or the stack cannot tell, -1 where it was invented or is stronger than twice what is there.
        worst: that place, in the stack's voxels; None where the stack contradicts nothing.
        contradicted: the share of the tissue where the stack contradicts what was added.
    """

    map: Array
    worst: tuple[int, int, int] | None
    contradicted: float


def confirmation(evidence: Evidence, whole: Weighed) -> Confirmation:
    """The share of the added detail that is confirmed, place by place, where it can be told.

    Args:
        evidence: see `witness.Evidence`.
        whole: what it comes to on the whole: local errors are as much larger than those of independent voxels as its own is.
    """
    inside = evidence.inside.astype(np.float32)
    added, rest = evidence.added * inside, lacking(evidence) * inside
    sigma = [WINDOW_MM / s for s in evidence.spacing]
    power = np.maximum(smoothed(added**2, sigma), 1e-12)
    share = smoothed(added * rest, sigma) / power
    error = _error(added, rest - share * added, power, sigma) * _design(evidence, whole, added, rest)
    usual = float(power[evidence.inside].mean())
    told = evidence.inside & (SURE * error < 1) & (power > 0.05 * usual)
    harmed = told & (share + SURE * error < min(HARMED, whole.share - FALLS_SHORT))
    map_ = np.where(told, np.clip(2 * share - 1, -1, 1), 0).astype(np.float32)
    cost = np.where(harmed, power * (1 - 2 * share), 0)
    worst = None
    if harmed.any():
        i, j, k = np.unravel_index(int(np.argmax(cost)), cost.shape)
        worst = (int(i), int(j), int(k))
    return Confirmation(map_, worst, float(harmed.sum() / max(1, evidence.inside.sum())))


def _error(added: Array, left: Array, power: Array, sigma: list[float]) -> Array:
    """The standard error of the local slope, if voxels erred independently: √(v Σ w² a²) / Σ w a²."""
    variance = smoothed(left**2, sigma)
    narrower = smoothed(added**2, [s / math.sqrt(2) for s in sigma])
    weight = math.prod(min(1.0, 1 / (2 * math.sqrt(math.pi) * s)) for s in sigma)  # Σ w² of a Gaussian
    return np.asarray(np.sqrt(np.maximum(variance * narrower * weight, 0)) / power)


def _design(evidence: Evidence, whole: Weighed, added: Array, rest: Array) -> float:
    """How much larger the error over blocks is than that of independent voxels; at least 1."""
    left = (rest - whole.share * added)[evidence.inside]
    power = float(np.sum(np.square(added), dtype=np.float64))
    alone = math.sqrt(float(np.mean(np.square(left, dtype=np.float64))) / max(power, 1e-12))
    return max(1.0, whole.error / max(alone, 1e-9))
