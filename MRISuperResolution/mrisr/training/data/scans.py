"""High-resolution scans for training: found on disk, split by subject, kept in memory as bytes."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, FileError, InputError
from ...image.files import READABLE, read_volume, scan_files, stem_of, suffix_of
from ...image.series import holds_dicom
from ...image.volume import Volume
from ...physics.protocols import prepare_reference
from ...progress import Monitor
from .subjects import BIDS_SUBJECT, HCP_CONTENT, HCP_SUBJECT, home_of, name_of

INTERPOLATED = 1.31
"""An axis whose true resolution is coarser than its spacing by this factor is interpolated: no truth to learn sharpness from."""

BIDS_DATATYPES = (
    "anat",
    "func",
    "dwi",
    "fmap",
    "perf",
    "meg",
    "eeg",
    "ieeg",
    "beh",
    "pet",
    "micr",
    "nirs",
    "motion",
    "mrs",
)

BIDS_STRUCTURAL = ("_T1w", "_T2w", "_FLAIR")

HCP_STRUCTURAL = ("acpc_dc_restore.nii.gz", "acpc_dc.nii.gz")
"""Which version of a scan is taken: the first there is. Others are masked, or resampled to the grid of another scan."""

SECONDARY = re.compile(r"\..*|derivatives|sourcedata")
"""Files and folders that wildcards pass over: hidden ones, and BIDS's for what was made from the scans and what they were made from."""


@dataclass(frozen=True)
class ScanFile:
    """A scan to train on.

    Args:
        path: the file.
        weight: how often it is drawn, relative to others.
        sharp: the axes that are truly resolved on the scan's grid.
        name: what tables and patterns call it; by default what `name_of` gives.
    """

    path: Path
    weight: float = 1.0
    sharp: tuple[int, ...] = (0, 1, 2)
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or name_of(self.path))


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan in memory.

    Args:
        name, weight, sharp: see `ScanFile`.
        array: (i, j, k) uint8; 255 is the 99.9th percentile.
    """

    name: str
    array: NDArray[np.uint8]
    weight: float
    sharp: tuple[int, ...] = field(default=(0, 1, 2))


def find_scans(root: Path, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[Path]:
    """The scans that patterns such as `train/*.nii.gz`, `**/anat/*_T1w.nii.gz` (BIDS) or `*/T1w/T1w_acpc_dc.nii.gz` (HCP) name.

    A pattern that names a folder, such as `.` for the root, stands for all readable scans in it; of a folder in BIDS's or HCP's layout,
    for its structural scans: `_T1w`, `_T2w` and `_FLAIR`, and `T1w_acpc_dc_restore` and `T2w_acpc_dc_restore` (without `_restore` where
    there is none with it). Wildcards pass over what is hidden or lies in `derivatives` or `sourcedata`; a pattern can name these folders.

    Args:
        root: what patterns are relative to, unless they are absolute.
        patterns: of files or folders.
        exclude: patterns of stems, or of names as `name_of` gives them.

    Returns:
        Absolute paths, each file once.

    Raises:
        ConfigError: a pattern fits nothing, or is none.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        fitting = [scan for path in _matches(root.absolute(), pattern) for scan in _scans_at(path)]
        if not fitting:
            raise ConfigError(
                f"No scan fits {pattern!r} in {root}; correct the pattern, or name the folder with --data."
            )
        for scan in fitting:
            if not any(fnmatch(name, e) for e in exclude for name in (stem_of(scan), name_of(scan))):
                # The path as it was found, even if it is a link: its folders and its name say whose scan it is.
                found.setdefault(scan.resolve(), scan)
    return list(found.values())


def _matches(root: Path, pattern: str) -> list[Path]:
    """The files and folders that a pattern names."""
    if not pattern:
        raise ConfigError(
            "A pattern for scans is empty; name files or folders, or write '.' for the data's root itself."
        )
    wanted = Path(pattern)
    base, parts = (Path(wanted.anchor), wanted.parts[1:]) if wanted.is_absolute() else (root, wanted.parts)
    if not parts:
        return [base]
    try:
        matches = sorted(base.glob(str(Path(*parts))))
    except (ValueError, NotImplementedError) as error:
        raise ConfigError(
            f"{pattern!r} is no pattern for scans ({error}); write one such as train/*.nii.gz or **/*.nii.gz."
        ) from error
    if parts[-1] == "**":  # from Python 3.13 on files too
        matches = [p for p in matches if p.is_dir()]
    return [
        p
        for p in matches
        if not any(SECONDARY.fullmatch(part) and part not in parts for part in p.relative_to(base).parts)
    ]


