"""NIfTI and Analyze files: as ITK and nibabel read them, whatever hand has written their headers; and written with both of their places.

nibabel knows the header's fields and types. It checks them by rules that are not ITK's and gives some files up that ITK reads, so that here
they are taken unchecked.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileError, InputError
from ..packages import needed_for
from .announced import DEFLATED, check_announced
from .forms import Forms, placed
from .grid import Grid
from .itk import three_axes
from .source import Source
from .volume import Volume

SUFFIXES = (".nii.gz", ".nii", ".hdr", ".img", ".hdr.gz", ".img.gz")

INTENT_LABEL = 1002

EXACT = 2.0**24
"""Single precision holds every whole number up to here."""

MAGIC_1, MAGIC_2 = (b"n+1", b"ni1"), (b"n+2", b"ni2")
"""What tells the headers of NIfTI's two versions; Analyze's has nothing there."""

FLAG = 4
"""Bytes between header and voxels that say whether there are extensions."""


def read_nifti(path: Path) -> Volume:
    """The scan in a NIfTI file, a pair of files (named by either), or a pair of Analyze's.

    Raises:
        FileError: it is none, it is too short, or its other half is missing.
        InputError: it is marked as a label map, or too large.
        Exception: what is read is broken; nibabel and gzip have many kinds.
    """
    head, body = _halves(path)
    alone = head.path == body.path
    with head.opened() as file:
        header = _header_of(path, file.read(560), alone)
    shape = _shape_of(path, header)
    if int(header["intent_code"]) == INTENT_LABEL:
        raise InputError(f"{path.name} is marked as a label map; choose the intensity image it was drawn on.")
    stored, flaw = _stored(body, header, shape, alone)
    array, notes = _scaled(stored, header)
    array = three_axes(array)
    spatial = (*array.shape, 1, 1)[:3]
    place = placed(header, (spatial[0], spatial[1], spatial[2]))
    return Volume(array, place.affine, place.forms, (*head.note, *flaw, *notes, *place.notes))


def read_grid(path: Path) -> Grid:
    """Where the voxels of a NIfTI file, or of a pair of Analyze's, are, from its header alone.

    Raises:
        FileError: it is none, or its other half is missing.
        Exception: the header is broken.
    """
    head, body = _halves(path)
    with head.opened() as file:
        header = _header_of(path, file.read(560), head.path == body.path)
    spatial = (*_shape_of(path, header), 1, 1)[:3]
    shape = (spatial[0], spatial[1], spatial[2])
    return Grid(shape, placed(header, shape).affine)


def write_nifti(volume: Volume, array: NDArray[Any], path: Path) -> None:
    """Write voxels where `volume` is, with both of its header's places and their codes."""
    forms = (volume.forms or Forms()).of(volume.grid)
    image: Any = nibabel("Writing NIfTI").Nifti1Image(array, None, dtype=array.dtype)
    header = image.header
    header.set_qform(forms.qform, code=0)
    header.set_sform(forms.sform, code=0)
    header["qform_code"], header["sform_code"] = forms.qform_code, forms.sform_code
    header["xyzt_units"] = forms.units
    image.to_filename(path)


def nibabel(purpose: str) -> Any:
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


def _halves(path: Path) -> tuple[Source, Source]:
    """The files of header and voxels; the same one for NIfTI's usual files."""
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return Source(path), Source(path)
    stem = path.name[: name.rindex(".hdr" if ".hdr" in name else ".img")]
    return tuple(_beside(path, stem, kind) for kind in (".hdr", ".img"))  # type: ignore[return-value]


def _beside(path: Path, stem: str, kind: str) -> Source:
    """The half of a pair that is of this kind, compressed or not, in letters of either case."""
    if kind in path.name.lower():
        return Source(path)
    for end in (kind, kind + ".gz", kind.upper(), kind.upper() + ".GZ"):
        if (found := path.with_name(stem + end)).is_file():
            return Source(found)
    raise FileError(f"{path.name} is one half of a pair, and {stem}{kind} is missing; put it beside it.")


