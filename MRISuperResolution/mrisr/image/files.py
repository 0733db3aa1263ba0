"""Scans on disk: NIfTI, MGZ, NRRD, MetaImage and DICOM series in; NIfTI, MGZ, NRRD and MetaImage out.

NIfTI is read as in `nifti`; nibabel reads and writes MGZ, whose affine is RAS; SimpleITK the others, whose geometry is LPS.
A file is written under a temporary name and then moved (`replacement`), so that one with the final name is always complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import FileError, MrisrError, OutOfMemory
from . import nifti
from .announced import DEFLATED, check_announced
from .itk import from_itk, three_axes, to_itk
from .nifti import nibabel
from .padding import prepared
from .replacement import Replacement, first_line, is_memory, unwritable
from .series import Choice, holds_dicom, is_series
from .source import Source
from .text_headers import check_text_header
from .volume import Volume, check_volume

MGH_SUFFIXES = (".mgz", ".mgh")
MGH_TYPES = ("u1", "i2", "i4", "f4")
"""What MGH files hold; other types become single precision."""

LOST = 1e-3
"""Rounding may change values by this part of their range."""

ITK_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
READABLE = nifti.SUFFIXES + MGH_SUFFIXES + ITK_SUFFIXES
WRITABLE = (".nii.gz", ".nii", ".nrrd", ".mha", ".mgz", ".mgh")


def suffix_of(path: Path) -> str:
    """The file's suffix in lower case, `.nii.gz` counting as one."""
    last = path.suffix.lower()
    both = Path(path.stem).suffix.lower() + last
    return both if both in nifti.SUFFIXES else last


def stem_of(path: Path) -> str:
    """The file's name without the suffix that `suffix_of` gives."""
    return path.name[: len(path.name) - len(suffix_of(path))]


def read_volume(path: str | Path, choice: Choice | None = None) -> Volume:
    """Read a scan: a file of one of the `READABLE` kinds, or a DICOM series by its folder or one of its files.

    A 2-D image becomes a volume of one slice; trailing axes of length 1 are dropped. Any other 4-D series is refused.

    Args:
        path: of the file or folder.
        choice: what is meant where DICOM files hold several series or volumes.

    Raises:
        FileError: there is no such file, or it cannot be read.
        InputError: it was read but cannot be enhanced (see `volume.check_volume`).
    """
    path = Path(path)
    try:
        if not path.exists():
            raise FileError(f"There is no file or folder {path}; check the name.")
        if not path.is_file() and not path.is_dir():
            raise FileError(f"{path} is a device or a pipe, which is not read; choose a file or a folder.")
        volume = prepared(_read(path, choice or Choice()))
    except MrisrError:
        raise
    except Exception as error:  # the readers' parsers let any exception through on broken files
        if is_memory(error):
            raise OutOfMemory(
                f"{path.name} does not fit into memory; crop it, or use a machine with more."
            ) from error
        raise FileError(
            f"{path.name} cannot be read ({first_line(error)}); it may be damaged or of another kind."
        ) from error
    check_volume(volume)
    return volume


def write_volume(volume: Volume, path: str | Path, dtype: DTypeLike = np.float32) -> None:
    """Write a volume; the suffix of `path` (one of `WRITABLE`) says how.

    Args:
        volume: what to write.
        path: where; its folder is made if need be, and an existing file is replaced in one step.
        dtype: voxel type on disk; integers are rounded and clipped to the type's range.

    Raises:
        FileError: the suffix is none of `WRITABLE`, or the file cannot be written.
    """
    with Replacement() as files:
        write_beside(volume, Path(path), files, dtype)


def write_beside(volume: Volume, path: Path, files: Replacement, dtype: DTypeLike = np.float32) -> Path:
    """Write a volume as `write_volume` does, under a temporary name that `files` makes the final one; the temporary name."""
    suffix = check_writable(path)
    array = as_dtype(volume.array, dtype)
    if suffix in MGH_SUFFIXES and _mgh_type(array).kind == "f":
        check_precision(path, array)
    partial = files.beside(path)
    try:
        if suffix in nifti.SUFFIXES:
            nifti.write_nifti(volume, array, partial)
        elif suffix in MGH_SUFFIXES:
            _write_mgh(array, volume.affine, partial)
        else:
            _write_itk(array, volume.affine, partial)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise unwritable(path, error) from error
    return partial


def check_precision(path: Path, array: NDArray[Any]) -> None:
    """Raise `FileError` if the kind of file that `path` names would round away what tells voxels apart.

    Args:
        path: of the file to be.
        array: (i, j, k), values like those that it is to hold.
    """
    if suffix_of(path) not in MGH_SUFFIXES or not array.size or array.dtype.itemsize < 4:
        return
    lost = np.abs(array.astype(np.float32).astype(np.float64) - array).max()
    if lost > LOST * float(array.max() - float(array.min())):
        raise FileError(
            f"{path.name} can hold single precision only, which would round values near {float(array.max()):.3g} by {lost:.2g}; name the "
            "output .nii.gz or .nrrd."
        )


