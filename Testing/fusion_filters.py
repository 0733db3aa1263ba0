"""Teaches the filters of `mrisr.families.fused_filters.filters` by fused simulations of training scans, beside what they were made from.

    python Testing/fusion_filters.py FOLDER

FOLDER keeps the fused volumes: what is there is not made again, so that a run goes on where it was stopped. A box of each scan, elsewhere
in each turn, is scanned two or three times as one of `physics.stacks.STACKS`, and fused without filters: half of the time told how it was
scanned, and half of the time not. The scans of `val` chose `RIDGE`, the sides of the filters, and how strongly a result is drawn to what
they say (`make bench ONLY=fusion` measures).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MRISuperResolution")]

from engine.conftest import DATA  # noqa: E402
from mrisr.families.fused_filters.filters import FILE, Filters  # noqa: E402
from mrisr.families.gradient_filters.bank import FilterBank  # noqa: E402
from mrisr.families.gradient_filters.buckets import BucketSettings  # noqa: E402
from mrisr.families.gradient_filters.features import FeatureSettings  # noqa: E402
from mrisr.families.gradient_filters.pairs import Pair, head_of  # noqa: E402
from mrisr.families.gradient_filters.recipe import StageRecipe  # noqa: E402
from mrisr.families.gradient_filters.ridge import solve_all  # noqa: E402
from mrisr.families.gradient_filters.taps import Taps  # noqa: E402
from mrisr.families.gradient_filters.teaching import Teacher, choose, features_of, learn_edges  # noqa: E402
from mrisr.fusion import fuse_scans  # noqa: E402
from mrisr.fusion.settings import NO_MODEL, FusionSettings  # noqa: E402
from mrisr.fusion.suitability import Scan  # noqa: E402
from mrisr.image.files import read_volume  # noqa: E402
from mrisr.image.metrics import HEAD  # noqa: E402
from mrisr.image.replacement import replacing  # noqa: E402
from mrisr.image.volume import Volume  # noqa: E402
from mrisr.physics.protocols import prepare_reference  # noqa: E402
from mrisr.physics.stacks import STACKS  # noqa: E402

NOISES = (0.0, 0.01, 0.02, 0.035)
"""Rician noise of the simulated scans; each has a bank."""

KINDS = {
    "thick4": ("thick4", 0.4),
    "thick6": ("thick6", 0.3),
    "rect": ("thick4-rect", 0.15),
    "gap": ("thick4-gap", 0.15),
}
"""Kinds of stacks, how to tell them, and how often they are drawn."""

SIDE, MARGIN, TURNS = 80, 6, 14
"""Voxels of a box, and at its faces that do not teach; boxes of each scan."""

LEFT_OUT = ("fruit_irspgr", "ds2748")
"""Fruit, and scans that are resolved to two of their voxels only."""

ISOTROPIC = 1.8
"""Scans whose voxels are longer than this times their width are no truths."""

STAGE = StageRecipe(Taps((7, 7, 7)), BucketSettings((8, 8), 3, 3, (1, 1, 1)), FeatureSettings())

VOXELS, EDGE_VOXELS, RIDGE = 150_000, 20_000, 1e-3
"""Of each volume that teach filters, and bins; and what is added to the normal equations, see `ridge.solve_all`."""


@dataclass(frozen=True)
class Draw:
    """One simulation: which scan, and the seed of everything else."""

    scan: Path
    number: int

    @property
    def noise(self) -> float:
        """Of its scans."""
        return NOISES[self.number % len(NOISES)]

    def make(self, path: Path) -> None:
        """Write the fused volume and its truth."""
        rng = np.random.default_rng(self.number)
        truth = prepare_reference(_box(read_volume(self.scan), rng))
        kind = list(KINDS)[rng.choice(len(KINDS), p=[share for _, share in KINDS.values()])]
        stacks = STACKS[f"stacks{3 if rng.random() < 0.65 else 2}-{kind}"].simulate(
            truth, noise=self.noise, seed=self.number
        )
        told = KINDS[kind][0] if rng.random() < 0.5 else None
        scans = [Scan(str(number), stack.volume) for number, stack in enumerate(stacks)]
        fused = fuse_scans.fuse(scans, FusionSettings(acquisition=told, register="none", model=NO_MODEL))
        inside = tuple(slice(0, n) for n in truth.shape)
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez(
                file,
                truth=truth.array.astype(np.float16),
                fused=fused.volume.array[inside].astype(np.float16),
                level=fused.provenance["noise"],
            )


@cache
def draws() -> list[Draw]:
    """All of them, in an order that has every scan soon."""
    scans = [
        path
        for path in sorted((DATA / "train").glob("*.nii.gz"))
        if not path.name.startswith(LEFT_OUT) and _isotropic(path)
    ]
    return [Draw(scan, number) for number, scan in enumerate(scans * TURNS)]


def _isotropic(path: Path) -> bool:
    spacing = read_volume(path).spacing
    return max(spacing) <= ISOTROPIC * min(spacing)


def _box(scan: Volume, rng: np.random.Generator) -> Volume:
    """Somewhere around the middle."""
    sides = [min(SIDE, n) for n in scan.shape]
    spare = [n - side for n, side in zip(scan.shape, sides, strict=True)]
    start = [round(n / 2 * (1 + rng.uniform(-0.6, 0.6))) for n in spare]
    return scan.cropped(start, [first + side for first, side in zip(start, sides, strict=True)])


def pairs(folder: Path, noise: float) -> Iterator[tuple[Pair, float]]:
    """What was fused with a noise, and the noise that was found in it."""
    for draw in draws():
        path = folder / f"{draw.number}.npz"
        if draw.noise == noise and path.exists():
            with np.load(path) as kept:
                pair = _pair(*(kept[name].astype(np.float32) for name in ("fused", "truth")))
                yield pair, float(kept["level"])


def _pair(fused: NDArray[np.float32], truth: NDArray[np.float32]) -> Pair:
    initial, reference = torch.from_numpy(fused), torch.from_numpy(truth)
    head, inner = head_of(initial), (slice(MARGIN, -MARGIN),) * 3
    taught = torch.zeros_like(head)
    taught[inner] = head[inner] & (reference[inner] > HEAD)
    nowhere = tuple(torch.arange(n, dtype=torch.float64) for n in fused.shape)
    return Pair(initial, reference, head, taught, nowhere)


def bank(folder: Path, noise: float) -> tuple[float, FilterBank]:
    """The filters for one noise, and the level by which they are found."""
    taught = list(pairs(folder, noise))
    features = [
        features_of(pair.initial, choose(pair.taught, EDGE_VOXELS, number), STAGE.features)
        for number, (pair, _) in enumerate(taught[::2])
    ]
    teacher = Teacher(STAGE, learn_edges(features, STAGE), (0, 0, 0))
    for number, (pair, _) in enumerate(taught):
        teacher.add(pair, pair.initial, VOXELS, number)
    filters = solve_all(teacher.equations, teacher.orders, STAGE.taps.center, RIDGE)
    level = float(np.sqrt(np.mean([level**2 for _, level in taught])))
    print(f"noise {noise:g}, found as {level:.4f}: {len(taught)} volumes", flush=True)
    return level, FilterBank(teacher.hashing, STAGE.taps, filters)


def main() -> None:
    """Simulate and fuse, teach, and write the packaged file."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for draw in draws():
        if not (path := folder / f"{draw.number}.npz").exists():
            draw.make(path)
            print(path.name, draw.scan.name, flush=True)
    levels, banks = zip(*(bank(folder, noise) for noise in NOISES), strict=True)
    scans = sorted({draw.scan.name.removesuffix(".nii.gz") for draw in draws()})
    about = {"license": "MIT", "source": "arXiv:1606.01299", "scans": ", ".join(scans)}
    Filters(levels, banks).write(FILE, about)


if __name__ == "__main__":
    main()
