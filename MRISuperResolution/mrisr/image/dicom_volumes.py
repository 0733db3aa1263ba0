"""Which slices of a DICOM series are one volume.

Slices are told apart by their place. Where several lie at one place, echoes, stacks, points in time or b-values tell them apart, and the
user has to say which volume is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .dicom_frames import FILE, LABELS, Slice, number_in
from .grid import Grid
from .itk import LPS_TO_RAS

SPACING_TOLERANCE = 0.02
"""Slice distances may differ by this fraction."""

ROUNDING = 0.02
"""And by so many mm: positions are written with two digits."""

ORIENTATION_TOLERANCE = 1e-3

SAME_PLACE = 0.01
"""Slices that are nearer to each other, in mm, lie at one place."""

SHIFT = 0.5
"""The last slice may be shifted against the first by this fraction of a pixel."""

SHOWN = 6
"""So many volumes are listed."""

STACK = LABELS[0].name

SEPARATE = ("echo time", "b-value")
"""Slices that differ much in these, in fewer values than slices, are several volumes even if no two lie at one place."""


def one_volume(slices: Sequence[Slice], frames: int | None = None) -> list[Slice]:
    """The slices of one volume, in the order of their places.

    Args:
        slices: of a series.
        frames: which of its volumes; None for the only one.

    Raises:
        InputError: there are several and none was chosen, or there is no such one; or a slice is missing or doubled, or slices are not
            parallel or not of one size.
    """
    volumes = volumes_of(slices)
    if frames is not None and not 1 <= frames <= len(volumes):
        raise InputError(f"There is no volume {frames}; the series holds {_listed(volumes)}.")
    if frames is None and len(volumes) > 1:
        differing = " and ".join(_names(volumes)[:2])
        raise InputError(
            f"The series holds {len(volumes)} volumes, which differ in {differing}: {_listed(volumes)}. "
            "Choose one by its number, as in --frames 1, or export one of them alone."
        )
    chosen = volumes[(frames or 1) - 1]
    ordered = sorted(chosen, key=lambda one: float(one.position @ chosen[0].normal))
    if problem := _problem(ordered):
        raise InputError(problem)
    return ordered


def grid_of(ordered: Sequence[Slice]) -> Grid:
    """Where the voxels (column, row, slice) of a volume's slices in order are, in RAS."""
    first, last = ordered[0], ordered[-1]
    apart = first.apart
    if len(ordered) > 1:
        apart = float((last.position - first.position) @ first.normal) / (len(ordered) - 1)
    affine = np.eye(4)
    rows, columns = first.pixel
    directions = first.orientation[:3], first.orientation[3:], first.normal
    for axis, (direction, length) in enumerate(zip(directions, (columns, rows, apart), strict=True)):
        affine[:3, axis] = direction / np.linalg.norm(direction) * length
    affine[:3, 3] = first.position
    return Grid((*first.matrix, len(ordered)), LPS_TO_RAS @ affine)


def volumes_of(slices: Sequence[Slice]) -> list[list[Slice]]:
    """The slices sorted into volumes by as few labels as tell apart what lies at one place, or in another stack."""
    volumes = [list(slices)]
    for name in (*(label.name for label in LABELS), FILE):
        volumes = [part for volume in volumes for part in _parted(volume, name)]
    return volumes


def _parted(volume: list[Slice], name: str) -> list[list[Slice]]:
    """A volume in parts by a label, or as it is if the label is not what tells several volumes apart."""
    parts: dict[str, list[Slice]] = {}
    for one in volume:
        parts.setdefault(one.labels.get(name, ""), []).append(one)
    found = list(parts.values())
    return found if len(found) > 1 and _several(volume, found, name) else [volume]


def _several(volume: list[Slice], parts: list[list[Slice]], name: str) -> bool:
    """Whether parts of what was taken for one volume are volumes of their own."""
    if name == STACK:
        return len(parts) < len(volume) and bool(_problem(volume))
    counts = _at_each_place(volume)
    if max(counts) == 1:
        values = {_roughly(part[0].labels.get(name, "")) for part in parts}
        return name in SEPARATE and len(values) > 1 and len(parts) < len(volume)
    # What differs from slice to slice by chance, such as the delay after a heart beat, parts a volume into crumbs.
    found = [_at_each_place(part) for part in parts]
    return max(map(max, found)) < max(counts) and 2 * min(map(len, found)) >= len(counts)


