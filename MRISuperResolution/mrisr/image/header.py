"""What a scan's headers tell of how it was measured: DICOM series, and the sidecars that BIDS puts beside NIfTI files.

Headers are written by many hands: what is missing, zero, negative, no number or at odds with the scan's own grid counts as not said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .dicom import first_file
from .grid import Grid
from .inheritance import metadata_of
from .series import Choice, is_series

if TYPE_CHECKING:
    from pydicom import Dataset

Dimensions = Literal["", "2D", "3D"]
Fractions = tuple[float | None, float | None, float | None]
Value = Callable[[str], Any]
"""What a header has under a name; None, or an empty text, where it has nothing."""

DICOM, BIDS = "DICOM header", "BIDS sidecar"

UNKNOWN: Fractions = (None, None, None)

TOLERANCE = 0.02
"""A distance that differs from the grid's by more, as a fraction, is that of another scan: this one was resampled."""

THICKNESS = (0.2, 2.2)
"""Slices thinner or thicker than so many times their distance are a mistake in the header, or the scan was resampled."""

LEAST = 0.25
"""A smaller fraction of k-space is a mistake in the header."""

MACROS = ("PixelMeasuresSequence", "MRFOVGeometrySequence")
"""Where multi-frame files keep what others have at the top."""


@dataclass(frozen=True)
class Header:
    """How a scan was measured, along the axes of its own grid.

    Args:
        thickness: of the slices, in mm; None if it is not said.
        between: from the middle of a slice to that of the next, in mm.
        dimensions: `2D`, slice after slice; `3D`, a slab with phase encoding across it; empty if it is not said.
        axis: across the slices, 0, 1 or 2.
        resolved: the part of each axis's frequencies that was measured, in [0.25, 1]; less than 1 on an axis that was filled with zeros;
            None where it is not said.
        origin: where this stands, for people.
    """

    thickness: float | None = None
    between: float | None = None
    dimensions: Dimensions = ""
    axis: int = 2
    resolved: Fractions = UNKNOWN
    origin: str = DICOM

    @property
    def says(self) -> bool:
        """Whether it says anything."""
        return bool(self.dimensions) or self.thickness is not None or self.resolved != UNKNOWN

    @property
    def width(self) -> float | None:
        """Thickness over distance: 1 leaves no gap, less does, more overlaps; None if it is not said."""
        return None if self.thickness is None or self.between is None else self.thickness / self.between


def read_header(path: str | Path, grid: Grid, choice: Choice | None = None) -> Header | None:
    """What the headers of a scan tell; None where they tell nothing, or cannot be read.

    Args:
        path: a DICOM folder or file, or a file of which a BIDS sidecar (`.json`) may tell, beside it or above it in its data set.
        grid: of the scan that was read from there.
        choice: of several series or volumes.
    """
    path = Path(path)
    try:
        if is_series(path):
            found: Header | None = of_file(first_file(path, choice or Choice()), grid)
        else:
            found = _beside(path, grid)
    except Exception:  # the parsers let any exception through on broken files; the scan itself was read
        return None
    return found if found is not None and found.says else None


def of_dicom(value: Value, grid: Grid) -> Header:
    """From the attributes of a DICOM file.

    Args:
        value: gives an attribute by its keyword; several values as a list, or as a text with backslashes between them.
        grid: of the scan; its axes are columns, rows and slices.

    Example:
        >>> import numpy as np
        >>> said = {"SliceThickness": "3.0", "MRAcquisitionType": "2D"}
        >>> round(of_dicom(said.get, Grid((8, 8, 8), np.diag([1, 1, 4.0, 1]))).width, 2)
        0.75
    """
    i, j = _measured_of(value, grid)
    return _header(value, grid, 2, (i, j, None), DICOM)


def of_file(path: str | Path, grid: Grid) -> Header:
    """From one DICOM file, which may hold all slices.

    Raises:
        Exception: it is no DICOM file; pydicom has many kinds.
    """
    import pydicom

    return of_dicom(_looked_up(pydicom.dcmread(path, stop_before_pixels=True)), grid)


def of_sidecar(data: Mapping[str, Any], grid: Grid) -> Header:
    """From the content of a BIDS sidecar. Of a 3-D scan only what names an axis of the file is used: converters turn such scans."""
    axis = "ijk".find(str(data.get("SliceEncodingDirection", "k"))[:1])
    axis = _axis_of(_number(data.get("SpacingBetweenSlices")), grid, max(axis, 0))
    resolved: list[float | None] = [None, None, None]
    phase = _phase_axis(data)
    if phase is not None and phase != axis:
        lines, columns = _number(data.get("AcquisitionMatrixPE")), _number(data.get("ReconMatrixPE"))
        resolved[phase] = _fraction(lines, columns)
        readout = next(a for a in range(3) if a not in (axis, phase))
        resolved[readout] = _fraction(_number(data.get("BaseResolution")), grid.shape[readout])
    return _header(data.get, grid, axis, (resolved[0], resolved[1], resolved[2]), BIDS)


