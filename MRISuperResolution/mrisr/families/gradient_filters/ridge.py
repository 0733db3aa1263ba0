"""From normal equations to filters, with the ridge that serves the validation scans best."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .normal_equations import NormalEquations

SAMPLED = 7
"""Every how manyth bucket takes part in the choice of the ridge; prime to the numbers of bins."""


@dataclass(frozen=True)
class Equations:
    """One bucket: gram (t, t), moments (t,), energy = Σ y². The centre tap's row and column are empty."""

    gram: Tensor
    moments: Tensor
    energy: float

    @classmethod
    def split(cls, products: Tensor, center: int) -> Equations:
        """Take the wanted corrections, which sit in the centre tap, out of the (t, t) sums of products."""
        gram = products.clone()
        moments = gram[center].clone()
        energy = float(moments[center])
        moments[center] = 0
        gram[center] = 0
        gram[:, center] = 0
        return cls(gram, moments, energy)

    def error(self, filters: Tensor) -> float:
        """Sum of squared errors Σ (y − Xw)² of one filter (t,)."""
        return self.energy - 2 * float(filters @ self.moments) + float(filters @ self.gram @ filters)


def solve(equations: Equations, ridge: float, prior: Tensor) -> Tensor:
    """(t,) filter minimising Σ (y − Xw)² + ridge · mean(diag XᵀX) · |w − prior|²; the prior if nothing was seen."""
    load = ridge * float(equations.gram.diagonal().mean())
    if load <= 0:
        return prior.clone()
    damped = equations.gram.clone()
    damped.diagonal().add_(load)
    factor, failed = torch.linalg.cholesky_ex(damped)
    if failed:
        # The sums are single precision: a ridge below their rounding leaves them indefinite. Ten times as much is tried.
        return solve(equations, 10 * ridge, prior)
    return torch.cholesky_solve((equations.moments + load * prior)[:, None], factor)[:, 0]


def choose_ridge(
    train: NormalEquations,
    validation: NormalEquations,
    orders: Tensor,
    center: int,
    ridges: tuple[float, ...],
) -> tuple[float, dict[float, float]]:
    """The ridge whose filters leave the least error on the validation scans, and for each the share of error left.

    Only every `SAMPLED`th bucket is looked at: the choice is one number for all.
    """
    none = torch.zeros(orders.shape[1], dtype=torch.float64)
    energy, left = 0.0, dict.fromkeys(ridges, 0.0)
    for bucket in range(0, train.cells.settings.count, SAMPLED):
        judge = Equations.split(validation.bucket(bucket, orders), center)
        lesson = Equations.split(train.bucket(bucket, orders), center)
        energy += judge.energy
        for ridge in ridges:
            left[ridge] += judge.error(solve(lesson, ridge, none))
    shares = {ridge: error / max(energy, 1e-12) for ridge, error in left.items()}
    return min(ridges, key=lambda ridge: shares[ridge]), shares


def solve_all(train: NormalEquations, orders: Tensor, center: int, ridge: float) -> Tensor:
    """(buckets, t) float32 filters; those of buckets that no voxel taught leave the voxel as it is."""
    none = torch.zeros(orders.shape[1], dtype=torch.float64)
    count = train.cells.settings.count
    return torch.stack(
        [solve(Equations.split(train.bucket(b, orders), center), ridge, none) for b in range(count)]
    ).float()
