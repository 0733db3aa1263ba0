"""Local structure of a volume: dominant gradient direction, strength and coherence of every voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Strength = Literal["trace", "lambda1"]
Coherence = Literal["ratio", "fa"]

TINY = 1e-20
PRODUCTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class FeatureSettings:
    """How the structure tensor is gathered and read.

    window: odd side of the Gaussian window, in voxels. sigma: its standard deviation, in voxels.
    strength: `trace` (λ1+λ2+λ3) or `lambda1`, both under a square root so that it scales as the intensity does.
    coherence: `ratio` (√λ1−√λ2−√λ3)/(√λ1+√λ2+√λ3) in [−1, 1], or `fa`, the fractional anisotropy in [0, 1].
    """

    window: int = 9
    sigma: float = 2.0
    strength: Strength = "trace"
    coherence: Coherence = "ratio"

    @property
    def halo(self) -> int:
        """Voxels beyond a voxel that its features look at."""
        return self.window // 2 + 1


@dataclass(frozen=True)
class Features:
    """direction: (3, ...) unit vectors of the dominant gradient, sign arbitrary. strength, coherence: (...)."""

    direction: Tensor
    strength: Tensor
    coherence: Tensor


def window_weights(window: int, sigma: float) -> Tensor:
    """(window,) Gaussian weights that sum to one."""
    x = torch.arange(window, dtype=torch.float64) - window // 2
    weights = torch.exp(-0.5 * (x / sigma) ** 2)
    return (weights / weights.sum()).float()


def smooth(volume: Tensor, weights: Tensor) -> Tensor:
    """Separable weighting of (i, j, k), valid part only: each axis loses len(weights) − 1 voxels."""
    for axis in range(3):
        size = volume.shape[axis] - len(weights) + 1
        total = volume.narrow(axis, 0, size) * float(weights[0])
        for shift in range(1, len(weights)):
            total.add_(volume.narrow(axis, shift, size), alpha=float(weights[shift]))
        volume = total
    return volume


def gradient(volume: Tensor, axis: int) -> Tensor:
    """Central difference per voxel along one axis; (i, j, k) loses one voxel on every side."""
    others = [slice(1, -1)] * 3
    others[axis] = slice(None)
    lines = volume[tuple(others)]
    size = lines.shape[axis] - 2
    return (lines.narrow(axis, 2, size) - lines.narrow(axis, 0, size)) * 0.5


def smoothed_product(volume: Tensor, axes: tuple[int, int], settings: FeatureSettings) -> Tensor:
    """One entry of the structure tensor, of a volume padded by `settings.halo`, which the result has lost again."""
    first = gradient(volume, axes[0])
    second = first if axes[0] == axes[1] else gradient(volume, axes[1])
    return smooth(first * second, window_weights(settings.window, settings.sigma))


def structure_tensor(volume: Tensor, settings: FeatureSettings) -> Tensor:
    """(6, i, j, k) smoothed gradient products xx, yy, zz, xy, xz, yz of a volume padded by `settings.halo`."""
    return torch.stack([smoothed_product(volume, axes, settings) for axes in PRODUCTS])


def eigenvalues(tensor: Tensor) -> Tensor:
    """(3, n) eigenvalues, descending, of n symmetric 3×3 matrices given as (6, n), by the trigonometric formula."""
    xx, yy, zz, xy, xz, yz = tensor
    mean = (xx + yy + zz) / 3
    dx, dy, dz = xx - mean, yy - mean, zz - mean
    off = xy * xy + xz * xz + yz * yz
    radius = ((dx * dx + dy * dy + dz * dz + 2 * off) / 6).sqrt().clamp_min(TINY)
    determinant = dx * (dy * dz - yz * yz) - xy * (xy * dz - yz * xz) + xz * (xy * yz - dy * xz)
    angle = torch.acos((determinant / (2 * radius**3)).clamp(-1, 1)) / 3
    first = mean + 2 * radius * torch.cos(angle)
    third = mean + 2 * radius * torch.cos(angle + 2 * torch.pi / 3)
    return torch.stack([first, 3 * mean - first - third, third]).clamp_min(0)


def dominant_direction(tensor: Tensor, values: Tensor) -> Tensor:
    """(3, n) unit eigenvectors of the largest eigenvalue: the longest column of (A − λ2 I)(A − λ3 I)."""
    xx, yy, zz, xy, xz, yz = tensor
    second, third = values[1], values[2]
    rows = ((xx - second, xy, xz), (xy, yy - second, yz), (xz, yz, zz - second))
    columns = ((xx - third, xy, xz), (xy, yy - third, yz), (xz, yz, zz - third))
    best, longest = torch.zeros_like(tensor[:3]), torch.zeros_like(xx)
    for column in columns:
        vector = torch.stack([row[0] * column[0] + row[1] * column[1] + row[2] * column[2] for row in rows])
        length = (vector * vector).sum(0)
        best = torch.where(length > longest, vector, best)
        longest = torch.maximum(length, longest)
    flat = longest <= TINY
    direction = best / longest.sqrt().clamp_min(TINY)
    direction[2] = torch.where(flat, torch.ones_like(flat, dtype=direction.dtype), direction[2])
    return direction


def describe(tensor: Tensor, settings: FeatureSettings) -> Features:
    """Features of n structure tensors (6, n). Worked in double precision, so that buckets do not depend on rounding.

    A voxel without any gradient gets direction (0, 0, 1), strength 0 and coherence 0.
    """
    tensor = tensor.double()
    scale = (tensor[0] + tensor[1] + tensor[2]).clamp_min(TINY)
    values = eigenvalues(tensor / scale)
    direction = dominant_direction(tensor / scale, values)
    roots = values.sqrt()
    if settings.coherence == "ratio":
        coherence = (roots[0] - roots[1] - roots[2]) / roots.sum(0).clamp_min(TINY)
    else:
        spread = (values[0] - values[1]) ** 2 + (values[1] - values[2]) ** 2 + (values[2] - values[0]) ** 2
        coherence = (spread / (2 * (values * values).sum(0)).clamp_min(TINY)).sqrt()
    strength = (scale * (values[0] if settings.strength == "lambda1" else values.sum(0))).sqrt()
    return Features(direction.float(), strength.float(), coherence.float())


def pad(volume: Tensor, width: int | tuple[int, int, int]) -> Tensor:
    """(i, j, k) with its border repeated `width` voxels outwards (per axis)."""
    a, b, c = (width, width, width) if isinstance(width, int) else width
    return nn.functional.pad(volume[None, None], (c, c, b, b, a, a), mode="replicate")[0, 0]
