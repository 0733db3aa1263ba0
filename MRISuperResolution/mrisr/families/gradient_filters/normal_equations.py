"""Least squares per bucket, taught by every voxel in all symmetric poses, in bounded memory.

A pose g of the training volume moves a voxel from one bucket to another and its taps from one order to another. Instead
of turning volumes, each voxel is turned once into a canonical pose, and its products are summed there, in a *cell*: the set of
canonical states whose images under the whole group fall into the same buckets. A bucket's equations are then the sum
over the cells and poses that lead to it, with rows and columns in the order of the pose,

    XᵀX of bucket b = Σ_{cells c, poses g : bucket(g c) = b} P_g (ZᵀZ of c) P_gᵀ,

which is exactly what training on the 48 (or 16) turned volumes gives.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .buckets import BucketSettings, angle_bins
from .symmetry import Symmetry

PROBES = 400_000
POLE = (1.0, 0.62, 0.31)


class Cells:
    """Numbers the canonical states (direction up to sign, phase) and knows the buckets of their images."""

    def __init__(self, settings: BucketSettings, poses: list[Symmetry]) -> None:
        self.settings = settings
        self.poses = poses
        self._pole = torch.stack([_inverse_image(pose, POLE) for pose in poses])  # (g, 3)
        self._phase_images = self._tabulate_phases()  # (phase, g)
        generator = torch.Generator().manual_seed(0)
        self._key_weights = torch.randint(1, 2**40, (len(poses),), generator=generator)
        directions = torch.randn((3, PROBES), generator=generator)
        directions /= directions.norm(dim=0)
        phases = torch.randint(0, len(self._phase_images), (PROBES,), generator=generator)
        _, keys, canonical, canonical_phases = self._canonical(directions, phases)
        self._keys, first = _unique(keys)
        self.directions, self.phases = canonical[:, first], canonical_phases[first]

    def __len__(self) -> int:
        return len(self._keys)

    def locate(self, directions: Tensor, phases: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) cell (−1: on the very edge of two buckets) and (n,) pose into it, for (3, n) directions, (n,) phases."""
        pose, keys, _, _ = self._canonical(directions, phases)
        place = torch.searchsorted(self._keys, keys).clamp_(max=len(self._keys) - 1)
        return torch.where(self._keys[place] == keys, place, -1), pose

    def buckets(self, pose: int) -> Tensor:
        """(cells,) phase · angles + angle bin of the image of each cell under a pose."""
        angles = angle_bins(self.poses[pose].direction(self.directions), self.settings.angles)
        return self._phase_images[self.phases, pose] * math.prod(self.settings.angles) + angles

    def _canonical(self, directions: Tensor, phases: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        score = (self._pole @ directions).abs() + 2.0 * self._phase_images[phases].T
        pose = score.argmax(0)
        axes = torch.tensor([p.axes for p in self.poses])[pose]
        signs = torch.tensor([p.signs for p in self.poses], dtype=directions.dtype)[pose]
        canonical = directions.T.gather(1, axes).mul_(signs).T
        canonical_phases = self._phase_images[phases, pose]
        keys = canonical_phases * 2**50
        for weight, image in zip(self._key_weights.tolist(), self.poses, strict=True):
            if (
                image.signs[2] > 0
            ):  # the opposite pose has the same bins: a direction and its opposite are one
                keys = keys + weight * angle_bins(image.direction(canonical), self.settings.angles)
        return pose, keys, canonical, canonical_phases

    def _tabulate_phases(self) -> Tensor:
        counts = self.settings.phases
        every = [(a, b, c) for a in range(counts[0]) for b in range(counts[1]) for c in range(counts[2])]
        number = {phase: index for index, phase in enumerate(every)}
        return torch.tensor([[number[pose.phase(phase, counts)] for pose in self.poses] for phase in every])


def _inverse_image(pose: Symmetry, vector: tuple[float, float, float]) -> Tensor:
    image = torch.zeros(3)
    for axis in range(3):
        image[pose.axes[axis]] += pose.signs[axis] * vector[axis]
    return image


def _unique(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Sorted distinct keys, and the place of one occurrence of each."""
    values, inverse = torch.unique(keys, return_inverse=True)
    first = torch.full((len(values),), len(keys)).scatter_reduce_(0, inverse, torch.arange(len(keys)), "amin")
    return values, first


class NormalEquations:
    """Sums of products per cell and level: `totals` is (cells · levels, t, t) float32.

    A row of the products holds the neighbours' differences to the centre voxel; the centre tap, which would always be 0,
    holds the wanted correction instead. So one matrix carries XᵀX, Xᵀy and yᵀy.
    """

    def __init__(self, cells: Cells, levels: int, taps: int) -> None:
        self.cells = cells
        self.levels = levels
        self.totals = torch.zeros((len(cells) * levels, taps, taps))
        self.voxels = torch.zeros(len(cells) * levels, dtype=torch.long)
        self.image_buckets = torch.stack([cells.buckets(pose) for pose in range(len(cells.poses))])

    def add(self, rows: Tensor, keys: Tensor, weight: float) -> None:
        """Add (n, t) canonical rows; keys (n,) are cell · levels + level. Every product counts `weight` times."""
        order = torch.argsort(keys, stable=True)
        rows = rows.index_select(0, order).mul_(math.sqrt(weight))
        found, sizes = torch.unique_consecutive(keys[order], return_counts=True)
        for key, part in zip(found.tolist(), torch.split(rows, sizes.tolist()), strict=True):
            self.totals[key].addmm_(part.T, part)
            self.voxels[key] += len(part)

    def bucket(self, bucket: int, orders: Tensor) -> Tensor:
        """(t, t) float64 sums of one bucket over all poses; orders: (poses, t) tap order of each pose."""
        settings = self.cells.settings
        levels = settings.strength * settings.coherence
        place, level = divmod(bucket, levels)
        total = torch.zeros(self.totals.shape[1:], dtype=torch.float64)
        for pose, order in enumerate(orders):
            cells = torch.nonzero(self.image_buckets[pose] == place)[:, 0]
            if len(cells):
                total += self.totals[cells * levels + level].sum(0)[order][:, order]
        return total


def to_canonical(rows: Tensor, poses: Tensor, orders: Tensor) -> tuple[Tensor, Tensor]:
    """(n, t) rows with each row's taps in the order of its own pose, and (n,) where each came from; orders: (poses, t)."""
    source = torch.argsort(poses, stable=True)
    found, sizes = torch.unique_consecutive(poses[source], return_counts=True)
    parts = torch.split(source, sizes.tolist())
    return torch.cat(
        [rows[part].index_select(1, orders[pose]) for pose, part in zip(found, parts, strict=True)]
    ), source
