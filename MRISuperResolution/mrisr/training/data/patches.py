"""Patches for training: a scan is turned, degraded and interpolated as a whole, and many patches are cut from it.

Everything about chunk number n follows from (seed, n), so that a run that was stopped and resumed sees the same patches as one that
was not, with any number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ...image.arrays import Array, namespace
from ...image.metrics import HEAD
from ...image.normalization import Normalization
from ...neural.conditioning import PLAIN, UNKNOWN, Inputs, Table
from ...physics.acquisition import lost_resolution
from ...physics.degradation import Degradation
from ...physics.interpolation import Kind
from .augmentation import Augmentation
from .draws import Brightness, Crop, Draw, Flags, Order, volumes
from .scans import Scan
from .telling import as_told

if TYPE_CHECKING:
    from ..config import Config

HEAD_SHARE = 0.3
"""A patch with fewer voxels of head than this is drawn again, if need be."""

TRIES = 8


@dataclass(frozen=True)
class PatchSampling:
    """How patches are cut.

    Args:
        size: of a patch, in target voxels.
        chunk: patches cut from each degraded scan.
        multiple: patches begin at multiples of this, as tiles do when the model is used.
        box: of the scan, the part that is degraded, in target voxels; 0 for the whole axis.
    """

    size: tuple[int, int, int] = (48, 48, 48)
    chunk: int = 16
    multiple: int = 2
    box: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Patches of one degraded scan.

    Args:
        initial: (n, estimates, *size) float32, see `conditioning.Inputs`.
        target: (n, 1, *size) float32.
        starts: (n, 3), each patch's first voxel on the target grid.
        lost: (3,), how many times finer the target resolves than the scan, by its grid and by its k-space.
        noise: of the scan, as a fraction of the peak.
        profiles: what is known of the scan's profiles, see `conditioning.profile_table`.
    """

    initial: Tensor
    target: Tensor
    starts: Tensor
    lost: Tensor
    noise: float = 0.0
    profiles: Table = UNKNOWN


