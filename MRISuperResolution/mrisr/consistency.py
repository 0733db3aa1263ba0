"""Agreement with the measured scan: what a result says the scanner should have seen, against what it saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .operators import SeparableOperator
from .progress import Monitor

Array = NDArray[np.float32]


def residual(estimate: Array, measured: Array, operator: SeparableOperator) -> Array:
    """A x − y on the measured grid."""
    return operator.forward(estimate) - measured


def back_project(
    estimate: Array, measured: Array, operator: SeparableOperator, steps: int, monitor: Monitor | None = None
) -> Array:
    """Iterative back-projection: x ← x − Aᵀ(Ax − y) / ‖A‖² (Irani & Peleg 1991; Landweber 1951).

    With this step ‖Ax − y‖ never grows, and x moves only within the range of Aᵀ: what the scan did not measure is left alone.
    For an orthogonal projection, such as a k-space window, ‖A‖ = 1 and A Aᵀ A = A, so that the first step is the closed form:
    it replaces the measured samples by their measured values exactly.

    Args:
        estimate: x, on the target grid.
        measured: y, on the scan's grid, in the same units.
        operator: A.
        steps: how many; 0 returns the estimate itself.
        monitor: told each step, asked for cancellation.
    """
    monitor = monitor or Monitor()
    rate = np.float32(1 / operator.norm**2) if steps else np.float32(0)
    for step in range(steps):
        estimate = estimate - rate * operator.adjoint(residual(estimate, measured, operator))
        monitor.step("consistency", step + 1, steps)
    return estimate
