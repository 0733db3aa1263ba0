"""The factor that makes intervals hold as often as they say, with people as what is exchangeable.

Conformal risk control (Angelopoulos, Bates, Fisch, Lei, Schuster 2024, ICLR, arXiv:2208.02814): if the loss of each of n people falls as a
factor grows and never exceeds B, the least factor at which n / (n + 1) · (mean loss) + B / (n + 1) ≤ α has, for one more person of the
same kind, an expected loss of at most α. The loss here is the share of a head's voxels whose error is larger than the interval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Floats = NDArray[np.float64]

CAP = 0.3
"""B: of a person in whom more of the voxels lie outside, this much counts. With 1 instead, a dozen people would demand intervals that hold
97 % of the voxels to promise 90 %."""


def controlled(losses: Floats, factors: Floats, allowed: float, cap: float = CAP) -> float:
    """The least factor that keeps the expected loss of one more person within what is allowed.

    Args:
        losses: (people, factors), each row falling.
        factors: rising.
        allowed: α.
        cap: B.

    Raises:
        InputError: there are too few people, or no factor is large enough.

    Example:
        >>> controlled(np.array([[0.2, 0.1, 0.0], [0.2, 0.0, 0.0]]), np.array([1.0, 2.0, 3.0]), 0.15)
        2.0
    """
    count = len(losses)
    bound = (np.minimum(losses, cap).sum(axis=0) + cap) / (count + 1)
    enough = np.flatnonzero(bound <= allowed)
    if not len(enough):
        least = int(np.ceil(cap / allowed))
        raise InputError(
            f"No interval holds so often: {count} people are too few (at least {least} are needed), or the errors are too large."
        )
    return float(factors[enough[0]])


def bootstrapped(
    shares: Floats, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """An interval for the mean over people: percentiles of the means of people drawn with replacement (Efron 1979)."""
    rng = np.random.default_rng(seed)
    means = rng.choice(shares, (draws, len(shares))).mean(axis=1)
    low, high = np.quantile(means, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)
