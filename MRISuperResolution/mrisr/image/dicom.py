"""One volume of a DICOM series. Headers are read by pydicom, pixels by SimpleITK, which knows every compression."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileError, InputError
from .announced import check_announced
from .dicom_frames import Slice, shape_of, slices_of
from .dicom_volumes import grid_of, one_volume
from .itk import COLOR
from .padding import unpadded
from .series import Choice, Series, series_of
from .volume import Volume

ANY = Choice()


def read(path: Path, choice: Choice = ANY) -> Volume:
    """A volume of a series.

    Args:
        path: a folder with one series or several, a file that stands for its series, or a multi-frame file.
        choice: of several series or volumes.

    Raises:
        FileError: there is no series, or a file cannot be read.
        InputError: there are several and none is chosen, or slices are missing, doubled, shifted or of several kinds.
    """
    series = series_of(path, choice.series)
    every = slices_of(series)
    ordered = one_volume(every, choice.frames)
    files = {one.file for one in ordered}
    _check_room(path, series, files)
    _check_space(series, files)
    scales = {
        one.file: {(each.slope, each.intercept) for each in every if each.file == one.file} for one in ordered
    }
    frames = {file: _frames(file, ordered, len(scale) > 1) for file, scale in scales.items()}
    array = np.stack([frames[one.file][one.frame].T for one in ordered], axis=-1)
    volume = Volume(array, grid_of(ordered).affine)
    if all(one.padding is None for one in ordered):
        return volume
    return unpadded(volume, np.stack([_padded(array[:, :, k], one) for k, one in enumerate(ordered)], -1))


def misread(path: Path) -> str:
    """What a reader that takes the frames of one file as they are stored makes wrong of it, as a sentence; empty if nothing.

    Raises:
        MrisrError: the file holds no single volume.
    """
    frames = slices_of(Series.of_file(path))
    ordered = one_volume(frames)
    steps = np.diff([one.frame for one in ordered])
    if not (np.all(steps == 1) or np.all(steps == -1)):
        return "The frames of the file are not stored in the order of their places, and may have been loaded in the wrong order."
    if len({(one.slope, one.intercept) for one in frames}) > 1:
        return "Each frame of the file has a scale of its own, and may have been loaded with that of another."
    return ""


def first_file(path: Path, choice: Choice = ANY) -> Path:
    """The file of the first slice of the volume that `read` reads.

    Raises:
        MrisrError: as `read`.
    """
    return one_volume(slices_of(series_of(path, choice.series)), choice.frames)[0].file


def origin_of(series: Series) -> dict[str, str]:
    """By what a series is known again: SHA-256 of its UIDs, which themselves could lead to the patient."""
    frames = "\\".join(sorted(series.frames_of_reference))
    return {"series": _hashed(series.uid), "frame_of_reference": _hashed(frames)}


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check_space(series: Series, files: set[Path]) -> None:
    """Raise unless files are in one coordinate system, as far as they say; where each has its own, a careless program has made them up."""
    frames = [
        str(header.get("FrameOfReferenceUID") or "")
        for file, header in zip(series.files, series.headers, strict=True)
        if file in files
    ]
    if 1 < len(set(frames)) < len(frames):
        raise InputError(
            f"The slices of the series are in {len(set(frames))} coordinate systems (frames of reference), as of several examinations; "
            "put those of one into a folder of their own."
        )


def _check_room(path: Path, series: Series, files: set[Path]) -> None:
    """Raise unless the pixels of files, which are read as a whole, fit into the free memory."""
    found = [
        shape_of(header) for file, header in zip(series.files, series.headers, strict=True) if file in files
    ]
    check_announced(path, [sum(math.prod(shape) for shape, _ in found)], max(size for _, size in found), None)


def _padded(values: NDArray[Any], one: Slice) -> NDArray[np.bool_]:
    """Which values of a slice are those that its header calls padding; it means stored numbers, which are whole ones."""
    if one.padding is None:
        return np.zeros(values.shape, dtype=bool)
    ends = [end * one.slope + one.intercept for end in one.padding]
    return (values > min(ends) - abs(one.slope) / 2) & (values < max(ends) + abs(one.slope) / 2)


def _frames(file: Path, slices: Sequence[Slice], differently_scaled: bool) -> NDArray[Any]:
    """The values of a file, (frames, rows, columns)."""
    import SimpleITK as sitk  # noqa: N813

    if differently_scaled:
        return _scaled_each(file, slices, EACH_SCALED)
    try:
        image = sitk.ReadImage(str(file))
    except RuntimeError:  # of headers that GDCM takes amiss, or pixels of floating point
        return _scaled_each(file, slices, DAMAGED)
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(COLOR)
    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    return array.reshape(-1, *array.shape[-2:])


EACH_SCALED = "each frame is scaled in its own way, and its compression is unknown; decompress it first, for instance by gdcmconv --raw."
DAMAGED = "it is damaged, cut short, or compressed in an unknown way; copy it again."


def _scaled_each(file: Path, slices: Sequence[Slice], why_not: str) -> NDArray[Any]:
    """As `_frames`, by pydicom, of a file whose frames have scales of their own, which SimpleITK takes for one, or that it cannot read."""
    import pydicom

    try:
        with pydicom.config.disable_value_validation():
            stored = pydicom.dcmread(file, force=True)
            array = np.array(stored.pixel_array, dtype=np.float64)
        array = array.reshape(-1, int(stored.Rows), int(stored.Columns))
    except Exception as error:  # pydicom has many kinds
        raise FileError(f"{file.name} cannot be read: {why_not}") from error
    for one in slices:
        if one.file == file:
            array[one.frame] = array[one.frame] * one.slope + one.intercept
    return array
