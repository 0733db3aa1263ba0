"""The slices of a DICOM series, whether each has a file of its own or all are frames of one: where they lie, and which are one volume.

Slices are told apart by their place. Where several lie at one place, echoes, stacks, points in time or b-values tell them apart, and the
user has to say which volume is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .series import Series, unreadable

if TYPE_CHECKING:
    from pydicom import Dataset

SPACING_TOLERANCE = 0.02
"""Slice distances may differ by this fraction."""

ROUNDING = 0.02
"""And by so many mm: positions are written with two digits."""

ORIENTATION_TOLERANCE = 1e-3

SAME_PLACE = 0.01
"""Slices that are nearer to each other, in mm, lie at one place."""

SHIFT = 0.5
"""The last slice may be shifted against the first by this fraction of a pixel."""

SHOWN = 6
"""So many volumes are listed."""

GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
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
    Label("part", "", "", ("MRImageFrameTypeSequence", "ComplexImageComponent")),
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

STACK, FILE = LABELS[0].name, "file"

SEPARATE = ("echo time", "b-value")
"""Slices that differ much in these, in fewer values than slices, are several volumes even if no two lie at one place."""


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
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def normal(self) -> NDArray[np.float64]:
        """The direction in which slices are counted, of length 1."""
        across = np.cross(self.orientation[:3], self.orientation[3:])
        return np.asarray(across / np.linalg.norm(across))


def slices_of(series: Series) -> list[Slice]:
    """All slices of a series, in the order of its files and their frames.

    Raises:
        InputError: one does not say where it lies, or the file is a mosaic or lacks frames.
    """
    return [
        one
        for path, header in zip(series.files, series.headers, strict=True)
        for one in _slices_in(path, header)
    ]


def one_volume(slices: Sequence[Slice], frames: int | None = None) -> list[Slice]:
    """The slices of one volume, in the order of their places.

    Args:
        slices: of a series.
        frames: which of its volumes; None for the only one.

    Raises:
        InputError: there are several and none was chosen, or there is no such one; or a slice is missing or doubled, or slices are not
            parallel or not of one size.
    """
    volumes = _volumes(list(slices))
    if frames is not None and not 1 <= frames <= len(volumes):
        raise InputError(f"There is no volume {frames}; the series holds {_listed(volumes)}.")
    if frames is None and len(volumes) > 1:
        differing = " and ".join(_names(volumes)[:2])
        raise InputError(
            f"The series holds {len(volumes)} volumes, which differ in {differing}: {_listed(volumes)}. "
            "Choose one by its number, as in --frames 1, or export one of them alone."
        )
    chosen = volumes[(frames or 1) - 1]
    ordered = sorted(chosen, key=lambda one: float(one.position @ chosen[0].normal))
    _check(ordered)
    return ordered


def affine_of(ordered: Sequence[Slice]) -> NDArray[np.float64]:
    """Voxel index (column, row, slice) to LPS in mm, (4, 4), of a volume's slices in order."""
    first, last = ordered[0], ordered[-1]
    apart = (
        first.apart
        if len(ordered) < 2
        else float((last.position - first.position) @ first.normal) / (len(ordered) - 1)
    )
    affine = np.eye(4)
    rows, columns = first.pixel
    for axis, (direction, length) in enumerate(
        ((first.orientation[:3], columns), (first.orientation[3:], rows), (first.normal, apart))
    ):
        affine[:3, axis] = direction / np.linalg.norm(direction) * length
    affine[:3, 3] = first.position
    return affine


def _slices_in(path: Path, header: Dataset) -> Iterator[Slice]:
    """Of one file."""
    kind = [str(word).upper() for word in _list(header.get("ImageType"))]
    tiles = header.get(SIEMENS[1])
    if any(word in MOSAICS for word in kind) or (tiles is not None and int(_number(tiles.value) or 0) > 1):
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
    if _bytes(header, count) > path.stat().st_size:
        raise unreadable(path)
    for frame in range(count):
        yield _slice(path, frame, header, [*groups[frame : frame + 1], *shared])