def _scans_at(path: Path) -> list[Path]:
    if path.is_dir():
        return _of_folder(path)
    return [path] if suffix_of(path) in READABLE else []


def _of_folder(folder: Path) -> list[Path]:
    """The scans that a folder stands for, see `find_scans`."""
    home = folder if _is_subject(folder) else home_of(folder)
    if home:
        inside = [p for p in _structural(home) if p.is_relative_to(folder)]
        if inside or {*BIDS_DATATYPES, *HCP_CONTENT}.intersection(folder.relative_to(home).parts):
            return inside
    subjects = sorted(child for child in folder.iterdir() if child.is_dir() and _is_subject(child))
    return [p for subject in subjects for p in _structural(subject)] or _plain(folder)


def _plain(folder: Path) -> list[Path]:
    if holds_dicom(folder):
        return [folder]
    return sorted(scan_files(folder.iterdir()))


def _is_subject(folder: Path) -> bool:
    return bool(BIDS_SUBJECT.fullmatch(folder.name) or HCP_SUBJECT.fullmatch(folder.name))


def _structural(home: Path) -> list[Path]:
    """The structural scans of a subject's folder in BIDS's or HCP's layout."""
    anatomical = sorted([*home.glob("anat/*"), *home.glob("ses-*/anat/*")])
    found = [p for p in anatomical if suffix_of(p) in READABLE and stem_of(p).endswith(BIDS_STRUCTURAL)]
    for contrast in ("T1w", "T2w"):
        # Both contrasts lie in T1w, where they were registered; a copy may have left that folder out.
        versions = [
            place / f"{contrast}_{version}"
            for version in HCP_STRUCTURAL
            for place in (home / "T1w", home / "T2w", home)
        ]
        found += [p for p in versions if p.exists()][:1]
    return found


def read_table(table: Path, what: str, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV table with the numbers of their lines; none lacks a value in `columns`.

    Raises:
        ConfigError: the table cannot be read, or a row lacks a value.
    """
    needs = f"it needs the columns {', '.join(columns[:-1])} and {columns[-1]}"
    try:
        # Spreadsheets put a byte order mark before the first name.
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"The {what} {table} cannot be used ({error}); {needs}.") from error
    for line, row in rows:
        if lacking := [column for column in columns if not row.get(column)]:
            raise ConfigError(
                f"The {what} {table} cannot be used (line {line} has no {lacking[0]}); {needs}."
            )
    return rows


def sharp_axes(index: Path) -> dict[str, tuple[int, ...]]:
    """For each scan of a CSV table (columns `id`, `voxel_mm`, `true_mm`, as 1x1x2), the axes that are truly resolved."""
    sharp = {}
    for line, row in read_table(index, "table", ("id", "voxel_mm", "true_mm")):
        try:
            sharp[row["id"]] = _sharp(row["voxel_mm"], row["true_mm"])
        except (ValueError, ZeroDivisionError) as error:
            raise ConfigError(
                f"Line {line} of the table {index} cannot be used ({error}); write sizes as 1x1x2."
            ) from error
    return sharp


def _sharp(voxel: str, true: str) -> tuple[int, ...]:
    sizes = [(float(v), float(t)) for v, t in zip(voxel.split("x"), true.split("x"), strict=True)]
    return tuple(axis for axis, (v, t) in enumerate(sizes) if t / v < INTERPOLATED)


def read_scan(path: Path) -> Volume:
    """Read a scan; an error's message begins with the whole path, since names repeat from folder to folder.

    Raises:
        FileError: there is no such file, or it cannot be read.
        InputError: it cannot be trained on.
    """
    try:
        return read_volume(path)
    except (FileError, InputError) as error:
        raise type(error)(f"{path}: {error}") from error


def load_scan(file: ScanFile) -> Scan:
    """Read a scan and keep it as bytes."""
    reference = prepare_reference(read_scan(file.path))
    array = np.rint(reference.array * 255).astype(np.uint8)
    return Scan(file.name, array, file.weight, file.sharp)


def load_scans(files: Sequence[ScanFile], monitor: Monitor) -> list[Scan]:
    """All scans in memory, as bytes.

    Raises:
        FileError, InputError: a scan cannot be read or trained on; the message names it.
        Cancelled: a stop was asked for; it is honored after each scan.
    """
    scans = []
    for done, file in enumerate(files):
        monitor.step("reading scans", done, len(files))
        scans.append(load_scan(file))
    monitor.step("reading scans", len(files), len(files))
    return scans
