"""How often a network goes over a volume: once for each axis that it refines, or in two stages where one time is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from ..image.grid import FACTOR_TOLERANCE
from .trained import Trained

CASCADE = 1.5
"""A factor beyond the highest trained one by more than this is done in two stages."""

Order = tuple[int, int, int]
"""Which axis of the volume comes first, second, third for the network."""


def orders_of(lost: Sequence[float], refines: str) -> list[Order]:
    """The orders of axes in which a network is applied one after the other, the most affected axis first.

    Args:
        lost: how many times finer the result is to resolve than the scan, along each axis.
        refines: see `hyperparameters.NetworkSettings`.

    Example:
        >>> orders_of((1, 1.5, 3), "one")
        [(2, 0, 1), (1, 0, 2)]
    """
    i, j, k = sorted(range(3), key=lambda axis: -lost[axis])
    if refines == "all":
        return [(0, 1, 2)]
    if refines == "two":
        return [(i, j, k)]
    first = {0: (0, 1, 2), 1: (1, 0, 2), 2: (2, 0, 1)}
    return [first[axis] for axis in (i, j, k) if lost[axis] > 1 + FACTOR_TOLERANCE]


def first_factor(trained: Sequence[Trained], lost: Sequence[float]) -> float | None:
    """By how much the first of two stages refines, if all axes are to be refined by much more than a model was trained for; else None.

    Args:
        trained: the ranges that it was trained for.
        lost: as for `orders_of`.

    Example:
        >>> first_factor([Trained((3,), (2.0, 2.0))], (4, 4, 4))
        2.0
    """
    highest = max((each.factor[1] for each in trained), default=inf)
    return None if highest <= 1 or min(lost) <= CASCADE * highest else trained[0].factor[1]
