"""The slices of a DICOM series, whether each has a file of its own or all are frames of one: where they lie, and what tells them apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MrisrError
from .announced import DEFLATED, check_announced
from .series import Series, unreadable

if TYPE_CHECKING:
    from pydicom import Dataset

FILE = "file"
"""The name of the label that tells frames of different files apart."""

GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
"""Transfer syntaxes: little-endian with and without types, big-endian."""

PACKED = {"1.2.840.10008.1.2.1.99": DEFLATED, "1.2.840.10008.1.2.5": 64}
"""By how much compression can make pixels smaller: deflate, and run lengths."""

BLANK = 100_000
"""The same of all the others, whose blank images are short; slices with anything on them are not made smaller by 1000."""

MOSAICS = ("MOSAIC", "VFRAME")
SIEMENS = 0x00190010, 0x0019100A, 0x0019100C


@dataclass(frozen=True)
class Label:
    """What may tell slices at one place apart.

    Args:
        name, unit: for people.
        keyword: where a slice's own file has it.
        path: where a frame's functional groups have it.
    """

    name: str
    unit: str
    keyword: str
    path: tuple[str, ...]


LABELS = (
    Label("stack", "", "", ("FrameContentSequence", "StackID")),
    Label("echo time", "ms", "EchoTime", ("MREchoSequence", "EffectiveEchoTime")),
    Label("echo number", "", "EchoNumbers", ()),
    Label("b-value", "s/mm²", "DiffusionBValue", ("MRDiffusionSequence", "DiffusionBValue")),
    Label(
        "diffusion direction",
        "",
        "DiffusionGradientOrientation",
        ("MRDiffusionSequence", "DiffusionGradientDirectionSequence", "DiffusionGradientOrientation"),
    ),
    Label(
        "temporal position",
        "",
        "TemporalPositionIdentifier",
        ("FrameContentSequence", "TemporalPositionIndex"),
    ),
    Label("inversion time", "ms", "InversionTime", ("MRModifierSequence", "InversionTimes")),
    Label("flip angle", "°", "FlipAngle", ("MRTimingAndRelatedParametersSequence", "FlipAngle")),
    Label("component", "", "", ("MRImageFrameTypeSequence", "ComplexImageComponent")),
    Label("kind of image", "", "ImageType", ("MRImageFrameTypeSequence", "FrameType")),
    Label(
        "trigger delay",
        "ms",
        "TriggerTime",
        ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ),
    Label("acquisition", "", "AcquisitionNumber", ("FrameContentSequence", "FrameAcquisitionNumber")),
)
"""In the order in which they are tried."""


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice.

    Args:
        file, frame: where its pixels are; frames are counted from 0.
        position: of its first pixel's middle, (3,), in mm, LPS.
        orientation: directions along which columns and rows are counted, (6,).
        pixel: distance of rows and of columns, in mm.
        matrix: columns and rows.
        apart: distance to the next slice, in mm, where only the header knows: of a lone one.
        slope, intercept: what makes stored numbers the scan's values.
        place: its number in its stack; None if it is not said.
        padding: the range of stored numbers that are no measurement, as its header says; None if it says none.
        labels: by the names of `LABELS`.
    """

    file: Path
    frame: int
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel: tuple[float, float]
    matrix: tuple[int, int]
    apart: float
    slope: float = 1.0
    intercept: float = 0.0
    place: int | None = None
    padding: tuple[float, float] | None = None
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def normal(self) -> NDArray[np.float64]:
        """The direction in which slices are counted, of length 1."""
        across = np.cross(self.orientation[:3], self.orientation[3:])
        return np.asarray(across / np.linalg.norm(across))


def slices_of(series: Series) -> list[Slice]:
    """All slices of a series, in the order of its files and their frames.

    Raises:
        FileError: a file is cut short or broken.
        InputError: one does not say where it lies, or the file is a mosaic or lacks frames.
    """
    import pydicom

    found: list[Slice] = []
    for path, header in zip(series.files, series.headers, strict=True):
        try:
            with pydicom.config.disable_value_validation():
                found += _slices_in(path, header)
        except MrisrError:
            raise
        except Exception as error:  # pydicom looks into values when they are asked for
            raise unreadable(path) from error
    return found


def _slices_in(path: Path, header: Dataset) -> Iterator[Slice]:
    """Of one file."""
    kind = [str(word).upper() for word in _list(header.get("ImageType"))]
    tiles = header.get(SIEMENS[1])
    if any(word in MOSAICS for word in kind) or (tiles is not None and int(number_in(tiles.value) or 0) > 1):
        raise InputError(
            f"{path.name} is a mosaic: all slices are tiled in one image. Convert it to NIfTI, for instance by dcm2niix, and take that."
        )
    count = int(header.get("NumberOfFrames") or 1)
    groups = list(header.get(GROUPS[0]) or [])
    shared = list(header.get(GROUPS[1]) or [])[:1]
    if groups and len(groups) != count:
        raise InputError(
            f"{path.name} announces {count} frames and describes {len(groups)}: some are missing or doubled; export the series again."
        )
    if not groups and count > 1:
        raise _homeless(path, "its frames lie")
    _check_held(path, header)
    for frame in range(count):
        yield _slice(path, frame, header, [*groups[frame : frame + 1], *shared])


