"""What the DICOM headers of a loaded scan tell about how it was measured."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrisr.errors import InputError
from mrisr.image.dicom import misread

from .DicomSeries import openedDatabase

MODALITY = "0008,0060"
SLICE_THICKNESS = "0018,0050"
SPACING_BETWEEN_SLICES = "0018,0088"
ACQUISITION_MATRIX = "0018,1310"
SERIES_DESCRIPTION = "0008,103e"
ROWS = "0028,0010"
POSITION = "0020,0032"
ORIENTATION = "0020,0037"

UNEQUAL = 0.02
"""Slices whose distances differ by more than this share of the usual distance are called unequal."""


@dataclass(frozen=True)
class DicomInfo:
    """Values in mm; None or an empty string where the header does not say."""

    modality: str = ""
    series: str = ""
    sliceThickness: float | None = None
    spacingBetweenSlices: float | None = None
    acquiredLines: int | None = None
    rows: int | None = None
    positions: tuple[float, ...] = ()
    """Of the slices, along their normal, in order."""
    problem: str = ""
    """Why one file with all slices may not be what was loaded from it."""

    @property
    def gap(self) -> float | None:
        """Unmeasured space between neighboring slices."""
        if self.sliceThickness is None or self.spacingBetweenSlices is None:
            return None
        return max(0.0, self.spacingBetweenSlices - self.sliceThickness)

    @property
    def gaps(self) -> tuple[float, ...]:
        """Distances of neighboring slices, center to center."""
        return tuple(np.diff(self.positions).tolist())

    @property
    def missingSlices(self) -> int:
        """How many slices would fill the gaps that are a multiple of the usual one."""
        usual = float(np.median(self.gaps)) if self.gaps else 1.0
        return sum(round(gap / usual) - 1 for gap in self.gaps if gap > 1.5 * usual)

    @property
    def unequalSlices(self) -> bool:
        return bool(self.gaps) and max(self.gaps) - min(self.gaps) > UNEQUAL * float(np.median(self.gaps))

    @property
    def interpolated(self) -> bool:
        """Whether the scanner stored clearly more lines than it measured."""
        return bool(self.acquiredLines and self.rows and self.rows > 1.3 * self.acquiredLines)

    @property
    def notMr(self) -> bool:
        return self.modality not in ("", "MR")

    @classmethod
    def ofNode(cls, node) -> "DicomInfo":
        """From the Slicer DICOM database, for a volume that was loaded from it."""
        uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
        database = openedDatabase()
        if not uids or database is None:
            return cls()

        def value(tag: str) -> str:
            return database.instanceValue(uids[0], tag) or ""

        return cls(
            modality=value(MODALITY),
            series=value(SERIES_DESCRIPTION),
            sliceThickness=_number(value(SLICE_THICKNESS)),
            spacingBetweenSlices=_number(value(SPACING_BETWEEN_SLICES)),
            acquiredLines=_lines(value(ACQUISITION_MATRIX)),
            rows=_integer(value(ROWS)),
            positions=_positions(database, uids),
            problem=_problem(database, uids[0]) if len(uids) == 1 else "",
        )


def _problem(database, uid: str) -> str:
    """What is wrong with one file that holds all slices, or with how Slicer reads it; nothing of a file that cannot be looked at."""
    try:
        path = database.fileForInstance(uid)
        return misread(Path(path)) if path else ""
    except InputError as error:
        return str(error)
    except Exception:  # what cannot be read tells nothing; pydicom has many kinds of exceptions
        return ""


def _positions(database, uids: list[str]) -> tuple[float, ...]:
    """Along the normal of the first slice; none if a header does not say, or if all slices are in one file."""
    across, down = np.array_split(np.array(_vector(database.instanceValue(uids[0], ORIENTATION), 6)), 2)
    found = [_vector(database.instanceValue(uid, POSITION), 3) for uid in uids]
    if len(found) < 3 or not len(across) or not all(found):
        return ()
    along = np.array(found) @ np.cross(across, down)
    return tuple(np.unique(along.round(3)).tolist())


def _vector(text: str | None, count: int) -> list[float]:
    parts = (text or "").split("\\")
    numbers = [number for part in parts if (number := _number(part)) is not None]
    return numbers if len(numbers) == len(parts) == count else []


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _integer(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _lines(text: str) -> int | None:
    """The larger of the two non-zero entries of an acquisition matrix such as ``256\\0\\0\\192``."""
    entries = [_integer(part) or 0 for part in text.split("\\")]
    return max(entries, default=0) or None
