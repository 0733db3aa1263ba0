"""A DICOM series in a folder, read by SimpleITK after its slices have been checked for gaps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import FileError, InputError

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813

POSITION, ORIENTATION = "0020|0032", "0020|0037"

SPACING_TOLERANCE = 0.02
"""Slice distances may differ by this fraction: positions are written with few digits."""


def series_in(folder: Path) -> tuple[str, ...]:
    """The identifiers of the DICOM series whose files lie in `folder`."""
    import SimpleITK as sitk  # noqa: N813

    ids: tuple[str, ...] = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    return ids


def read_series(folder: Path) -> sitk.Image:
    """The one series in `folder`.

    Raises:
        FileError: the folder holds no DICOM series.
        InputError: it holds several, or a slice is missing or doubled.
    """
    import SimpleITK as sitk  # noqa: N813

    ids = series_in(folder)
    if not ids:
        raise FileError(f"{folder} holds no DICOM series; choose the folder whose files are the slices.")
    if len(ids) > 1:
        raise InputError(f"{folder} holds {len(ids)} DICOM series; put the one you want into a folder of its own.")
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), ids[0])
    if len(names) > 1:
        _check_slices(_slice_positions(names))
        return sitk.ReadImage(names)
    return sitk.ReadImage(names[0])


def _slice_positions(names: tuple[str, ...]) -> NDArray[np.float64]:
    """Where each slice lies along the normal of the first, in mm; (slices,)."""
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    positions: list[list[float]] = []
    orientation: list[float] = []
    for name in names:
        reader.SetFileName(name)
        reader.ReadImageInformation()
        if not (reader.HasMetaDataKey(POSITION) and reader.HasMetaDataKey(ORIENTATION)):
            raise InputError(f"{Path(name).name} does not say where its slice lies; export the series again.")
        positions.append([float(v) for v in reader.GetMetaData(POSITION).split("\\")])
        orientation = orientation or [float(v) for v in reader.GetMetaData(ORIENTATION).split("\\")]
    normal = np.cross(orientation[:3], orientation[3:])
    return np.asarray(np.asarray(positions) @ normal)


def _check_slices(positions: NDArray[np.float64]) -> None:
    distances = np.abs(np.diff(positions))
    usual = float(np.median(distances))
    if distances.min() < 1e-3:
        raise InputError("Two slices of the series lie at the same place (several echoes or frames); export one of them alone.")
    if np.abs(distances - usual).max() > SPACING_TOLERANCE * usual:
        where = int(np.argmax(np.abs(distances - usual))) + 1
        raise InputError(
            f"The slices are not evenly spaced: {distances[where - 1]:.3g} mm instead of {usual:.3g} mm after slice {where}; "
            "a slice may be missing, so export the series again."
        )
