"""The nearest volume that the measured scan allows, in closed form.

Of all x with ‖Ax − y‖ ≤ δ, the one nearest to an estimate x̂ is x̂ − Aᵀ(AAᵀ + λ)⁻¹(Ax̂ − y), with the λ ≥ 0 for which the bound is met
(Lagrange's rule; δ is Morozov's discrepancy). A is separable: with singular vectors U, V and values s along each axis, everything is a
multiplication by s/(s² + λ) between products with small matrices. For δ = 0 this is the range–null-space decomposition of DDNM
(Wang et al. 2023, arXiv 2212.00490); what the scan did not measure is left as the sampler made it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...image.arrays import Array, beside, namespace, norm
from ...physics.operators import SeparableOperator

WEAKEST = 0.02
"""Singular values below this share of the largest are not inverted: they say little and would magnify any error of A."""

TINY = 1e-30

HALVINGS = 40
"""Of the interval for λ."""


@dataclass(frozen=True, eq=False)
class Guide:
    """Draws estimates towards a scan.

    Args:
        operator: A.
        measured: y, on the scan's grid.
        sigma: standard deviation of the scan's noise, in its units; δ = sigma·√n for the n voxels of the scan.
        strength: 1 goes all the way, 0 nowhere.
    """

    operator: SeparableOperator
    measured: Array
    sigma: float = 0.0
    strength: float = 1.0

    @property
    def bound(self) -> float:
        """δ."""
        return self.sigma * math.sqrt(math.prod(self.measured.shape))

    def __call__(self, estimate: Array) -> Array:
        """The estimate, (i, j, k) on the target grid, moved towards the nearest volume that the scan allows."""
        if not self.strength:
            return estimate
        there, back, squares = self._factors
        values = beside(squares, estimate)
        rest = there.forward(self.operator.forward(estimate) - self.measured)
        inverted = values >= WEAKEST**2 * float(squares.max())
        share = namespace(rest).where(inverted, rest, 0) / (values + self._damping(rest, values)).clip(TINY)
        return estimate - self.strength * self.operator.adjoint(back.forward(share))

    def _damping(self, rest: Array, values: Array) -> float:
        """The λ for which the norm of what is left, λ/(s² + λ) of `rest`, is δ; 0 for δ = 0, and all for a rest within it."""
        if self.bound == 0:
            return 0.0
        if norm(rest) <= self.bound:
            return math.inf
        low, high = -20.0, 20.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            left = norm(rest * (math.exp(middle) / (values + math.exp(middle))))
            low, high = (middle, high) if left < self.bound else (low, middle)
        return math.exp(low)

    @cached_property
    def _factors(self) -> tuple[SeparableOperator, SeparableOperator, NDArray[np.float32]]:
        """Uᵀ and U as operators on the scan's grid, and s² there."""
        bases: list[NDArray[np.float32] | None] = []
        squares = []
        for matrix, n in zip(self.operator.matrices, self.measured.shape, strict=True):
            if matrix is None:
                bases.append(None)
                squares.append(np.ones(n))
            else:
                wide = matrix.astype(np.float64)
                value, base = np.linalg.eigh(wide @ wide.T)
                bases.append(base.astype(np.float32))
                squares.append(value.clip(0))
        i, j, k = squares
        values = (i[:, None, None] * j[:, None] * k).astype(np.float32)
        forward = SeparableOperator((bases[0], bases[1], bases[2]))
        backward = SeparableOperator(tuple(None if b is None else np.ascontiguousarray(b.T) for b in bases))  # type: ignore[arg-type]
        return backward, forward, values
