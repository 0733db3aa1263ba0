"""Training on real pairs: a scan and a better one of the same head, registered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ...errors import ConfigError, InputError
from ...image.grid import FACTOR_TOLERANCE, Grid, Triple
from ...image.metrics import HEAD
from ...image.normalization import Normalization
from ...image.volume import Volume
from ...neural.conditioning import PLAIN, Inputs
from ...physics.acquisition import Acquisition
from ...physics.degradation import Refines
from ...physics.interpolation import Kind, interpolate
from ...physics.operators import SeparableOperator
from ...progress import Monitor
from .patches import Chunk, PatchSampling, cut_patches, draw_starts
from .scans import read_scan, read_table

VOXEL_TOLERANCE = 1e-3
"""Voxels that lie within this of where they should, in voxels, lie there."""

LOST_AXES: dict[Refines, tuple[int, ...]] = {"one": (1,), "two": (2, 0), "all": (3, 0)}
"""Along how many axes the better scan of a pair may be finer, for a network that refines so many. Along none where the two have one matrix:
k-space or a blur may have taken resolution that grids do not tell of. A network for one axis could not know which.
"""

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Matched:
    """A scan and its better counterpart, brought to one field of view and brightness.

    Args:
        name: the files, for messages.
        scan: the whole scan, on its own grid, see `Normalization`.
        measured: its part that the better scan shows.
        target: the better scan on a grid that lies on `measured`'s as in use, and on its scale.
        operator: the guessed acquisition's linear part, from `target` to `measured`.
    """

    name: str
    scan: Volume
    measured: Volume
    target: Volume
    operator: SeparableOperator

    @property
    def lost(self) -> Triple:
        """How many times finer the target's grid is, along each axis."""
        return self.measured.grid.factor_to(self.target.grid)


@dataclass(frozen=True, eq=False)
class Pair:
    """What a network is shown of a scan and what it is to make of it, in memory.

    Args:
        name: its files, for messages.
        initial: (estimates, i, j, k) float32, the most refined axis first, see `conditioning.Inputs`.
        target: (i, j, k) float32, likewise.
        lost: how many times finer the target's grid is, along each axis.
    """

    name: str
    initial: Array
    target: Array
    lost: Triple


def pair_files(table: Path) -> list[tuple[Path, Path]]:
    """The files of a CSV table with the columns `low` and `high`, their names relative to the table; (low, high) for each row.

    Raises:
        ConfigError: the table cannot be used, or a file that it names does not exist.
    """
    rows = read_table(table, "table of pairs", ("low", "high"))
    if not rows:
        raise ConfigError(
            f"The table of pairs {table} is empty; it needs a row with a low and a high file for each pair."
        )
    pairs = []
    for line, row in rows:
        low, high = table.parent / row["low"], table.parent / row["high"]
        for path in (low, high):
            if not path.exists():
                raise ConfigError(
                    f"Line {line} of the table of pairs {table} names {path}, which does not exist; correct the name."
                )
        pairs.append((low, high))
    return pairs


def read_pairs(
    rows: Sequence[tuple[Path, Path]], kind: Kind, inputs: Inputs = PLAIN, monitor: Monitor | None = None
) -> list[Pair]:
    """The pairs of a table, in memory.

    Args:
        rows: (low, high), see `pair_files`.
        kind: the interpolation that makes the initial estimate.
        inputs: how what the network is shown comes about.
        monitor: told of each pair, asked for cancellation.

    Raises:
        ConfigError: the two scans of a pair are rotated against each other or show nothing in common.
        FileError, InputError: a scan cannot be read or trained on; the message names it.
    """
    monitor = monitor or Monitor()
    pairs = []
    for done, (low, high) in enumerate(rows):
        monitor.step("reading pairs", done, len(rows))
        pairs.append(_shown(match(low, high), kind, inputs))
    monitor.step("reading pairs", len(rows), len(rows))
    return pairs


def check_pairs(pairs: Sequence[Pair], refines: Refines) -> None:
    """Raise `ConfigError` unless every pair has lost resolution along the axes that a network refines."""
    for pair in pairs:
        count = sum(lost > 1 + FACTOR_TOLERANCE for lost in pair.lost)
        if count not in LOST_AXES[refines]:
            factors = " x ".join(f"{lost:.4g}" for lost in pair.lost)
            raise ConfigError(
                f"The better scan of the pair {pair.name} is finer along {count} of its axes ({factors}), which does not fit "
                f'degradation.refines = "{refines}"; correct that, or leave the pair out.'
            )


def match(low: Path, high: Path) -> Matched:
    """Read a scan and its better counterpart, and bring them together.

    Raises:
        ConfigError: the two are rotated against each other or show nothing in common.
        FileError, InputError: one of them cannot be read or trained on; the message names it.
    """
    scan, better = (_normalized(read_scan(path)) for path in (low, high))
    name = f"{low} and {high}"
    try:
        measured, target = _on_the_scan(scan, better)
        operator = Acquisition.of_factor(measured.grid.factor_to(target.grid)).operator(
            target.grid, measured.grid
        )
        gain = _gain(operator, target.array, measured.array)
    except InputError as error:
        raise ConfigError(f"{name} cannot be a pair: {error}") from error
    return Matched(name, scan, measured, target.with_array(gain * target.array), operator)


def _normalized(volume: Volume) -> Volume:
    return volume.with_array(Normalization.of(volume.array).apply(volume.array))