def _header_of(path: Path, content: bytes, alone: bool) -> Any:
    """The header, unchecked. Analyze's, which only a pair may have, is NIfTI's without what Analyze does not know."""
    nib = nibabel("Reading NIfTI and MGZ")
    for kind, length, at, magics in (
        (nib.Nifti1Header, 348, 344, MAGIC_1),
        (nib.Nifti2Header, 540, 4, MAGIC_2),
    ):
        if len(content) >= length and content[at : at + 3] in magics:
            return kind(content[:length], check=False)
    if alone or len(content) < 348:
        raise FileError(
            f"{path.name} cannot be read: it is no NIfTI file; it may be damaged or of another kind."
        )
    header = nib.Nifti1Header(content[:348], check=False)
    for name in ("qform_code", "sform_code", "scl_inter", "xyzt_units", "intent_code"):
        header[name] = 0
    return header


def _shape_of(path: Path, header: Any) -> tuple[int, ...]:
    """The voxels along each axis; a length below 1 beyond the first counts as 1, as in ITK."""
    count, *sizes = (int(n) for n in header["dim"])
    if not 1 <= count <= 7 or sizes[0] < 1:
        raise FileError(
            f"{path.name} cannot be read: its header announces {count} dimensions of {sizes}; it may be damaged."
        )
    lengths = [sizes[0], *(max(1, n) for n in sizes[1:count])]
    while len(lengths) > 3 and lengths[-1] == 1:
        lengths.pop()
    return (*lengths, 1) if count == 1 else tuple(lengths)


def _stored(
    body: Source, header: Any, shape: tuple[int, ...], alone: bool
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The voxels as they are stored, in the machine's order of bytes; and a sentence if they may be damaged."""
    dtype = np.dtype(header.get_data_dtype())
    least = int(header.sizeof_hdr) if alone else 0
    told = float(header["vox_offset"])
    compressed, held = body.compressed, body.path.stat().st_size
    room = held if compressed else max(0, held - least)
    size = check_announced(body.path, shape, dtype.itemsize, room, packed=DEFLATED if compressed else 1)
    # The flag is missing in a file that ends so many bytes earlier.
    unset = [least + FLAG, least] if alone else [0]
    starts = [int(min(told, 2.0**40))] if np.isfinite(told) and told >= unset[0] else unset
    content, flaw = _bytes_of(body, starts, size)
    stored = np.frombuffer(content, dtype).reshape(shape, order="F")
    return stored.astype(dtype.newbyteorder("="), copy=False), flaw


def _bytes_of(body: Source, starts: list[int], size: int) -> tuple[bytearray, tuple[str, ...]]:
    """So many bytes from the first of these places behind which there are as many; and what `Source.flaw` says."""
    content = memoryview(bytearray(size))
    with body.opened() as file:
        for start in starts:
            file.seek(start)
            filled = 0
            while filled < size and (count := file.readinto(content[filled:])):  # type: ignore[attr-defined]
                filled += count
            if filled == size:
                return content.obj, body.flaw(file)  # type: ignore[return-value]
    raise FileError(
        f"{body.path.name} cannot be read: it ends after {filled} of {size} bytes of voxels; it was cut short, so copy or export it again."
    )


def _scaled(stored: NDArray[Any], header: Any) -> tuple[NDArray[Any], list[str]]:
    """The real values: whole numbers that are scaled become single precision, or double where that would round them."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0 or stored.dtype.kind not in "iuf":
        return stored, []
    notes = []
    if not np.isfinite(intercept):
        notes, intercept = (
            ["The header adds no number to the voxels' values (its intercept is not finite); 0 is taken."],
            0.0,
        )
    if (slope, intercept) == (1, 0) or not stored.size:
        return stored, notes
    ends = (
        [float(end(stored)) * slope + intercept for end in (np.min, np.max)]
        if stored.dtype.kind in "iu"
        else [0.0]
    )
    fine = stored.dtype.itemsize > 4 if stored.dtype.kind == "f" else max(map(abs, ends)) > EXACT * abs(slope)
    values = stored.astype(np.float64)
    values *= slope
    values += intercept
    return (values if fine else values.astype(np.float32)), notes
