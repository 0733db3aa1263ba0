"""What there is to do in a BIDS data set: which scans, which of them together, and why not the others. Only headers are read for this."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bids.choices import voxels_of
from ..bids.dataset import Image, find_images
from ..bids.derivative import place_of
from ..bids.selection import Selection
from ..bids.states import ScanState
from ..image.bids_name import BidsName
from ..image.grid import Grid, Target
from ..image.inheritance import metadata_of
from ..image.nifti import read_grid
from ..pipeline.planning import ISOTROPIC_TOLERANCE, default_target
from ..pipeline.settings import Settings
from ..progress import Monitor

FUSED = "fused"
"""Instead of a model's name in that of a volume made of several scans."""

APART = ("acq", "run", "dir", "chunk")
"""Stacks of one session differ in these entities alone."""

PARALLEL = 0.95
"""From this cosine between their slice directions on two stacks measure the same, and nothing is gained by fusing them."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan to enhance.

    Args:
        image: its file.
        grid: its voxels; None where its header cannot be read, which the attempt to enhance it tells.
        metadata: what its sidecars say.
    """

    image: Image
    grid: Grid | None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> tuple[str, str]:
        """Contrast and voxel size: scans of which these are the same get the same model."""
        return self.image.name.suffix, "unknown" if self.grid is None else voxels_of(self.grid)


@dataclass(frozen=True, eq=False)
class Stacks:
    """Several scans of one session, each thick in another direction.

    Args:
        scans: two or more.
        place: of what is made of them, below the output's root.
    """

    scans: tuple[Scan, ...]
    place: str


@dataclass(frozen=True, eq=False)
class ToDo:
    """What there is.

    Args:
        scans: to enhance one by one.
        stacks: to fuse.
        left_out: the others, with the reason.
    """

    scans: tuple[Scan, ...]
    stacks: tuple[Stacks, ...]
    left_out: tuple[ScanState, ...]


def look_through(
    source: Path,
    selection: Selection,
    settings: Settings,
    *,
    subjects: tuple[str, ...] = (),
    sessions: tuple[str, ...] = (),
    monitor: Monitor | None = None,
) -> ToDo:
    """What there is to do; stacks that could be fused are among the scans, too.

    Args:
        source: root of the data set.
        selection: which images are scans to enhance.
        settings: how they are.
        subjects: labels; none for all.
        sessions: likewise.
        monitor: told of progress, asked for cancellation.

    Raises:
        InputError: it is no BIDS data set, or has not what is asked for.
    """
    monitor = monitor or Monitor()
    scans, left_out = [], []
    images = find_images(source, subjects, sessions)
    for number, image in enumerate(images):
        monitor.step("looking through", number, len(images))
        reason = selection.why_not(image)
        if not reason:
            scan = Scan(image, _grid_of(image.path), metadata_of(image.path))
            reason = _needless(scan, settings)
        if reason:
            left_out.append(ScanState(image.place, "left out", reason))
        else:
            scans.append(scan)
    monitor.progress("looking through", len(images), len(images))
    return ToDo(tuple(scans), tuple(_stacks(scans)), tuple(left_out))


def asked_of(settings: Settings) -> str:
    """Target and acquisition as a text; empty where both are left to the software."""
    asked = [str(each) for each in (settings.target, settings.acquisition) if each is not None]
    return "; ".join(asked)


def wish_of(settings: Settings, *, fuse: bool) -> str:
    """What is asked for, as far as it decides whether a scan fails, as a text.

    Example:
        >>> wish_of(Settings("cubic", samples=2), fuse=True)
        'cubic samples=2 fuse'
    """
    changed = [
        f"{each.name}={value}"
        for each in fields(settings)
        if each.metadata and (value := getattr(settings, each.name)) != each.default
    ]
    return " ".join(filter(None, [str(settings.model), asked_of(settings), *changed, "fuse" * fuse]))


def size_of(scan: Scan, settings: Settings) -> int:
    """Voxels of a scan's result, as far as can be told."""
    if scan.grid is None:
        return 0
    target = settings.target or default_target(scan.grid)
    return target.size if isinstance(target, Grid) else target.grid(scan.grid).size


def _grid_of(path: Path) -> Grid | None:
    try:
        return read_grid(path)
    except (
        Exception
    ):  # whatever the parsers let through on a broken file: reading all of it says what is wrong
        return None


def _needless(scan: Scan, settings: Settings) -> str:
    """Why nothing is to be done with a scan, though it was chosen; empty where something is."""
    modality = scan.metadata.get("Modality")
    if modality not in (None, "", "MR"):
        return f"it is of the modality {modality}, not MR"
    stated = (
        settings.acquisition is not None and settings.target is None
    )  # of which some restore the scan's own voxels
    if scan.grid is None or stated or isinstance(settings.target, Grid):
        return ""
    target, spacing = settings.target or Target.isotropic(), scan.grid.spacing
    size = " x ".join(f"{s:.3g}" for s in spacing)
    lengths = [s for s, n in zip(spacing, scan.grid.shape, strict=True) if n > 1]
    if target.kind == "isotropic" and max(lengths) <= ISOTROPIC_TOLERANCE * min(lengths):
        return f"its voxels are isotropic already ({size} mm); --factor or --spacing asks for finer ones"
    finer = [has > ISOTROPIC_TOLERANCE * asked for has, asked in zip(spacing, target.values, strict=True)]
    return (
        f"its voxels ({size} mm) are as fine as asked for"
        if target.kind == "spacing" and not any(finer)
        else ""
    )


def _stacks(scans: Iterable[Scan]) -> Iterable[Stacks]:
    """The scans of one session and contrast that were cut into slices in different directions."""
    sessions = defaultdict(list)
    for scan in scans:
        if scan.grid is not None and max(scan.grid.spacing) > ISOTROPIC_TOLERANCE * min(scan.grid.spacing):
            name = scan.image.name.with_entities(**dict.fromkeys(APART))
            sessions[scan.image.place.rpartition("/")[0], name.stem].append(scan)
    for found in sessions.values():
        normals = [_across(scan.grid) for scan in found if scan.grid is not None]
        if any(abs(float(normals[0] @ other)) < PARALLEL for other in normals[1:]):
            yield Stacks(tuple(found), place_of(found[0].image, _common(found)))


def _across(grid: Grid) -> NDArray[np.float64]:
    """The direction in which a scan is thickest, as a unit vector."""
    axis = int(np.argmax(grid.spacing))
    return np.asarray(grid.affine[:3, axis] / grid.spacing[axis])


def _common(scans: list[Scan]) -> BidsName:
    """The name of what is made of several scans: what theirs have in common."""
    first, *others = (scan.image.name for scan in scans)
    kept = {
        key: label
        for key, label in first.entities.items()
        if all(other.entities.get(key) == label for other in others)
    }
    label = kept.get("rec", "") + FUSED
    return BidsName(first.suffix, {**kept, "rec": label})
