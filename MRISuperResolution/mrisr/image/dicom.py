"""A DICOM series in a folder, read by SimpleITK after its slices have been checked for gaps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import FileError, InputError

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813

POSITION, ORIENTATION = "0020|0032", "0020|0037"
PATIENT = "0010|0020"

SPACING_TOLERANCE = 0.02
"""Slice distances may differ by this fraction: positions are written with few digits."""

ORIENTATION_TOLERANCE = 1e-3


def series_in(folder: Path) -> tuple[str, ...]:
    """The identifiers of the DICOM series whose files lie in `folder`."""
    import SimpleITK as sitk  # noqa: N813

    # ITK warns on the terminal about every folder without DICOM files, which is what is being asked.
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.GlobalWarningDisplayOff()
    try:
        ids: tuple[str, ...] = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
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
        raise InputError(
            f"{folder} holds {len(ids)} DICOM series; put the one you want into a folder of its own."
        )
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), ids[0])
    if len(names) > 1:
        _check_slices(*_slice_geometry(names))
        return sitk.ReadImage(names)
    return sitk.ReadImage(names[0])


def _slice_geometry(names: tuple[str, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each slice's first voxel lies, (slices, 3) in mm, and its row and column directions, (slices, 6)."""
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    positions: list[list[float]] = []
    orientations: list[list[float]] = []
    for name in names:
        reader.SetFileName(name)
        reader.ReadImageInformation()
        if not (reader.HasMetaDataKey(POSITION) and reader.HasMetaDataKey(ORIENTATION)):
            raise InputError(f"{Path(name).name} does not say where its slice lies; export the series again.")
        positions.append([float(v) for v in reader.GetMetaData(POSITION).split("\\")])
        orientations.append([float(v) for v in reader.GetMetaData(ORIENTATION).split("\\")])
    return np.asarray(positions), np.asarray(orientations)


def _check_slices(positions: NDArray[np.float64], orientations: NDArray[np.float64]) -> None:
    if np.abs(orientations - orientations[0]).max() > ORIENTATION_TOLERANCE:
        raise InputError(
            "The slices of the series lie in different directions (a localizer?); choose a series of parallel slices."
        )
    normal = np.cross(orientations[0, :3], orientations[0, 3:])
    steps = np.diff(positions, axis=0)
    along = steps @ normal
    distances = np.abs(along)
    usual = float(np.median(distances))
    if np.linalg.norm(steps - along[:, None] * normal, axis=1).max() > SPACING_TOLERANCE * max(usual, 1e-3):
        raise InputError(
            "The slices are shifted against each other (a tilted stack); resample the series to a regular grid first."
        )
    if distances.min() < 1e-3:
        raise InputError(
            "Two slices of the series lie at the same place (several echoes or frames); export one of them alone."
        )
    if np.abs(distances - usual).max() > SPACING_TOLERANCE * usual:
        where = int(np.argmax(np.abs(distances - usual))) + 1
        raise InputError(
            f"The slices are not evenly spaced: {distances[where - 1]:.3g} mm instead of {usual:.3g} mm after slice {where}; "
            "a slice may be missing, so export the series again."
        )


def patient_of(folder: Path) -> str:
    """The patient's ID as the series in `folder` says it; empty where it does not, or cannot be read."""
    import SimpleITK as sitk  # noqa: N813

    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    if not names:
        return ""
    reader = sitk.ImageFileReader()
    reader.SetFileName(names[0])
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return ""
    return str(reader.GetMetaData(PATIENT)).strip() if reader.HasMetaDataKey(PATIENT) else ""
