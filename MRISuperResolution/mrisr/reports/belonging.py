"""Whether a result belongs to a DICOM series: made from it, and lying on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from ..image.dicom import origin_of
from ..image.dicom_frames import Slice, slices_of
from ..image.dicom_volumes import grid_of, one_volume, volumes_of
from ..image.grid import Grid
from ..image.series import Series
from ..image.volume import Volume
from ..pipeline.sidecar import FRAMES, ORIGIN

TURNED = 2e-3
"""Directions may differ by so many radians: headers have few digits."""

BEYOND = 0.05
"""A result may reach beyond the scan by this fraction of the scan's voxels."""


def check_belongs(
    result: Volume, series: Series, record: Mapping[str, Any], frames: int | None = None
) -> Slice:
    """The first slice of the volume that a result was made from.

    Args:
        result: what was made.
        series: what it is to be stored beside.
        record: of the result; what it does not say is not compared.
        frames: see `Choice`; by default what the record says.

    Raises:
        InputError: the result was made from another series, or does not lie on this one.
    """
    if len(series.frames_of_reference) > 1:
        raise InputError(
            "The files of the series are in several frames of reference, so that nobody knows how they lie to each other; "
            "name those of one."
        )
    said, there = record.get(ORIGIN), origin_of(series)
    differing = [key for key, value in there.items() if isinstance(said, Mapping) and said.get(key) != value]
    if differing:
        raise InputError(
            f"The result was made from another series, as its record says (the {differing[0].replace('_', ' ')} differs); name the series "
            "that was enhanced."
        )
    slices, said_frames = slices_of(series), record.get(FRAMES)
    frames = frames or (said_frames if isinstance(said_frames, int) else None)
    if frames is None and len(series.files) == 1:
        return _any_volume(result, slices)
    ordered = one_volume(slices, frames)
    check_place(result, grid_of(ordered))
    return ordered[0]


def _any_volume(result: Volume, slices: list[Slice]) -> Slice:
    """The first slice of the first volume in one file that a result lies on: they have one header, so that any will do."""
    problem = InputError("The series holds no slices.")
    for number, _volume in enumerate(volumes_of(slices), start=1):
        ordered = one_volume(slices, number)
        try:
            check_place(result, grid_of(ordered))
        except InputError as error:
            problem = error
        else:
            return ordered[0]
    raise problem


def check_place(result: Volume, scan: Grid) -> None:
    """Raise `InputError` unless a result lies within the field of view of a scan, its axes parallel to the scan's."""
    directions = (scan.affine[:3, :3] / scan.spacing).T @ (result.affine[:3, :3] / result.spacing)
    axes = np.abs(directions).argmax(axis=1)
    beside = np.abs(directions)
    beside[range(3), axes] = 0.0
    if len(set(axes.tolist())) < 3 or beside.max() > TURNED:
        raise InputError("The result is turned against the series; name the series that was enhanced.")
    spacing = np.array(scan.spacing)
    fine = np.array(result.spacing)[axes] / spacing
    shape = np.array(scan.shape)
    # The result covers the scan in whole voxels: the last one may reach beyond it.
    beyond = np.ceil(shape / fine - 1e-6) * fine - shape + BEYOND
    corners = (result.corners - scan.affine[:3, 3]) @ np.linalg.inv(scan.affine[:3, :3]).T
    over = np.maximum(-0.5 - corners.min(axis=0), corners.max(axis=0) - (shape - 0.5))
    if (over > beyond).any():
        beyond_mm = float((over * spacing).max())
        raise InputError(
            f"The result does not lie on the series: it reaches {beyond_mm:.3g} mm beyond it; name the series that was enhanced."
        )
