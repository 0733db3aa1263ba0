"""Agreement with the measured scan: what a result says the scanner should have seen, against what it saw."""

from __future__ import annotations

from collections.abc import Iterable

from ..image.arrays import Array, namespace
from ..image.filters import smoothed
from ..progress import Monitor
from .observation import Measurement

AROUND = 1.5
"""Standard deviation, in voxels of the scan, of what counts as around a place: some 150 voxels, whose noise is known to a tenth."""

DISPUTED = (
    "Nothing tells how the scan was made, and it may have been made so that consistency with what is assumed would do harm: "
    "the consistency steps are left out. State how it was made to have them."
)


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
        noise: standard deviation of the scan's noise, in its units, if it is known: where an estimate is as near to the scan as its
            noise allows it is left alone, see `beyond_noise`.
        least: what no voxel is darker than, if that is known: x is brought back there before each step and after the last.
    """
    monitor = monitor or Monitor()
    estimate = estimate if least is None else estimate.clip(least)
    for step in range(steps):
        misfit = measurement.misfit(estimate)
        if noise:
            misfit = beyond_noise(misfit, noise)
        change = measurement.operator.back_projector.forward(misfit)
        estimate = namespace(estimate).subtract(estimate, change, out=change)
        estimate = (
            estimate if least is None else namespace(estimate).clip(estimate, least, None, out=estimate)
        )
        monitor.step("consistency", step + 1, steps)
    return estimate


def beyond_noise(misfit: Array, noise: float) -> Array:
    """The part of a misfit that noise does not explain, each value times 1 − σ²/m², 0 or more, where m² is the mean square around it.

    Morozov's discrepancy principle (1966), place by place, as an empirical Wiener filter (Lee 1980): as a rule for the whole scan, a
    place where an estimate contradicts it would be let through by all those where it agrees.

    Args:
        misfit: (i, j, k) on the scan's grid.
        noise: σ, in the same units.

    Example:
        >>> import numpy as np
        >>> misfit = np.full((8, 8, 8), 2, np.float32)
        >>> round(float(beyond_noise(misfit, noise=1.0)[4, 4, 4]), 3), float(beyond_noise(misfit, noise=2.5).max())
        (1.5, 0.0)
    """
    around = smoothed(misfit**2, [AROUND] * 3)
    return misfit * (1 - noise**2 / around.clip(noise**2))


def agreed(before: Array, after: Array, others: Iterable[Measurement], noise: float = 0.0) -> bool:
    """Whether steps towards the scan as one acquisition sees it were none away from it as any of the others does, beyond the noise.

    Args:
        before: the estimate before the steps.
        after: the estimate after them.
        others: the same scan, had it been made otherwise.
        noise: standard deviation of the scan's noise on the models' scale, if it is known.
    """
    return all(
        other.rms(other.residual(after)) <= max(noise, other.rms(other.residual(before))) for other in others
    )