def shape_of(header: Dataset) -> tuple[tuple[int, ...], int]:
    """What a file announces: columns, rows, frames and samples, and the bytes of each."""
    lengths = [
        int(header.get(name) or 1) for name in ("Columns", "Rows", "NumberOfFrames", "SamplesPerPixel")
    ]
    return tuple(lengths), max(1, int(header.get("BitsAllocated") or 8) // 8)


def _check_held(path: Path, header: Dataset) -> None:
    """Compare the pixels that a file announces with its length."""
    shape, itemsize = shape_of(header)
    syntax, held = header.file_meta.get("TransferSyntaxUID", UNCOMPRESSED[0]), path.stat().st_size
    if syntax not in UNCOMPRESSED:
        check_announced(path, shape, itemsize, held, packed=PACKED.get(syntax, BLANK))
    elif math.prod(shape) * itemsize > held:
        raise unreadable(path)


def _slice(path: Path, frame: int, header: Dataset, groups: Sequence[Dataset]) -> Slice:
    """One frame, described by functional groups or, without any, at the top of the file."""

    def said(sequence: str, keyword: str) -> Any:
        return _first(groups, (sequence, keyword)) if groups else header.get(keyword)

    position = _numbers(said("PlanePositionSequence", "ImagePositionPatient"), 3)
    orientation = _numbers(said("PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    pixel = _numbers(said("PixelMeasuresSequence", "PixelSpacing"), 2)
    what = f"frame {frame + 1} lies" if groups else "its slice lies"
    if (
        position is None
        or orientation is None
        or not np.linalg.norm(np.cross(orientation[:3], orientation[3:]))
    ):
        raise _homeless(path, what)
    if pixel is None or min(pixel) <= 0:
        raise InputError(f"{path.name} does not say how large its pixels are; export the series again.")
    apart = [
        number_in(said("PixelMeasuresSequence", keyword))
        for keyword in ("SpacingBetweenSlices", "SliceThickness")
    ]
    scale = []
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        value = said("PixelValueTransformationSequence", keyword)
        scale.append(number_in(value))
        if scale[-1] is None and value not in (None, ""):
            raise InputError(f"{path.name} has a {keyword} that is no number; export the series again.")
    place = number_in(_first(groups, ("FrameContentSequence", "InStackPositionNumber")))
    return Slice(
        path,
        frame,
        position,
        orientation,
        (float(pixel[0]), float(pixel[1])),
        (int(header.Columns), int(header.Rows)),
        next((abs(value) for value in apart if value), 1.0),
        scale[0] or 1.0,  # as GDCM takes it, which reads the pixels
        scale[1] or 0.0,
        None if place is None else int(place),
        _padding(header),
        dict(_labels(path, header, groups)),
    )


def _padding(header: Dataset) -> tuple[float, float] | None:
    """What PixelPaddingValue and PixelPaddingRangeLimit say, as pixels have it: often one is written without its sign, or with one."""
    bits, signed = int(header.get("BitsAllocated") or 16), bool(header.get("PixelRepresentation"))
    ends = []
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        value = header.get(keyword)
        number = number_in(int.from_bytes(value[:2], "little") if isinstance(value, bytes) else value)
        if number is not None:
            stored = int(number) % 2**bits
            ends.append(float(stored - 2**bits if signed and stored >= 2 ** (bits - 1) else stored))
    return (min(ends), max(ends)) if ends and header.get("PixelPaddingValue") is not None else None


def _labels(path: Path, header: Dataset, groups: Sequence[Dataset]) -> Iterator[tuple[str, str]]:
    for label in LABELS:
        value = _first(groups, label.path) if groups else header.get(label.keyword) if label.keyword else None
        if value is not None and value != "":
            yield (
                label.name,
                "\\".join(f"{number_in(v):g}" if number_in(v) is not None else str(v) for v in _list(value)),
            )
    siemens = header.get(SIEMENS[2])
    if siemens is not None and "SIEMENS" in str(header.get(SIEMENS[0], "")):
        yield "b-value", f"{number_in(siemens.value) or 0:g}"
    if groups:
        yield FILE, path.name


def _first(groups: Sequence[Dataset], path: Sequence[str]) -> Any:
    """What the first of some functional groups that has it has at the end of a path through its sequences."""
    for group in groups if path else ():
        here: Any = group
        for step in path[:-1]:
            here = next(iter(here.get(step) or []), None)
            if here is None:
                break
        if here is not None and (value := here.get(path[-1])) is not None:
            return value
    return None


def _homeless(path: Path, what: str) -> InputError:
    return InputError(f"{path.name} does not say where {what}; export the series again.")


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]


def _numbers(value: Any, count: int) -> NDArray[np.float64] | None:
    """So many finite numbers; None for anything else."""
    numbers = [number_in(each) for each in _list(value)]
    return np.array(numbers, dtype=np.float64) if len(numbers) == count and None not in numbers else None


def number_in(value: Any) -> float | None:
    """A finite number; None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