class ChunkDataset(Dataset[Chunk]):
    """Chunk number n of a training run.

    Args:
        scans: in memory.
        degradation, cut, augmentation: how pairs are made.
        kind: the interpolation that makes the initial estimate.
        seed: of the run.
        inputs: how what the network is shown comes about.
    """

    def __init__(
        self,
        scans: Sequence[Scan],
        degradation: Degradation,
        cut: PatchSampling,
        augmentation: Augmentation,
        *,
        kind: Kind = "cubic",
        seed: int = 0,
        inputs: Inputs = PLAIN,
    ) -> None:
        self.scans, self.degradation, self.cut, self.augmentation = scans, degradation, cut, augmentation
        self.kind, self.seed, self.inputs = kind, seed, inputs
        weights = np.array([scan.weight for scan in scans], dtype=np.float64)
        self._shares = weights / weights.sum()

    @classmethod
    def of(cls, config: Config, scans: Sequence[Scan], inputs: Inputs = PLAIN) -> ChunkDataset:
        """The pairs that a configuration asks for."""
        return cls(
            scans,
            config.degradation,
            config.patches,
            config.augmentation,
            kind=config.initial,
            seed=config.seed,
            inputs=inputs,
        )

    def __getitem__(self, number: int) -> Chunk:
        return self.made(self.drawn(number))

    def drawn(self, number: int) -> Draw:
        """All that is random of chunk `number`, from which its pairs follow, here or on another device."""
        rng = np.random.default_rng((self.seed, number))
        which = int(rng.choice(len(self.scans), p=self._shares))
        order, backwards = self._turn(self.scans[which], rng)
        start, shape = self._box([self.scans[which].array.shape[axis] for axis in order], rng)
        crop = Crop(which, order, backwards, start, shape, self._padded(shape))
        intensities = self.augmentation.draw(crop.padded, rng)
        acquisition, factor = self.degradation.draw(rng)
        seed = int(rng.integers(2**31))
        shown, profiles = acquisition, UNKNOWN
        if self.inputs.profiled:
            shown, profiles = as_told(acquisition, self.degradation, rng)
        bright = Brightness(crop.of(self.scans[which].array), intensities)
        sigma = acquisition.noise and acquisition.noise * Normalization.of(bright.whole).scale
        starts = draw_starts(bright, self.cut, rng)
        return Draw(crop, intensities, acquisition, factor, sigma, seed, shown, profiles, starts)

    def made(self, draw: Draw) -> Chunk:
        """The pairs of a draw."""
        stored = draw.crop.of(self.scans[draw.crop.scan].array)
        return self.cut_from(draw, *volumes(draw, stored, draw.noise(), self.kind, self.inputs))

    def cut_from(self, draw: Draw, initial: Array, reference: Array) -> Chunk:
        """The patches of what a network is shown and what it is to make of it, see `draws.volumes`; where these are."""
        return Chunk(
            initial=cut_patches(initial, draw.starts, self.cut.size),
            target=cut_patches(reference[None], draw.starts, self.cut.size),
            starts=torch.from_numpy(draw.starts),
            lost=torch.tensor(lost_resolution(draw.factor, draw.acquisition.kspace)),
            noise=draw.acquisition.noise,
            profiles=draw.profiles,
        )

    def _turn(self, scan: Scan, rng: np.random.Generator) -> tuple[Order, Flags]:
        """A truly resolved axis first (two, if two are refined), the others in random order, each perhaps reversed.

        A scan is turned before it is degraded, so that the coarse grid keeps starting at voxel 0, as it does in use.
        """
        count = 2 if self.degradation.refines == "two" and len(scan.sharp) > 1 else 1
        first = [int(a) for a in np.atleast_1d(rng.choice(scan.sharp, count, replace=False))]
        rest = [a for a in range(3) if a not in first]
        i, j, k = (*first, *(int(a) for a in rng.permutation(rest)))
        a, b, c = (bool(rng.random() < 0.5) for _ in range(3))
        return (i, j, k), (a, b, c)

    def _box(self, whole: Sequence[int], rng: np.random.Generator) -> tuple[Order, Order]:
        """A random part of the scan of the size asked for: its first voxel and its shape."""
        starts, lengths = [], []
        for n, size in zip(whole, self.cut.box, strict=True):
            lengths.append(min(n, size or n))
            starts.append(int(rng.integers(n - lengths[-1] + 1)))
        return (starts[0], starts[1], starts[2]), (lengths[0], lengths[1], lengths[2])

    def _padded(self, shape: Order) -> Order:
        """With air to at least a patch."""
        i, j, k = (max(n, size) for n, size in zip(shape, self.cut.size, strict=True))
        return (i, j, k)


def draw_starts(
    reference: NDArray[np.float32] | Brightness, cut: PatchSampling, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Where patches begin: at multiples, and in the head as far as a few tries find it; (chunk, 3)."""
    size = np.array(cut.size)
    ends = (np.array(reference.shape) - size) // cut.multiple
    starts = []
    for _ in range(cut.chunk):
        for _try in range(TRIES):
            start = rng.integers(ends + 1) * cut.multiple
            patch = reference[tuple(slice(a, a + n, 4) for a, n in zip(start, size, strict=True))]
            if (patch > HEAD).mean() > HEAD_SHARE:
                break
        starts.append(start)
    return np.stack(starts).astype(np.int64)


def cut_patches(volume: Array, starts: NDArray[np.int64], size: Sequence[int]) -> Tensor:
    """Patches of volumes (C, i, j, k), NumPy's or a tensor, from their first voxels; (n, C, *size)."""
    cuts = [
        volume[(slice(None), *(slice(int(a), int(a) + n) for a, n in zip(start, size, strict=True)))]
        for start in starts
    ]
    return torch.as_tensor(namespace(volume).stack(cuts))


class ChunkNumbers:
    """The numbers of the chunks for one of several training processes, without end; a `DataLoader`'s sampler.

    Args:
        first: where to begin.
        run: so many numbers in a row are this process's;
        world: then come those of the others, of `world` processes in all.
    """

    def __init__(self, first: int = 0, run: int = 1, world: int = 1) -> None:
        self.first, self.run, self.world = first, run, world

    def __iter__(self) -> Iterator[int]:
        number = self.first
        while True:
            yield from range(number, number + self.run)
            number += self.run * self.world
