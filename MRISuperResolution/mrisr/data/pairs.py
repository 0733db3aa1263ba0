"""Training on real pairs: a scan and a better one of the same head, registered."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ..acquisition import Acquisition
from ..errors import ConfigError, InputError
from ..files import read_volume
from ..grid import Triple
from ..interpolation import Kind, interpolate
from ..normalization import Normalization
from .patches import Chunk, Cut, cut_patches, draw_starts
from .projection import with_projection


@dataclass(frozen=True, eq=False)
class Pair:
    """A scan and its better counterpart on the latter's grid, both on the models' scale.

    Args:
        initial: (estimates, i, j, k) float32, the most refined axis first, see `with_projection`.
        target: (i, j, k) float32, likewise.
        lost: how many times finer the target's grid is, along each axis.
    """

    initial: NDArray[np.float32]
    target: NDArray[np.float32]
    lost: Triple


def read_pairs(table: Path, kind: Kind, projections: int = 0) -> list[Pair]:
    """The pairs of a CSV table with the columns `low` and `high`, file names relative to the table.

    Raises:
        ConfigError: the table cannot be used, or the grids of a pair are rotated against each other.
    """
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = [(table.parent / row["low"], table.parent / row["high"]) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise ConfigError(f"The table of pairs {table} cannot be used ({error}); it needs the columns low and high.") from error
    if not rows:
        raise ConfigError(f"The table of pairs {table} is empty.")
    return [_read(low, high, kind, projections) for low, high in rows]


def _read(low: Path, high: Path, kind: Kind, projections: int) -> Pair:
    scan, better = read_volume(low), read_volume(high)
    scale = Normalization.of(scan.array)
    try:
        initial = interpolate(scale.apply(scan.array), scan.grid, better.grid, kind)
    except InputError as error:
        raise ConfigError(f"{low.name} and {high.name} cannot be a pair: {error}") from error
    lost = scan.grid.factor_to(better.grid)
    order = sorted(range(3), key=lambda axis: -lost[axis])
    target = Normalization.of(better.array).apply(better.array)
    i, j, k = (lost[axis] for axis in order)
    operator = Acquisition.of_factor(lost).operator(better.grid, scan.grid)
    estimates = with_projection(initial, scale.apply(scan.array), operator, projections)
    return Pair(estimates.transpose(0, *(axis + 1 for axis in order)), target.transpose(order), (i, j, k))


class PairDataset(Dataset[Chunk]):
    """Chunk number n of a training on real pairs; follows from (seed, n).

    Args:
        pairs: in memory.
        cut: how patches are cut; its box is not used.
        seed: of the run.
    """

    def __init__(self, pairs: Sequence[Pair], cut: Cut, seed: int = 0) -> None:
        self.pairs, self.cut, self.seed = pairs, cut, seed
        for pair in pairs:
            if any(n < size for n, size in zip(pair.target.shape, cut.size, strict=True)):
                raise ConfigError(f"A pair has only {pair.target.shape} voxels; make patches.size smaller.")

    def __getitem__(self, number: int) -> Chunk:
        rng = np.random.default_rng((self.seed, number))
        pair = self.pairs[int(rng.integers(len(self.pairs)))]
        starts = draw_starts(pair.target, self.cut, rng)
        return Chunk(
            initial=cut_patches(pair.initial, starts, self.cut.size),
            target=cut_patches(pair.target[None], starts, self.cut.size),
            starts=torch.from_numpy(starts),
            lost=torch.tensor(pair.lost),
        )
