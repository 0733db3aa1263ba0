"""Scans on disk: NIfTI, MGZ, NRRD, MetaImage and DICOM series in; NIfTI, MGZ, NRRD and MetaImage out.

NIfTI is read as in `nifti`; nibabel reads and writes MGZ, whose affine is RAS; SimpleITK the others, whose geometry is LPS.
A file is written under a temporary name and then moved, so that one with the final name is always complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import FileError, MrisrError
from . import nifti
from .announced import check_announced
from .itk import from_itk, three_axes, to_itk
from .nifti import nibabel
from .padding import prepared
from .source import Source
from .text_headers import check_text_header
from .volume import Volume, check_volume

MGH_SUFFIXES = (".mgz", ".mgh")
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


def read_volume(path: str | Path) -> Volume:
    """Read a scan: a file of one of the `READABLE` kinds, or a folder with one DICOM series.

    A 2-D image becomes a volume of one slice; trailing axes of length 1 are dropped. Any other 4-D series is refused.

    Raises:
        FileError: there is no such file, or it cannot be read.
        InputError: it was read but cannot be enhanced (see `volume.check_volume`).
    """
    path = Path(path)
    try:
        if not path.exists():
            raise FileError(f"There is no file or folder {path}; check the name.")
        volume = prepared(_read(path))
    except MrisrError:
        raise
    except MemoryError as error:
        raise FileError(
            f"{path.name} does not fit into memory; crop it, or use a machine with more."
        ) from error
    except Exception as error:  # the readers' parsers let any exception through on broken files
        raise FileError(
            f"{path.name} cannot be read ({_first_line(error)}); it may be damaged or of another kind."
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
    with written(volume, path, dtype):
        pass


@contextmanager
def written(volume: Volume, path: str | Path, dtype: DTypeLike = np.float32) -> Iterator[None]:
    """Write a volume as `write_volume` does, but give it its final name only once the block has succeeded."""
    path = Path(path)
    suffix = check_writable(path)
    array = as_dtype(volume.array, dtype)
    with replacing(path) as partial:
        try:
            if suffix in nifti.SUFFIXES:
                nifti.write_nifti(volume, array, partial)
            elif suffix in MGH_SUFFIXES:
                _write_mgh(array, volume.affine, partial)
            else:
                _write_itk(array, volume.affine, partial)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise _unwritable(path, error) from error
        yield


def check_writable(path: Path) -> str:
    """The suffix of `path`, or `FileError` if no writer has it."""
    suffix = suffix_of(path)
    if suffix not in WRITABLE:
        raise FileError(
            f"{path.name} is of no kind that can be written; end its name in one of {', '.join(WRITABLE)}."
        )
    return suffix


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that becomes `path` if the block succeeds and vanishes if it does not.

    Raises:
        FileError: the folder or the file cannot be written.
    """
    partial = path.with_name(f".{stem_of(path)}.{os.getpid()}.partial{suffix_of(path)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _unwritable(path: Path, error: Exception) -> FileError:
    return FileError(f"{path} cannot be written ({_first_line(error)}); check the folder and the free space.")


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
    scans += [p for p in folder.iterdir() if p.is_dir() and is_dicom(p)]
    return sorted(scans)


def scan_files(paths: Iterable[Path]) -> list[Path]:
    """The files of readable kinds among some; of a pair of header and voxels the header."""
    found = [p for p in paths if p.is_file() and suffix_of(p) in READABLE and not p.name.startswith(".")]
    headers = {p.with_name(stem_of(p)) for p in found if suffix_of(p) in (".hdr", ".hdr.gz")}
    return [
        p for p in found if suffix_of(p) not in (".img", ".img.gz") or p.with_name(stem_of(p)) not in headers
    ]


def is_dicom(folder: Path) -> bool:
    """Whether the folder itself (not its sub-folders) holds a DICOM series."""
    from . import dicom

    return bool(dicom.series_in(folder))


def _read(path: Path) -> Volume:
    if path.is_dir():
        from . import dicom

        return from_itk(dicom.read_series(path))
    suffix = suffix_of(path)
    if suffix in nifti.SUFFIXES:
        return nifti.read_nifti(path)
    if suffix in MGH_SUFFIXES:
        return _read_mgh(path)
    if suffix in ITK_SUFFIXES:
        import SimpleITK as sitk  # noqa: N813

        check_text_header(path)
        return from_itk(sitk.ReadImage(str(path)))
    raise FileError(
        f"{path.name} is of no kind that can be read; use one of {', '.join(READABLE)} or a DICOM folder."
    )


def _read_mgh(path: Path) -> Volume:
    source = Source(path)
    with source.opened() as file:
        image: Any = nibabel("Reading NIfTI and MGZ").MGHImage.from_stream(file)
        itemsize, held = image.get_data_dtype().itemsize, path.stat().st_size
        check_announced(path, image.shape, itemsize, held, compressed=source.compressed)
        array = np.asanyarray(image.dataobj)
    native = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    return Volume(three_axes(native), np.asarray(image.affine, dtype=np.float64), notes=source.note)


def _write_mgh(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    """MGH knows four types of voxels; of others the values stay, as far as single precision holds them."""
    dtype = {"|i1": "i2", "|u1": "u1", "<i2": "i2", "<u2": "i4", "<i4": "i4"}.get(array.dtype.str, "f4")
    nibabel("Writing MGZ").MGHImage(array.astype(dtype), affine).to_filename(path)


def _write_itk(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    import SimpleITK as sitk  # noqa: N813

    sitk.WriteImage(
        to_itk(array, affine), str(path), useCompression=path.suffix == ".nrrd", compressionLevel=1
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
