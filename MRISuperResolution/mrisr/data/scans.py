"""High-resolution scans for training: found on disk, split by subject, kept in memory as bytes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..files import READABLE, is_dicom, read_volume, stem_of, suffix_of
from ..protocols import prepare_reference

INTERPOLATED = 1.31
"""An axis whose true resolution is coarser than its spacing by this factor is interpolated: no truth to learn sharpness from."""

SUBJECT = re.compile(r"^(sub-[A-Za-z0-9]+|\d{6})$")
"""A folder of BIDS (`sub-01`) or of HCP (`100307`)."""


@dataclass(frozen=True)
class ScanFile:
    """A scan to train on.

    Args:
        path: the file.
        weight: how often it is drawn, relative to others.
        sharp: the axes that are truly resolved on the scan's grid.
    """

    path: Path
    weight: float = 1.0
    sharp: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan in memory.

    Args:
        name: its file's stem.
        array: (i, j, k) uint8; 255 is the 99.9th percentile.
        weight, sharp: see `ScanFile`.
    """

    name: str
    array: NDArray[np.uint8]
    weight: float
    sharp: tuple[int, ...] = field(default=(0, 1, 2))


def find_scans(root: Path, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[Path]:
    """The scans that patterns such as `train/*.nii.gz`, `**/anat/*_T1w.nii.gz` (BIDS) or `*/T1w/T1w_acpc_dc.nii.gz` (HCP) name.

    A pattern that names a folder stands for all readable scans in it; of a folder in BIDS's or HCP's layout, for its structural scans.

    Raises:
        ConfigError: a pattern fits nothing.
    """
    found: list[Path] = []
    for pattern in patterns:
        fitting = [p for path in sorted(root.glob(pattern)) for p in (_of_folder(path) if path.is_dir() else [path])]
        if not fitting:
            raise ConfigError(f"No scan fits {pattern!r} in {root}; correct data.train, or name the folder with --data.")
        found += [p for p in fitting if not any(fnmatch(stem_of(p), e) for e in exclude)]
    return list(dict.fromkeys(found))


def _of_folder(folder: Path) -> list[Path]:
    if is_dicom(folder):
        return [folder]
    structural = sorted(folder.glob("sub-*/**/anat/*_[TF][12L]*w.nii*")) + sorted(folder.glob("sub-*/**/anat/*_FLAIR.nii*"))
    structural += sorted(folder.glob("[0-9]*/T[12]w/T[12]w_acpc_dc_restore*.nii.gz"))
    return structural or sorted(p for p in folder.iterdir() if suffix_of(p) in READABLE)


def subject_of(path: Path) -> str:
    """Whose scan this is: the BIDS or HCP folder it lies in, `sub-…` in its name, else its name up to the last `_`."""
    for part in reversed(path.parts[:-1]):
        if SUBJECT.match(part):
            return part
    stem = stem_of(path)
    match = re.match(r"^(.*?sub-[A-Za-z0-9]+)", stem)
    return match[1] if match else stem.rsplit("_", 1)[0]


def split_by_subject(paths: Iterable[Path], share: float, seed: int) -> tuple[list[Path], list[Path]]:
    """Training and validation scans, no subject in both; `share` of the subjects (at least one) go to validation."""
    paths = list(paths)
    subjects = sorted({subject_of(p) for p in paths})
    if len(subjects) < 2:
        raise ConfigError("A split by subject needs scans of at least two subjects; name validation.scans, or add scans.")
    order = np.random.default_rng(seed).permutation(len(subjects))
    held = {subjects[n] for n in order[: max(1, round(share * len(subjects)))]}
    return [p for p in paths if subject_of(p) not in held], [p for p in paths if subject_of(p) in held]


def sharp_axes(index: Path) -> dict[str, tuple[int, ...]]:
    """For each scan of a CSV table (columns `id`, `voxel_mm`, `true_mm`, as 1x1x2), the axes that are truly resolved."""
    try:
        with index.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {row["id"]: _sharp(row["voxel_mm"], row["true_mm"]) for row in rows}
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"The table {index} cannot be used ({error}); it needs the columns id, voxel_mm and true_mm.") from error


def _sharp(voxel: str, true: str) -> tuple[int, ...]:
    sizes = [(float(v), float(t)) for v, t in zip(voxel.split("x"), true.split("x"), strict=True)]
    return tuple(axis for axis, (v, t) in enumerate(sizes) if t / v < INTERPOLATED)


def load_scan(file: ScanFile) -> Scan:
    """Read a scan and keep it as bytes."""
    reference = prepare_reference(read_volume(file.path))
    array = np.rint(reference.array * 255).astype(np.uint8)
    return Scan(stem_of(file.path), array, file.weight, file.sharp)
