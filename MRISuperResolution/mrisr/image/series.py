"""Which files are a DICOM series: of a folder, which may hold several, or of the path of one of its files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FileError, InputError

if TYPE_CHECKING:
    from pydicom import Dataset

SUFFIXES = (".dcm", ".ima", ".dicom")
"""Names that promise a DICOM file."""

MAGIC, AT = b"DICM", 128
BEGINNINGS = (b"\x08\x00", b"\x02\x00")
"""What old DICOM files without a preamble begin with: the groups 0008 and 0002."""

STANDARD = "1.2.840.10008."
"""What the identifiers of the standard's own kinds of files begin with; those of vendors are not for us."""

Identity = tuple[str, str, str]
"""UID, and the patient's ID and name."""

TAGS: tuple[Any, ...] = (
    "SOPClassUID",
    "ImageType",
    "Modality",
    "PatientName",
    "PatientID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SeriesNumber",
    "SeriesDescription",
    "InstanceNumber",
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "TriggerTime",
    "EchoTime",
    "EchoNumbers",
    "InversionTime",
    "FlipAngle",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "SamplesPerPixel",
    "BitsAllocated",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "RescaleSlope",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    0x00190010,  # Siemens' private block, and in it the slices of a mosaic and the b-value
    0x0019100A,
    0x0019100C,
)
"""What is read of each file: what it is, whose, where, and what tells it from others at the same place."""


@dataclass(frozen=True)
class Choice:
    """Which part of a DICOM folder or file is meant.

    Args:
        series: the number or the UID of a series, for folders with several; empty for the only one.
        frames: which of the volumes that a series or a multi-frame file holds, counted from 1 as they are listed; None for the only one.
    """

    series: str = ""
    frames: int | None = None


@dataclass(frozen=True, eq=False)
class Series:
    """The files of one series, by name, and what `TAGS` names of each header."""

    files: tuple[Path, ...]
    headers: tuple[Dataset, ...]

    @classmethod
    def of_file(cls, path: Path) -> Series:
        """One file by itself, which may hold all slices.

        Raises:
            FileError: it is no DICOM image, or broken.
        """
        header = _image(path)
        if header is None:
            raise FileError(f"{path.name} is no DICOM image; choose a file of the series, or its folder.")
        return cls((path,), (header,))

    def value(self, keyword: str) -> str:
        """An attribute of the first file as a text; empty where it has none."""
        return str(self.headers[0].get(keyword) or "")

    @property
    def uid(self) -> str:
        """Its identifier."""
        return self.value("SeriesInstanceUID")

    @property
    def frames_of_reference(self) -> set[str]:
        """The coordinate systems that its files say they are in."""
        return {str(header.get("FrameOfReferenceUID") or "") for header in self.headers}


def is_dicom_file(path: Path) -> bool:
    """Whether a file looks like DICOM inside, whatever its name."""
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            start = file.read(AT + len(MAGIC))
    except OSError:
        return False
    return start[AT:] == MAGIC or start[:2] in BEGINNINGS


def is_series(path: Path) -> bool:
    """Whether a path can stand for a DICOM series: it is a folder, or a DICOM file."""
    return path.is_dir() or is_dicom_file(path)


def holds_dicom(folder: Path) -> bool:
    """Whether a folder itself, not its sub-folders, holds a DICOM image, if only a broken one."""
    try:
        return any(_image(path) for path in _files_in(folder))
    except FileError:
        return True


def series_of(path: Path, series: str = "") -> Series:
    """The one series in a folder, the series of which `path` is a file, or a multi-frame file by itself.

    Args:
        path: a folder or a file.
        series: see `Choice`.

    Raises:
        FileError: there is no DICOM series, or a file cannot be read.
        InputError: there are several, or none that is called so.
    """
    if path.is_dir():
        return _only(path, list(series_in(path).values()), series)
    alone = Series.of_file(path)
    beside = {} if int(alone.value("NumberOfFrames") or 1) > 1 else series_in(path.parent)
    return _only(path, [beside.get(_identity(alone.headers[0]), alone)], series)


def series_of_files(files: Sequence[Path]) -> Series:
    """The series that these files are, wherever they lie.

    Raises:
        FileError: one of them cannot be read.
        InputError: they are of several series.
    """
    found = list(_sorted_by_series(files).values())
    if len(found) != 1:
        raise InputError(f"The files are of {len(found)} DICOM series; name those of one.")
    return found[0]


