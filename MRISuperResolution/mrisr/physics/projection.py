"""What back-projection would change in an estimate, as a second input of a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .consistency import back_project
from .observation import Measurement, Operator

MAGNIFIED = 4.0
"""The change is small beside the estimate; a network learns from numbers of about the same size."""


def with_projection(
    initial: NDArray[np.float32], measured: NDArray[np.float32], operator: Operator, steps: int
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
    projected = back_project(initial, Measurement(measured, operator), steps)
    return np.stack([initial, np.float32(MAGNIFIED) * (projected - initial)])
