"""From features to bucket numbers: folded angles, quantile bins and sampling phases."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...physics.acquisition import Acquisition
from .features import Features


@dataclass(frozen=True)
class BucketSettings:
    """Sizes of the hash table.

    angles: bins of θ (polar, from the third axis) and φ (azimuth), each over half a turn.
    strength, coherence: number of quantile bins.
    phases: per axis, how many positions a target voxel can take between two measured samples (1: not looked at).
    """

    angles: tuple[int, int] = (8, 8)
    strength: int = 3
    coherence: int = 3
    phases: tuple[int, int, int] = (1, 1, 1)

    @property
    def structures(self) -> int:
        """Buckets of one phase: θ × φ × strength × coherence."""
        return self.angles[0] * self.angles[1] * self.strength * self.coherence

    @property
    def count(self) -> int:
        """All buckets."""
        return self.structures * math.prod(self.phases)


def angle_bins(direction: Tensor, angles: tuple[int, int]) -> Tensor:
    """(n,) θ-bin · φ-bins + φ-bin of (3, n) directions; a direction and its opposite share the bin.

    The direction is turned so that its azimuth φ lies in [0, π); θ in [0, π] is measured from the third axis.
    """
    x, y, z = direction.double()
    turned = (y < 0) | ((y == 0) & ((x < 0) | ((x == 0) & (z < 0))))
    sign = 1.0 - 2.0 * turned.double()
    theta = torch.acos((z * sign).clamp(-1, 1))
    phi = torch.atan2(y * sign, x * sign)
    theta_bin = (theta * (angles[0] / math.pi)).long().clamp_(0, angles[0] - 1)
    phi_bin = (phi * (angles[1] / math.pi)).long().clamp_(0, angles[1] - 1)
    return theta_bin * angles[1] + phi_bin


def quantile_edges(values: Tensor, bins: int) -> Tensor:
    """(bins − 1,) inner edges that put equally many of `values` into each bin."""
    if bins == 1:
        return torch.empty(0)
    ordered = values.double().sort().values
    places = torch.arange(1, bins, dtype=torch.float64) / bins * (len(ordered) - 1)
    return ordered[places.round().long()].float()


def level_bins(features: Features, strength_edges: Tensor, coherence_edges: Tensor) -> Tensor:
    """(n,) strength-bin · coherence-bins + coherence-bin. The edges are (bins − 1,) or, with coherence edges of its
    own for each strength bin, (strength bins, bins − 1).
    """
    strength = torch.bucketize(features.strength, strength_edges)
    if coherence_edges.ndim == 1:
        coherence = torch.bucketize(features.coherence, coherence_edges)
    else:
        coherence = (features.coherence[:, None] > coherence_edges[strength]).sum(1)
    return strength * (coherence_edges.shape[-1] + 1) + coherence


def sample_positions(size: int, factor: float, zoom: float | None = None) -> Tensor:
    """(size,) where the target voxels of one axis lie, in measured voxels.

    factor: target voxels in a measured one; both grids begin at the same outer corner.
    zoom: for scans that SciPy's `zoom` took to 1/zoom of the samples and back; it lays the centers of the outermost voxels on each other.
    """
    index = torch.arange(size, dtype=torch.float64)
    if zoom is not None and size > 1:
        return index * ((max(1, round(size / zoom)) - 1) / (size - 1))
    return (index + 0.5) / factor - 0.5


def phase_bins(positions: Tensor, phases: int) -> Tensor:
    """(size,) phase of each target voxel along one axis: where it lies between measured samples, in `phases` steps.

    Phase 0 starts half a measured voxel before the sample, the last phase ends half a measured voxel behind it.
    """
    if phases == 1:
        return torch.zeros(len(positions), dtype=torch.long)
    return ((positions + 0.5) % 1.0 * phases + 1e-6).long().clamp_(0, phases - 1)


def zoom_of(acquisition: Acquisition, axis: int) -> float | None:
    """The `zoom` of `sample_positions` for a scan acquired so."""
    return acquisition.width[axis] if acquisition.profile[axis] == "zoom" else None