def _bytes(header: Dataset, frames: int) -> int:
    """How long a file is at least that has all its pixels; 0 where they are compressed."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is not None and (syntax.is_compressed or syntax.is_deflated):
        return 0
    samples = int(header.get("SamplesPerPixel") or 1)
    return (
        int(header.Rows) * int(header.Columns) * frames * samples * int(header.get("BitsAllocated") or 8) // 8
    )


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
        _number(said("PixelMeasuresSequence", keyword))
        for keyword in ("SpacingBetweenSlices", "SliceThickness")
    ]
    scale = [
        _number(said("PixelValueTransformationSequence", keyword))
        for keyword in ("RescaleSlope", "RescaleIntercept")
    ]
    place = _number(_first(groups, ("FrameContentSequence", "InStackPositionNumber")))
    return Slice(
        path,
        frame,
        position,
        orientation,
        (float(pixel[0]), float(pixel[1])),
        (int(header.Columns), int(header.Rows)),
        next((abs(value) for value in apart if value), 1.0),
        1.0 if scale[0] is None else scale[0],
        scale[1] or 0.0,
        None if place is None else int(place),
        dict(_labels(path, header, groups)),
    )


def _labels(path: Path, header: Dataset, groups: Sequence[Dataset]) -> Iterator[tuple[str, str]]:
    for label in LABELS:
        value = _first(groups, label.path) if groups else header.get(label.keyword) if label.keyword else None
        if value is not None and value != "":
            yield (
                label.name,
                "\\".join(f"{_number(v):g}" if _number(v) is not None else str(v) for v in _list(value)),
            )
    siemens = header.get(SIEMENS[2])
    if siemens is not None and str(header.get(SIEMENS[0], "")).find("SIEMENS") >= 0:
        yield "b-value", f"{_number(siemens.value) or 0:g}"
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


def _volumes(slices: list[Slice]) -> list[list[Slice]]:
    """The slices sorted into volumes by as few labels as tell apart what lies at one place, or in another stack."""
    volumes = [slices]
    for name in (*(label.name for label in LABELS), FILE):
        volumes = [part for volume in volumes for part in _parted(volume, name)]
    return volumes


def _parted(volume: list[Slice], name: str) -> list[list[Slice]]:
    """A volume in parts by a label, or as it is if the label is not what tells several volumes apart."""
    parts: dict[str, list[Slice]] = {}
    for one in volume:
        parts.setdefault(one.labels.get(name, ""), []).append(one)
    several = 1 < len(parts) < len(volume) and _several(volume, list(parts.values()), name)
    return list(parts.values()) if several else [volume]


def _several(volume: list[Slice], parts: list[list[Slice]], name: str) -> bool:
    """Whether parts of what was taken for one volume are volumes of their own."""
    if name in (STACK, FILE):
        return bool(_problem(volume))
    counts = _at_each_place(volume)
    if max(counts) == 1:
        return name in SEPARATE and len({_roughly(part[0].labels.get(name, "")) for part in parts}) > 1
    # What differs from slice to slice by chance, such as the delay after a heart beat, parts a volume into crumbs.
    found = [_at_each_place(part) for part in parts]
    return max(map(max, found)) < max(counts) and 2 * min(map(len, found)) >= len(counts)


def _at_each_place(volume: Sequence[Slice]) -> list[int]:
    """How many slices lie at each place."""
    along = np.sort([float(one.position @ volume[0].normal) for one in volume])
    starts = np.flatnonzero(np.diff(along, prepend=-np.inf) > SAME_PLACE)
    return [int(n) for n in np.diff([*starts, len(along)])]


def _roughly(value: str) -> str:
    number = _number(value)
    return value if number is None else f"{number:.2g}"


def _problem(volume: Sequence[Slice]) -> str:
    """Why slices are not one volume on a regular grid, as a sentence; empty if they are."""
    first = volume[0]
    if any(
        one.matrix != first.matrix or not np.allclose(one.pixel, first.pixel, rtol=1e-3) for one in volume
    ):
        return "The slices of the series differ in matrix or pixel size; choose a series of equal slices."
    turned = [np.abs(one.orientation - first.orientation).max() for one in volume]
    if max(turned) > ORIENTATION_TOLERANCE:
        return "The slices of the series lie in different directions (a localizer?); choose a series of parallel slices."
    ordered = sorted(volume, key=lambda one: float(one.position @ first.normal))
    return _uneven(np.array([one.position for one in ordered]), first) or _incomplete(ordered)


def _uneven(positions: NDArray[np.float64], first: Slice) -> str:
    """Of (slices, 3) positions in order."""
    if len(positions) < 2:
        return ""
    distances = np.diff(positions @ first.normal)
    usual = float(np.median(distances))
    if distances.min() < SAME_PLACE:
        return (
            "Two slices of the series lie at the same place (doubled, or several echoes or frames that headers do not tell apart); "
            "export one of them alone."
        )
    tolerance = max(SPACING_TOLERANCE * usual, ROUNDING)
    beside = positions - np.outer(positions @ first.normal, first.normal)
    steps = np.linalg.norm(np.diff(beside, axis=0), axis=1)
    if steps.max() > tolerance or np.linalg.norm(beside[-1] - beside[0]) > SHIFT * min(first.pixel):
        return "The slices are shifted against each other (a tilted stack); resample the series to a regular grid first."
    where = int(np.argmax(np.abs(distances - usual)))
    if abs(distances[where] - usual) <= tolerance:
        return ""
    return (
        f"The slices are not evenly spaced: {distances[where]:.3g} mm instead of {usual:.3g} mm after slice {where + 1}; "
        "a slice may be missing, so export the series again."
    )


def _incomplete(volume: Sequence[Slice]) -> str:
    """Frames are numbered within their stack: a number that nobody has is that of a frame that is missing, at an end, too."""
    numbers = {one.place for one in volume if one.place is not None}
    if len(numbers) < len(volume) or {*range(1, max(numbers) + 1)} <= numbers:
        return ""
    missing = min({*range(1, max(numbers) + 1)} - numbers)
    return f"Frame {missing} of the stack is missing; export the series again."


def _check(volume: Sequence[Slice]) -> None:
    if problem := _problem(volume):
        raise InputError(problem)


def _names(volumes: Sequence[Sequence[Slice]]) -> list[str]:
    """The labels in which volumes differ, each the same within every one of them."""
    names = [*(label.name for label in LABELS), FILE]
    values = {name: [{one.labels.get(name, "") for one in volume} for volume in volumes] for name in names}
    return [
        name
        for name in names
        if all(len(each) == 1 for each in values[name]) and len(set.union(*values[name])) > 1
    ]


def _listed(volumes: Sequence[Sequence[Slice]]) -> str:
    """Volumes with their numbers."""
    names, units = _names(volumes)[:2], {label.name: label.unit for label in LABELS}
    lines = []
    for number, volume in enumerate(volumes[:SHOWN], start=1):
        labels = [
            f"{name} {volume[0].labels.get(name, 'none')} {units.get(name, '')}".strip() for name in names
        ]
        lines.append(f"{number} ({', '.join([*labels, f'{len(volume)} slices'])})")
    more = len(volumes) - SHOWN
    return ", ".join(lines) + (f" and {more} more" if more > 0 else "")


def _homeless(path: Path, what: str) -> InputError:
    return InputError(f"{path.name} does not say where {what}; export the series again.")


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]


def _numbers(value: Any, count: int) -> NDArray[np.float64] | None:
    """So many finite numbers; None for anything else."""
    numbers = [_number(each) for each in _list(value)]
    return np.array(numbers, dtype=np.float64) if len(numbers) == count and None not in numbers else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
