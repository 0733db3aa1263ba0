"""What the voxels of a pair teach: quantiles of the features, and rows of the normal equations."""

from __future__ import annotations

import torch
from torch import Tensor

from .bank import FilterBank, Hashing, phase_numbers
from .buckets import phase_bins, quantile_edges
from .features import Features, FeatureSettings, describe, pad, structure_tensor
from .normal_equations import Cells, NormalEquations, to_canonical
from .pairs import Pair
from .recipe import StageRecipe
from .symmetry import group
from .taps import PatchReader

PART = 100_000
"""Voxels whose rows are in memory at a time."""

MANY = 2**22
"""Voxels whose structure tensor is worked out at a time."""


def choose(head: Tensor, count: int, seed: int) -> Tensor:
    """(n, 3) voxels of the boolean `head`, at most `count`, drawn without repetition, in order."""
    voxels = torch.nonzero(head)
    drawn = torch.randperm(len(voxels), generator=torch.Generator().manual_seed(seed))[:count]
    return voxels[drawn.sort().values]


def features_of(volume: Tensor, voxels: Tensor, settings: FeatureSettings) -> Features:
    """Features of (n, 3) voxels of a volume (i, j, k), in the voxels' order, which is by rising i."""
    padded = pad(volume, settings.halo)
    planes = max(1, MANY // (volume.shape[1] * volume.shape[2]))
    found = []
    for start in range(0, volume.shape[0], planes):
        here = voxels[(voxels[:, 0] >= start) & (voxels[:, 0] < start + planes)]
        tensor = structure_tensor(padded[start : start + planes + 2 * settings.halo], settings)
        found.append(tensor[:, here[:, 0] - start, here[:, 1], here[:, 2]])
    return describe(torch.cat(found, dim=1), settings)


def phases_of(pair: Pair, stage: StageRecipe) -> tuple[Tensor, Tensor, Tensor]:
    """Per axis, the sampling phase of every index."""
    i, j, k = (phase_bins(pair.positions[a], stage.buckets.phases[a]) for a in range(3))
    return (i, j, k)


def apply_stages(pair: Pair, stages: list[StageRecipe], banks: list[FilterBank]) -> Tensor:
    """What the passes learned so far make of a pair's initial estimate."""
    volume = pair.initial
    for stage, bank in zip(stages, banks, strict=True):
        volume = bank.apply(volume, phases_of(pair, stage), pair.head)
    return volume


def learn_edges(features: list[Features], stage: StageRecipe) -> Hashing:
    """Bins of equal weight: of strength over all voxels, of coherence within each strength bin."""
    strength = torch.cat([f.strength for f in features])
    coherence = torch.cat([f.coherence for f in features])
    strength_edges = quantile_edges(strength, stage.buckets.strength)
    level = torch.bucketize(strength, strength_edges)
    rows = [
        quantile_edges(coherence[level == i], stage.buckets.coherence) for i in range(stage.buckets.strength)
    ]
    return Hashing(stage.features, stage.buckets, strength_edges, torch.stack(rows))


class Teacher:
    """Sums the normal equations of one pass of filters."""

    def __init__(
        self, stage: StageRecipe, hashing: Hashing, kinds: tuple[int, int, int], cells: Cells | None = None
    ) -> None:
        poses = group(kinds)
        self.stage, self.hashing = stage, hashing
        self.orders = torch.stack([pose.taps(stage.taps.sides) for pose in poses])
        self.cells = cells or Cells(stage.buckets, poses)
        self.equations = NormalEquations(
            self.cells, stage.buckets.strength * stage.buckets.coherence, stage.taps.count
        )

    def add(self, pair: Pair, volume: Tensor, count: int, seed: int) -> None:
        """Learn from `count` voxels how `volume` (i, j, k), the pair's estimate so far, becomes the reference.

        Each pair counts as much as any other: its squared errors are divided by what they are before filtering, because
        decibels compare a result with its own start.
        """
        voxels = choose(pair.taught, count, seed)
        if not len(voxels):
            return
        reader, phases = PatchReader(volume, self.stage.taps), phases_of(pair, self.stage)
        features = features_of(volume, voxels, self.stage.features)
        wanted = (pair.reference - volume)[voxels[:, 0], voxels[:, 1], voxels[:, 2]]
        weight = 1.0 / max(float(wanted.double().square().mean()), 1e-12)
        for start in range(0, len(voxels), PART):
            part = slice(start, start + PART)
            some = Features(features.direction[:, part], features.strength[part], features.coherence[part])
            numbers = phase_numbers(voxels[part], phases, self.stage.buckets)
            cells, poses = self.cells.locate(some.direction, numbers)
            rows, _ = reader.differences(reader.offsets(voxels[part]))
            rows[:, self.stage.taps.center] = wanted[part]
            keys = cells * self.equations.levels + self.hashing.levels(some)
            known = torch.nonzero(cells >= 0)[:, 0]
            canonical, source = to_canonical(rows[known], poses[known], self.orders)
            self.equations.add(canonical, keys[known][source], weight)
