"""Places of scans and of single slices, refined against the volume that is being made: Gauss–Newton on what is left unexplained.

The six numbers of a rigid motion about the part's own center change A x; how, is told by small steps of each. A part moves only where
that lessens its misfit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..image.arrays import Array
from ..physics.resampling import Transform, rigid

STEP = (0.5, 0.5, 0.5, 0.2, 0.2, 0.2)
"""Steps by which derivatives are taken: degrees about three axes, mm along three."""

DAMPING = 1e-3
"""Of the normal equations, as a fraction of their diagonal: directions that the part does not tell are left alone."""

FEWEST = 200
"""A part with fewer voxels inside the object keeps its place."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A part of a scan that may move.

    Args:
        scan: A x with the part moved by a transform; any shape.
        measured: y, of that shape.
        weight: of each of its voxels, 0 or more.
        center: about which it turns, RAS in mm.
    """

    scan: Callable[[Transform], Array]
    measured: Array
    weight: Array
    center: NDArray[np.float64]

    def misfit(self, transform: Transform) -> float:
        """What is left unexplained."""
        return float(np.linalg.norm(_column(self.weight * (self.measured - self.scan(transform)))))


def refined(part: Placed, transform: Transform, rounds: int = 2) -> Transform:
    """A better transform of a part; the same one where there is none.

    Args:
        part: what moves.
        transform: where it lies now.
        rounds: Gauss–Newton steps, at most.
    """
    if int((part.weight > 0).sum()) < FEWEST:
        return transform
    seen = part.scan(transform)
    for _ in range(rounds):
        rest = _column(part.weight * (part.measured - seen))
        columns = [_column(part.weight * change) for change in derivatives(part, transform, seen)]
        jacobian = np.stack(columns, axis=1)
        normal = jacobian.T @ jacobian
        normal[np.diag_indices(6)] += DAMPING * np.trace(normal) / 6 + 1e-12
        change = np.asarray(np.linalg.solve(normal, jacobian.T @ rest) * STEP, dtype=np.float64)
        candidate = _motion(part, change) @ transform
        moved = part.scan(candidate)
        if np.linalg.norm(_column(part.weight * (part.measured - moved))) >= np.linalg.norm(rest):
            break
        transform, seen = candidate, moved
    return transform


def derivatives(part: Placed, transform: Transform, seen: Array) -> list[Array]:
    """By how much A x changes with a small `STEP` of each of the six numbers of a motion.

    Args:
        part: what moves.
        transform: where it lies.
        seen: A x there.
    """
    return [part.scan(_motion(part, step * STEP) @ transform) - seen for step in np.eye(6)]


def _motion(part: Placed, change: NDArray[np.float64]) -> Transform:
    return rigid(part.center, change[:3], change[3:])


def _column(array: Array) -> NDArray[np.float64]:
    return np.asarray(array.detach().cpu().numpy(), dtype=np.float64).ravel()