def _shown(matched: Matched, kind: Kind, inputs: Inputs) -> Pair:
    # Beyond the part that both show the scan goes on: it is interpolated as a whole.
    initial = interpolate(matched.scan.array, matched.scan.grid, matched.target.grid, kind)
    estimates = inputs.estimates(initial, matched.measured.array, matched.operator)
    lost = matched.lost
    order = sorted(range(3), key=lambda axis: -lost[axis])
    i, j, k = (lost[axis] for axis in order)
    return Pair(
        matched.name,
        estimates.transpose(0, *(axis + 1 for axis in order)),
        matched.target.array.transpose(order),
        (i, j, k),
    )


def _on_the_scan(scan: Volume, better: Volume) -> tuple[Volume, Volume]:
    """What the two have in common, the better one on a grid that begins where the scan does, as a target grid does in use.

    Networks rely on that: `factor_planes` tells those that refine one axis where between two measured slices a voxel lies, and the blocks
    of voxels on which others work begin with measured voxels. A registered scan has a field of view of its own, which begins anywhere. It
    is interpolated, unless it lies right already, and by Lanczos, which dulls it least. Its grid is nowhere coarser than the scan's.

    Raises:
        InputError: the two are rotated against each other, or have no voxel of the scan in common.
    """
    i, j, k = (f if f > 1 + FACTOR_TOLERANCE else 1.0 for f in scan.grid.factor_to(better.grid))
    factor = (i, j, k)
    if _begins_alike(scan.grid, better.grid, factor):
        target = _to(better, [min(n, end) for n, end in zip(better.shape, _ends(scan, factor), strict=True)])
        # A slice that the better scan covers in part stays.
        shape = [
            min(m, math.ceil(n / f - VOXEL_TOLERANCE))
            for m, n, f in zip(scan.shape, target.shape, factor, strict=True)
        ]
        return _to(scan, shape), target
    measured = _covered(scan, better.grid)
    grid = measured.grid.resampled(factor)
    array = interpolate(better.array, better.grid, grid, "lanczos")
    # Lanczos undershoots beside edges; nothing is darker than air.
    return measured, _to(Volume(np.maximum(array, 0), grid.affine), _ends(measured, factor))


def _ends(scan: Volume, factor: Triple) -> list[int]:
    """How many voxels of the finer grid lie wholly in the scan's field of view, along each axis."""
    return [math.floor(n * f + VOXEL_TOLERANCE) for n, f in zip(scan.shape, factor, strict=True)]


def _to(volume: Volume, shape: Sequence[int]) -> Volume:
    """The volume's first voxels along each axis."""
    return volume.cropped((0, 0, 0), (shape[0], shape[1], shape[2]))


def _begins_alike(scan: Grid, better: Grid, factor: Triple) -> bool:
    """Whether `better`'s voxels are those of the target grid for this factor, as far as both go."""
    for own, used, f in zip(
        scan.axis_positions(better), scan.axis_positions(scan.resampled(factor)), factor, strict=True
    ):
        n = min(len(own), len(used))
        if np.abs(own[:n] - used[:n]).max() > VOXEL_TOLERANCE / f:
            return False
    return True


def _covered(scan: Volume, better: Grid) -> Volume:
    """The part of a scan whose voxels lie wholly in the field of view of `better`: beyond it there is no truth.

    Raises:
        InputError: none do.
    """
    start, stop = [], []
    for positions, n, f in zip(
        better.axis_positions(scan.grid), better.shape, scan.grid.factor_to(better), strict=True
    ):
        inside = np.flatnonzero(
            (positions - f / 2 > -0.5 - VOXEL_TOLERANCE) & (positions + f / 2 < n - 0.5 + VOXEL_TOLERANCE)
        )
        if not len(inside):
            raise InputError(
                "Their fields of view do not overlap; register the better scan to the other first."
            )
        start.append(int(inside[0]))
        stop.append(int(inside[-1]) + 1)
    return scan.cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _gain(operator: SeparableOperator, target: Array, measured: Array) -> np.float32:
    """What the better scan is to be multiplied by to be as bright as the other, by least squares.

    Each was scaled by its own brightest voxels, which depend on its field of view, noise and sharpness. What is left of the better scan at
    the other's resolution is compared with it: edges that only the better one resolves would pass for brightness otherwise. Air is left
    out, where noise makes magnitudes that no gain relates, and so is what only one of the two shows.

    Raises:
        InputError: they show nothing in common.
    """
    seen = operator.forward(target)
    common = (seen > HEAD) & (measured > HEAD)
    if not common.any():
        raise InputError("They show nothing at the same place; register the better scan to the other first.")
    x, y = seen[common].astype(np.float64), measured[common].astype(np.float64)
    return np.float32((x @ y) / (x @ x))


class PairDataset(Dataset[Chunk]):
    """Chunk number n of a training on real pairs; follows from (seed, n).

    Args:
        pairs: in memory.
        cut: how patches are cut; its box is not used.
        seed: of the run.
    """

    def __init__(self, pairs: Sequence[Pair], cut: PatchSampling, seed: int = 0) -> None:
        self.pairs, self.cut, self.seed = pairs, cut, seed
        for pair in pairs:
            if any(n < size for n, size in zip(pair.target.shape, cut.size, strict=True)):
                size = "x".join(map(str, pair.target.shape))
                raise ConfigError(
                    f"The pair {pair.name} has only {size} voxels in common; make patches.size smaller, or leave it out."
                )

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