def check_writable(path: Path) -> str:
    """The suffix of `path`, or `FileError` if no writer has it."""
    suffix = suffix_of(path)
    if suffix not in WRITABLE:
        raise FileError(
            f"{path.name} is of no kind that can be written; end its name in one of {', '.join(WRITABLE)}."
        )
    return suffix


def as_dtype(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """`array` as `dtype`; integers are rounded and clipped to the type's range."""
    wanted = np.dtype(dtype)
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        # The largest 64-bit integer is no double: the next lower double is.
        top = float(limits.max) if float(limits.max) <= limits.max else np.nextafter(float(limits.max), 0)
        return np.asarray(np.clip(np.rint(array.astype(np.float64)), limits.min, top), dtype=wanted)
    return np.asarray(array, dtype=wanted)


def find_scans(folder: Path) -> list[Path]:
    """The scans in a folder: files of readable kinds and sub-folders that hold a DICOM series, by name."""
    scans = scan_files(folder.iterdir())
    scans += [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and holds_dicom(p)]
    return sorted(scans)


def scan_files(paths: Iterable[Path]) -> list[Path]:
    """The files of readable kinds among some; of a pair of header and voxels the header."""
    found = [p for p in paths if p.is_file() and suffix_of(p) in READABLE and not p.name.startswith(".")]
    headers = {p.with_name(stem_of(p)) for p in found if suffix_of(p) in (".hdr", ".hdr.gz")}
    return [
        p for p in found if suffix_of(p) not in (".img", ".img.gz") or p.with_name(stem_of(p)) not in headers
    ]


def told_apart(paths: Sequence[Path]) -> list[Path]:
    """Names of files to be, numbered where they differ from an earlier one by upper and lower case only: many disks take both for one.

    Example:
        >>> [path.name for path in told_apart([Path("T1.nii"), Path("t1.nii"), Path("t2.nii")])]
        ['T1.nii', 't1_2.nii', 't2.nii']
    """
    taken = {str(path).casefold(): path for path in reversed(paths)}
    apart = []
    for path in paths:
        name, number = path, 2
        while taken.setdefault(str(name).casefold(), path) != path:
            name = path.with_name(f"{stem_of(path)}_{number}{suffix_of(path)}")
            number += 1
        apart.append(name)
    return apart


def nothing_in(folder: Path) -> str:
    """Why `find_scans` finds nothing in a folder, and what to do."""
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if not inside:
        return f"{folder} holds no scans: it is empty. Choose a folder with scans, or with the slices of a DICOM series."
    folders = sorted(path.name for path in inside if path.is_dir())
    if folders:
        shown = folders[0] + ", …" * (len(folders) > 1)
        return f"{folder} holds no scans, and its sub-folders ({shown}) are searched for DICOM series only: name one of them."
    return f"{folder} holds no scans, only other files; choose a folder with scans, or with the slices of a DICOM series."


def _read(path: Path, choice: Choice) -> Volume:
    suffix = suffix_of(path)
    if is_series(path):
        from . import dicom

        return dicom.read(path, choice)
    if suffix in nifti.SUFFIXES:
        return nifti.read_nifti(path)
    if suffix in MGH_SUFFIXES:
        return _read_mgh(path)
    if suffix in ITK_SUFFIXES:
        import SimpleITK as sitk  # noqa: N813

        notes = check_text_header(path)
        return replace(from_itk(sitk.ReadImage(str(path))), notes=tuple(notes))
    raise FileError(
        f"{path.name} is of no kind that can be read; use one of {', '.join(READABLE)} or a DICOM folder."
    )


def _read_mgh(path: Path) -> Volume:
    source = Source(path)
    with source.opened() as file:
        image: Any = nibabel("Reading NIfTI and MGZ").MGHImage.from_stream(file)
        itemsize, held = image.get_data_dtype().itemsize, path.stat().st_size
        check_announced(path, image.shape, itemsize, held, packed=DEFLATED if source.compressed else 1)
        array = np.asanyarray(image.dataobj)
        flaw = source.flaw(file)
    native = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    return Volume(three_axes(native), np.asarray(image.affine, dtype=np.float64), notes=(*source.note, *flaw))


def _write_mgh(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    nibabel("Writing MGZ").MGHImage(array.astype(_mgh_type(array)), affine).to_filename(path)


def _mgh_type(array: NDArray[Any]) -> np.dtype[Any]:
    """The narrowest of the format's types that holds all that this type can hold, or else all values."""
    for kind in MGH_TYPES:
        if np.can_cast(array.dtype, kind):
            return np.dtype(kind)
    limits = np.iinfo(np.int32)
    whole = array.dtype.kind in "iu" and limits.min <= array.min() and array.max() <= limits.max
    return np.dtype(np.int32 if whole else np.float32)


def _write_itk(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    import SimpleITK as sitk  # noqa: N813

    sitk.WriteImage(
        to_itk(array, affine), str(path), useCompression=path.suffix == ".nrrd", compressionLevel=1
    )
