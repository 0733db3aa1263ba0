"""A learned set of filters and its application to a volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ...progress import Monitor
from .buckets import BucketSettings, angle_bins, level_bins
from .features import PRODUCTS, Features, FeatureSettings, describe, pad, smoothed_product
from .taps import PatchReader, Taps
from .workers import Workers

SLAB = 24
"""Planes whose structure tensor is held at a time."""

CHUNK = 16384
"""Voxels filtered at a time: their patches stay in the processor's cache."""


@dataclass(frozen=True)
class Hashing:
    """Everything that decides a voxel's bucket.

    strength_edges: (strength bins − 1,). coherence_edges: (strength bins, coherence bins − 1).
    """

    features: FeatureSettings
    buckets: BucketSettings
    strength_edges: Tensor
    coherence_edges: Tensor

    def levels(self, features: Features) -> Tensor:
        """(n,) number of the strength and coherence bin."""
        return level_bins(features, self.strength_edges, self.coherence_edges)

    def number(self, features: Features, phases: Tensor) -> Tensor:
        """(n,) bucket of voxels with these features and (n,) phase numbers."""
        settings = self.buckets
        angles = angle_bins(features.direction, settings.angles)
        place = phases * (settings.angles[0] * settings.angles[1]) + angles
        return place * (settings.strength * settings.coherence) + self.levels(features)


@dataclass(frozen=True)
class FilterBank:
    """hashing, taps, and filters: (buckets, taps) float32, zero on the centre tap, acting on differences to the centre."""

    hashing: Hashing
    taps: Taps
    filters: Tensor

    def to(self, device: str) -> FilterBank:
        """The same filters on another device."""
        hashing = replace(
            self.hashing,
            strength_edges=self.hashing.strength_edges.to(device),
            coherence_edges=self.hashing.coherence_edges.to(device),
        )
        return FilterBank(hashing, self.taps, self.filters.to(device))

    def apply(
        self,
        volume: Tensor,
        phases: tuple[Tensor, Tensor, Tensor],
        head: Tensor,
        monitor: Monitor | None = None,
        stage: str = "model",
    ) -> Tensor:
        """Filter (i, j, k) where the boolean `head` is set; elsewhere the volume stays. phases: per axis, per index."""
        monitor = monitor or Monitor()
        result = volume.clone()
        reader = PatchReader(volume, self.taps)

        def fill(part: tuple[Tensor, Tensor]) -> None:
            voxels, tensors = part
            i, j, k = voxels.unbind(1)
            result[i, j, k] = self._filtered(
                reader, voxels, tensors, phase_numbers(voxels, phases, self.hashing.buckets)
            )

        with Workers(volume.device) as workers:
            for done, total, voxels, tensors in slabs(volume, head, self.hashing.features, workers):
                workers.each(
                    fill,
                    list(zip(torch.split(voxels, CHUNK), torch.split(tensors, CHUNK, dim=1), strict=True)),
                )
                monitor.step(stage, done, total)
        return result

    def _filtered(self, reader: PatchReader, voxels: Tensor, tensor: Tensor, phases: Tensor) -> Tensor:
        buckets = self.hashing.number(describe(tensor, self.hashing.features), phases)
        differences, centers = reader.differences(reader.offsets(voxels))
        filtered: Tensor = torch.linalg.vecdot(differences, self.filters.index_select(0, buckets))
        return filtered.add_(centers[:, 0])


def phase_numbers(voxels: Tensor, phases: tuple[Tensor, Tensor, Tensor], settings: BucketSettings) -> Tensor:
    """(n,) one number for the phases on the three axes of (n, 3) voxels."""
    counts = settings.phases
    i, j, k = (axis[voxels[:, a]] for a, axis in enumerate(phases))
    return (i * counts[1] + j) * counts[2] + k


def slabs(
    volume: Tensor, head: Tensor, settings: FeatureSettings, workers: Workers
) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """Timesteps over a volume (i, j, k): slabs done, their number, (n, 3) voxels of the head, (6, n) structure tensors."""
    halo = settings.halo
    padded = pad(volume, halo)
    starts = range(0, volume.shape[0], SLAB)
    for done, start in enumerate(starts, 1):
        voxels = torch.nonzero(head[start : start + SLAB])
        if not len(voxels):
            continue
        (j0, k0), (j1, k1) = voxels[:, 1:].amin(0).tolist(), (voxels[:, 1:].amax(0) + 1).tolist()
        box = padded[start : start + SLAB + 2 * halo, j0 : j1 + 2 * halo, k0 : k1 + 2 * halo]
        field = torch.stack(workers.each(partial(_product, box, settings), PRODUCTS))
        tensors = field[:, voxels[:, 0], voxels[:, 1] - j0, voxels[:, 2] - k0]
        voxels[:, 0] += start
        yield done, len(starts), voxels, tensors


def _product(box: Tensor, settings: FeatureSettings, axes: tuple[int, int]) -> Tensor:
    return smoothed_product(box, axes, settings)