def _at_each_place(volume: Sequence[Slice]) -> list[int]:
    """How many slices lie at each place."""
    along = np.sort([float(one.position @ volume[0].normal) for one in volume])
    starts = np.flatnonzero(np.diff(along, prepend=-np.inf) > SAME_PLACE)
    return [int(n) for n in np.diff([*starts, len(along)])]


def _roughly(value: str) -> str:
    number = number_in(value)
    return value if number is None else f"{number:.2g}"


def _problem(volume: Sequence[Slice]) -> str:
    """Why slices are not one volume on a regular grid, as a sentence; empty if they are."""
    first = volume[0]
    if any(
        one.matrix != first.matrix or not np.allclose(one.pixel, first.pixel, rtol=1e-3) for one in volume
    ):
        return "The slices of the series differ in matrix or pixel size; choose a series of equal slices."
    turned = [np.abs(one.orientation - first.orientation).max() for one in volume]
    if max(turned) > ORIENTATION_TOLERANCE:
        return "The slices of the series lie in different directions (a localizer?); choose a series of parallel slices."
    ordered = sorted(volume, key=lambda one: float(one.position @ first.normal))
    return _uneven(np.array([one.position for one in ordered]), first) or _incomplete(ordered)


def _uneven(positions: NDArray[np.float64], first: Slice) -> str:
    """Of (slices, 3) positions in order."""
    if len(positions) < 2:
        return ""
    distances = np.diff(positions @ first.normal)
    usual = float(np.median(distances))
    if distances.min() < SAME_PLACE:
        return (
            "Two slices of the series lie at the same place (doubled, or several echoes or frames that headers do not tell apart); "
            "export one of them alone."
        )
    tolerance = max(SPACING_TOLERANCE * usual, ROUNDING)
    beside = positions - np.outer(positions @ first.normal, first.normal)
    steps = np.linalg.norm(np.diff(beside, axis=0), axis=1)
    if steps.max() > tolerance or np.linalg.norm(beside[-1] - beside[0]) > SHIFT * min(first.pixel):
        return "The slices are shifted against each other (a tilted stack); resample the series to a regular grid first."
    where = int(np.argmax(np.abs(distances - usual)))
    if abs(distances[where] - usual) <= tolerance:
        return ""
    return (
        f"The slices are not evenly spaced: {distances[where]:.3g} mm instead of {usual:.3g} mm after slice {where + 1}; "
        "a slice may be missing, so export the series again."
    )


def _incomplete(volume: Sequence[Slice]) -> str:
    """Frames are numbered within their stack: a number that nobody has is that of a frame that is missing, at an end, too."""
    numbers = {one.place for one in volume if one.place is not None}
    if len(numbers) < len(volume) or max(numbers) <= len(numbers):
        return ""
    missing = next(number for number in count(1) if number not in numbers)
    return f"Frame {missing} of the stack is missing; export the series again."


def _names(volumes: Sequence[Sequence[Slice]]) -> list[str]:
    """The labels in which volumes differ, each the same within every one of them."""
    names = [*(label.name for label in LABELS), FILE]
    values = {name: [{one.labels.get(name, "") for one in volume} for volume in volumes] for name in names}
    return [
        name
        for name in names
        if all(len(each) == 1 for each in values[name]) and len(set.union(*values[name])) > 1
    ]


def _listed(volumes: Sequence[Sequence[Slice]]) -> str:
    """Volumes with their numbers."""
    names, units = _names(volumes)[:2], {label.name: label.unit for label in LABELS}
    lines = []
    for number, volume in enumerate(volumes[:SHOWN], start=1):
        labels = [
            f"{name} {volume[0].labels.get(name, 'none')} {units.get(name, '')}".strip() for name in names
        ]
        lines.append(f"{number} ({', '.join([*labels, f'{len(volume)} slices'])})")
    more = len(volumes) - SHOWN
    return ", ".join(lines) + (f" and {more} more" if more > 0 else "")
