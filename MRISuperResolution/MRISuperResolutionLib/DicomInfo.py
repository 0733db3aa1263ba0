"""What the DICOM headers of a loaded scan tell about how it was measured."""

from dataclasses import dataclass

import slicer

MODALITY = "0008,0060"
SLICE_THICKNESS = "0018,0050"
SPACING_BETWEEN_SLICES = "0018,0088"
ACQUISITION_MATRIX = "0018,1310"
SERIES_DESCRIPTION = "0008,103e"
ROWS = "0028,0010"


@dataclass(frozen=True)
class DicomInfo:
    """Values in mm; None or an empty string where the header does not say."""

    modality: str = ""
    series: str = ""
    sliceThickness: float | None = None
    spacingBetweenSlices: float | None = None
    acquiredLines: int | None = None
    rows: int | None = None

    @property
    def gap(self) -> float | None:
        """Unmeasured space between neighboring slices."""
        if self.sliceThickness is None or self.spacingBetweenSlices is None:
            return None
        return max(0.0, self.spacingBetweenSlices - self.sliceThickness)

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
        if not uids or slicer.dicomDatabase is None:
            return cls()

        def value(tag: str) -> str:
            return slicer.dicomDatabase.instanceValue(uids[0], tag) or ""

        return cls(
            modality=value(MODALITY),
            series=value(SERIES_DESCRIPTION),
            sliceThickness=_number(value(SLICE_THICKNESS)),
            spacingBetweenSlices=_number(value(SPACING_BETWEEN_SLICES)),
            acquiredLines=_lines(value(ACQUISITION_MATRIX)),
            rows=_integer(value(ROWS)),
        )


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