def series_in(folder: Path) -> dict[Identity, Series]:
    """The series whose files lie in a folder, by their UIDs and patients.

    Raises:
        FileError: a file that should be an image of a series cannot be read; leaving it out could lose a slice.
    """
    files = _files_in(folder.absolute())
    return _series_of(tuple((path, path.lstat().st_size, path.lstat().st_mtime_ns) for path in files))


@lru_cache(maxsize=1)  # a run asks for voxels, for headers and for who it is
def _series_of(files: tuple[tuple[Path, int, int], ...]) -> dict[Identity, Series]:
    """The series of files, of which size and time say whether they are still the same."""
    found = _sorted_by_series(path for path, _, _ in files)
    for path, size, _ in files if found else ():
        suspect = path.suffix.lower() in SUFFIXES or not size or not os.access(path, os.R_OK)
        if suspect and not is_dicom_file(path):
            raise unreadable(path)
    return found


def _sorted_by_series(files: Iterable[Path]) -> dict[Identity, Series]:
    found: dict[Identity, list[tuple[Path, Dataset]]] = {}
    for path in files:
        if (header := _image(path)) is not None:
            found.setdefault(_identity(header), []).append((path, header))
    return {
        identity: Series(tuple(path for path, _ in members), tuple(header for _, header in members))
        for identity, members in found.items()
    }


def _identity(header: Dataset) -> Identity:
    """What the files of one series have in common; identifiers made up by careless programs have been those of two patients."""
    return str(header.get("SeriesInstanceUID")), str(header.get("PatientID")), str(header.get("PatientName"))


def _files_in(folder: Path) -> list[Path]:
    """By name, with links that lead nowhere."""
    files = (path for path in folder.iterdir() if path.is_file() or (path.is_symlink() and not path.exists()))
    return sorted(path for path in files if not path.name.startswith("."))


def _image(path: Path) -> Dataset | None:
    """What `TAGS` names of an image; None for other files, and for DICOM without pixels, such as structured reports.

    Raises:
        FileError: it is DICOM, but broken.
    """
    if not is_dicom_file(path):
        return None
    import pydicom

    try:
        with pydicom.config.disable_value_validation():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS), force=True)
            int(header.get("NumberOfFrames") or 1)  # values are looked into when they are asked for
        kind = header.file_meta.get("MediaStorageSOPClassUID") or header.get("SOPClassUID")
    except Exception as error:  # pydicom has many kinds
        raise unreadable(path) from error
    if "Rows" in header and "SeriesInstanceUID" in header:
        return header
    if kind is None or (kind.startswith(STANDARD) and (kind.name == kind or "Image Storage" in kind.name)):
        raise unreadable(path)  # it ends before its pixels are described
    return None


def unreadable(path: Path) -> FileError:
    """What is said of a file that should be a slice and cannot be read."""
    return FileError(
        f"{path.name} cannot be read (cut short, or no DICOM inside), so that a slice may be missing; copy the series again, "
        "or move that file away if it is none of its slices."
    )


def _only(path: Path, found: list[Series], wanted: str) -> Series:
    """The one that is wanted, or the only one."""
    if not found:
        empty = path.is_dir() and not any(path.iterdir())
        raise FileError(
            f"{path} holds no DICOM series{': it is empty. C' if empty else '; c'}hoose the folder whose files are the slices: "
            "sub-folders are not searched."
        )
    fitting = [
        series for series in found if not wanted or wanted in (series.uid, series.value("SeriesNumber"))
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise InputError(f"{path} holds no DICOM series {wanted}; it holds {_listed(found)}.")
    people = {(series.value("PatientID"), series.value("PatientName")) for series in fitting}
    whose = f" of {len(people)} patients" if len(people) > 1 else ""
    raise InputError(
        f"{path} holds {len(fitting)} DICOM series{whose}: {_listed(fitting)}. Choose one by --series, by the path of one of its files, "
        "or put it into a folder of its own."
    )


def _listed(found: Sequence[Series]) -> str:
    """Series as `--series` takes them: by number where no other has it, else by UID."""
    numbers = [series.value("SeriesNumber") for series in found]
    names = [
        number if number and numbers.count(number) == 1 else series.uid
        for number, series in zip(numbers, found, strict=True)
    ]
    return ", ".join(
        f"{name} ({series.value('SeriesDescription') or 'no description'}, {len(series.files)} files)"
        for name, series in zip(names, found, strict=True)
    )
