"""What back-projection would change in an estimate, as a second input of a network."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..consistency import residual
from ..operators import SeparableOperator

MAGNIFIED = 4.0
"""The change is small beside the estimate; a network learns from numbers of about the same size."""

BEYOND = 1.5
"""A sample whose largest weight is more than this many times the usual one reaches beyond the field."""


def with_projection(
    initial: NDArray[np.float32], measured: NDArray[np.float32], operator: SeparableOperator, steps: int
) -> NDArray[np.float32]:
    """The initial estimate and, behind it, `MAGNIFIED` times what so many steps of back-projection add to it.

    Args:
        initial: (i, j, k).
        measured: the scan on its own grid.
        operator: from the estimate's grid to the scan's.
        steps: of back-projection; 0 for the initial estimate alone.

    Returns:
        (1, i, j, k) or (2, i, j, k) float32.
    """
    if steps == 0:
        return initial[None]
    rate = np.float32(1 / _norm(operator) ** 2)
    projected = initial
    for _ in range(steps):
        projected = projected - rate * operator.adjoint(residual(projected, measured, operator))
    return np.stack([initial, np.float32(MAGNIFIED) * (projected - initial)])


def _norm(operator: SeparableOperator) -> float:
    """The operator's norm without samples that reach beyond the field.

    Such a sample, at the end of an axis that is no multiple of the factor, weighs its few voxels so much that it would set the step for
    the whole volume, and the network would be shown another change than the one it knows.
    """
    norms = []
    for matrix in operator.matrices:
        if matrix is not None:
            peaks = np.abs(matrix).max(axis=1)
            norms.append(float(np.linalg.norm(matrix[peaks <= BEYOND * np.median(peaks)], 2)))
    return math.prod(norms)
