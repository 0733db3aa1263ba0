"""Agreement with the measured scan: what a result says the scanner should have seen, against what it saw."""

from __future__ import annotations

import math

from ..image.arrays import Array, norm
from ..progress import Monitor
from .observation import Measurement


def back_project(
    estimate: Array,
    measurement: Measurement,
    steps: int,
    monitor: Monitor | None = None,
    *,
    noise: float = 0.0,
    least: float | None = None,
) -> Array:
    """Iterative back-projection: x ← x − B (Ax − y), with B = C Aᵀ (Irani & Peleg 1991; Landweber 1951; SIRT, Gilbert 1972).

    The eigenvalues of A B lie in [0, 1], see `SeparableOperator.back_projector`, so that ‖Ax − y‖ never grows; x moves only within the
    range of B: what the scan did not measure is left alone. One step for all, 1/‖A‖², would be set by the few samples that reach beyond
    the field of view and weigh what is left of it too much. For an orthogonal projection, such as a k-space window, B = Aᵀ and
    A Aᵀ A = A, so that the first step is the closed form: it replaces the measured samples by their measured values exactly. Of a
    magnitude scan A x is drawn to y or to −y, whichever sign it has.

    Args:
        estimate: x, on the target grid.
        measurement: y and A, in the same units.
        steps: how many at most; 0 returns the estimate itself.
        monitor: told each step, asked for cancellation.
        noise: standard deviation of the scan's noise, in its units, if it is known: an estimate that is as near to the scan as its
            noise allows is left alone, since nearer it would take in the noise (Morozov 1966, the discrepancy principle).
        least: what no voxel is darker than, if that is known: x is brought back there before each step and after the last.
    """
    monitor = monitor or Monitor()
    estimate = estimate if least is None else estimate.clip(least)
    for step in range(steps):
        misfit = measurement.misfit(estimate)
        if noise and norm(misfit) <= noise * math.sqrt(math.prod(misfit.shape)):
            monitor.step("consistency", steps, steps)
            break
        estimate = estimate - measurement.operator.back_projector.forward(misfit)
        estimate = estimate if least is None else estimate.clip(least)
        monitor.step("consistency", step + 1, steps)
    return estimate