def _beside(path: Path, grid: Grid) -> Header | None:
    data = metadata_of(path)
    return of_sidecar(data, grid) if data else None


def _header(value: Value, grid: Grid, axis: int, resolved: Fractions, origin: str) -> Header:
    """With what goes with the grid; nothing at all if the slices are not those of the file."""
    apart = grid.spacing[axis]
    thickness, said = _number(value("SliceThickness")), _number(value("SpacingBetweenSlices"))
    # Some scanners have the gap there.
    if said is not None and not (_near(said, apart) or _near(said + (thickness or 0.0), apart)):
        return Header(origin=origin)
    if thickness is not None and not THICKNESS[0] <= thickness / apart <= THICKNESS[1]:
        if said is None:
            return Header(origin=origin)
        thickness = None
    kind = str(value("MRAcquisitionType") or "").strip().upper()
    dimensions: Dimensions = "2D" if kind == "2D" else "3D" if kind == "3D" else ""
    if dimensions == "3D" and thickness is not None:
        across = _fraction(apart, thickness)
        resolved = _with(resolved, axis, across)
    between = apart if thickness is not None or said is not None else None
    return Header(thickness, between, dimensions, axis, resolved, origin)


def _measured_of(value: Value, grid: Grid) -> tuple[float | None, float | None]:
    """The fractions of k-space along the columns' and the rows' direction."""
    pixel = _numbers(value("PixelSpacing"))
    if len(pixel) == 2 and not (_near(pixel[1], grid.spacing[0]) and _near(pixel[0], grid.spacing[1])):
        return None, None
    columns, rows = _number(value("Columns")) or grid.shape[0], _number(value("Rows")) or grid.shape[1]
    frequency, phase, by_place = _steps(value)
    direction = str(value("InPlanePhaseEncodingDirection") or "").strip().upper()
    if not direction.startswith(("ROW", "COL")):
        return _fraction(by_place[0], columns), _fraction(by_place[1], rows)
    share = _number(value("PercentPhaseFieldOfView")) or 100.0
    if phase is not None and share < 100 and rows == columns:
        phase = (
            100 * phase / share
        )  # the image was made square by zeros around it, not by zeros between its voxels
    if direction.startswith("ROW"):
        return _fraction(phase, columns), _fraction(frequency, rows)
    return _fraction(frequency, columns), _fraction(phase, rows)


def _steps(value: Value) -> tuple[float | None, float | None, tuple[float | None, float | None]]:
    """Samples along the readout, lines along the phase encoding; and both by their places, along columns and rows."""
    matrix = _numbers(value("AcquisitionMatrix"))
    if len(matrix) == 4:
        rows, columns, phase_rows, phase_columns = matrix
        by_place = max(columns, phase_columns) or None, max(rows, phase_rows) or None
        return max(rows, columns) or None, max(phase_rows, phase_columns) or None, by_place
    frequency = _number(value("MRAcquisitionFrequencyEncodingSteps"))
    return frequency, _number(value("MRAcquisitionPhaseEncodingStepsInPlane")), (None, None)


def _looked_up(data: Dataset) -> Value:
    """An attribute at the top of a file or, of a multi-frame file, among what all its frames share or its first has."""
    places: list[Any] = [data]
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in list(data.get(groups) or [])[:1]:
            places += [item for macro in MACROS for item in list(group.get(macro) or [])[:1]]
    return lambda keyword: next(
        (found for place in places if (found := place.get(keyword)) not in (None, "")), None
    )


def _phase_axis(data: Mapping[str, Any]) -> int | None:
    """Which axis of the file the phase was encoded along; None if that cannot be known."""
    named = str(data.get("PhaseEncodingDirection") or data.get("PhaseEncodingAxis") or "")[:1]
    if named and named in "ijk":
        return "ijk".index(named)
    direction = str(data.get("InPlanePhaseEncodingDirectionDICOM") or "").upper()
    if data.get("MRAcquisitionType") != "2D":
        return None
    return {"ROW": 0, "COL": 1}.get(direction[:3])


def _axis_of(said: float | None, grid: Grid, usual: int) -> int:
    """The axis across the slices: the usual one, unless another one alone has the distance that is said."""
    matching = [a for a in range(3) if said is not None and _near(said, grid.spacing[a])]
    return matching[0] if len(matching) == 1 else usual


def _with(resolved: Fractions, axis: int, value: float | None) -> Fractions:
    i, j, k = (value if a == axis else old for a, old in enumerate(resolved))
    return (i, j, k)


def _fraction(measured: float | None, stored: float | None) -> float | None:
    if measured is None or stored is None or measured / stored < LEAST:
        return None
    return min(1.0, measured / stored)


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * b


def _number(value: Any) -> float | None:
    """A finite, positive number; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _numbers(value: Any) -> list[float]:
    """Numbers of 0 or more, as many as there are; none if one of them is no such number."""
    parts: Sequence[Any] = value.split("\\") if isinstance(value, str) else list(value or ())
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError):
        return []
    return numbers if all(math.isfinite(n) and n >= 0 for n in numbers) else []
