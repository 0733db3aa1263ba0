"""Scans on disk: NIfTI, MGZ, NRRD, MetaImage and DICOM series in; NIfTI, MGZ, NRRD and MetaImage out.

nibabel reads NIfTI and MGZ, whose affines are RAS already; SimpleITK reads and writes the others, whose geometry is LPS.
A file is written under a temporary name and then moved (`replacement`), so that one with the final name is always complete.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import FileError, InputError, MrisrError, OutOfMemory
from ..packages import needed_for
from .itk import from_itk, three_axes, to_itk
from .replacement import Replacement, first_line, is_memory, unwritable
from .series import Choice, holds_dicom, is_series
from .volume import Volume, check_volume

MGH_SUFFIXES = (".mgz", ".mgh")
NIBABEL_SUFFIXES = (".nii.gz", ".nii", *MGH_SUFFIXES)
ITK_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
READABLE = NIBABEL_SUFFIXES + ITK_SUFFIXES
WRITABLE = (".nii.gz", ".nii", ".mgz", ".mgh", ".nrrd", ".mha")

MGH_TYPES = ("u1", "i2", "i4", "f4")
"""What MGH files hold; other types become single precision."""

MAX_VOXELS = 2**31
"""A header that announces more voxels is broken, or its scan fits no machine this package is for."""

NIFTI_INTENT_LABEL = 1002


def suffix_of(path: Path) -> str:
    """The file's suffix in lower case, `.nii.gz` counting as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


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
        volume = _read(path, choice or Choice())
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
    partial = files.beside(path)
    try:
        if suffix in MGH_SUFFIXES:
            _write_mgh(array, volume.affine, partial)
        elif suffix in NIBABEL_SUFFIXES:
            _write_nifti(array, volume.affine, partial)
        else:
            _write_itk(array, volume.affine, partial)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise unwritable(path, error) from error
    return partial


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
    scans = [
        p for p in folder.iterdir() if p.is_file() and suffix_of(p) in READABLE and not p.name.startswith(".")
    ]
    scans += [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and holds_dicom(p)]
    return sorted(scans)


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
    if suffix in NIBABEL_SUFFIXES:
        return _read_nibabel(path)
    if suffix in ITK_SUFFIXES:
        import SimpleITK as sitk  # noqa: N813

        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        _check_size(reader.GetSize())
        return from_itk(reader.Execute())
    raise FileError(
        f"{path.name} is of no kind that can be read; use one of {', '.join(READABLE)} or a DICOM folder."
    )


def _read_nibabel(path: Path) -> Volume:
    image: Any = _nibabel("Reading NIfTI and MGZ").load(path)
    header = image.header
    _check_size(image.shape)
    if "intent_code" in header and int(header["intent_code"]) == NIFTI_INTENT_LABEL:
        raise InputError(f"{path.name} is marked as a label map; choose the intensity image it was drawn on.")
    _check_voxel_size(path, image)
    proxy = image.dataobj
    scaled = (getattr(proxy, "slope", 1.0), getattr(proxy, "inter", 0.0)) != (1.0, 0.0)
    if image.get_data_dtype().kind in "iu" and scaled:
        array = image.get_fdata(dtype=np.float32, caching="unchanged")
    else:
        array = np.asanyarray(proxy)
    native = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    return Volume(three_axes(native), _in_millimeters(image))


def _nibabel(purpose: str) -> Any:
    """nibabel, imported without pydicom, which takes two thirds of its time and serves DICOM headers kept in NIfTI ones.

    Where pydicom is loaded already, as in Slicer, nibabel finds it.
    """
    modules: dict[str, Any] = sys.modules
    hidden = "pydicom" not in modules and "nibabel" not in modules
    if hidden:
        modules["pydicom"] = None
    try:
        with needed_for(purpose, FileError):
            import nibabel
    finally:
        if hidden:
            del modules["pydicom"]
    return nibabel


def _in_millimeters(image: Any) -> NDArray[np.float64]:
    """The affine of a nibabel image, whose NIfTI header may say that it is in meters or microns."""
    affine = np.array(image.affine, dtype=np.float64)
    units = image.header.get_xyzt_units()[0] if "xyzt_units" in image.header else "mm"
    affine[:3] *= {"meter": 1e3, "micron": 1e-3}.get(units, 1.0)
    return affine


def _check_voxel_size(path: Path, image: Any) -> None:
    """Refuse voxel sizes of zero in NIfTI headers, which nibabel reads as 1 mm."""
    from nibabel.openers import ImageOpener

    if suffix_of(path) not in (".nii", ".nii.gz"):
        return
    with ImageOpener(path) as file:
        header = type(image.header).from_fileobj(file, check=False)
    if not np.all(np.abs(header["pixdim"][1 : 1 + min(3, len(image.shape))]) > 0):
        raise InputError(f"{path.name} has a voxel size of zero; correct its header or export it again.")


def _write_nifti(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    image: Any = _nibabel("Writing NIfTI").Nifti1Image(array, affine, dtype=array.dtype)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    image.to_filename(path)


def _write_mgh(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    """In the narrowest of the format's types that holds all values."""
    wanted = next((np.dtype(kind) for kind in MGH_TYPES if np.can_cast(array.dtype, kind)), np.dtype("f4"))
    _nibabel("Writing MGZ").MGHImage(array.astype(wanted), affine).to_filename(path)


def _write_itk(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    import SimpleITK as sitk  # noqa: N813

    sitk.WriteImage(
        to_itk(array, affine), str(path), useCompression=path.suffix == ".nrrd", compressionLevel=1
    )


def _check_size(shape: tuple[int, ...]) -> None:
    if np.prod([float(n) for n in shape]) > MAX_VOXELS:
        raise InputError(
            f"The header announces {'x'.join(map(str, shape))} voxels, beyond reason; it may be damaged."
        )
