"""The DICOM series that a volume was loaded from, and what to do with a new one."""

from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

PATIENT_NAME = "0010,0010"


def openedDatabase():
    """Slicer's DICOM database. Slicer has no such attribute until its DICOM module has started; None until then."""
    return getattr(slicer, "dicomDatabase", None)


@dataclass(frozen=True)
class DicomSeries:
    """One file of a volume's series, or the reason why there is none."""

    instance: Path | None
    patient: str = ""
    problem: str = ""

    @classmethod
    def ofNode(cls, node) -> "DicomSeries":
        uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split() if node is not None else []
        if node is None:
            return cls(None, problem=_("Choose the scan that the result was made from."))
        if not uids:
            return cls(
                None,
                problem=_(
                    "{name} was not loaded from DICOM; only results of DICOM scans can be exported as a series of "
                    "the same patient."
                ).format(name=node.GetName()),
            )
        database = openedDatabase()
        if database is None:
            return cls(None, problem=_("Slicer's DICOM database is not open; open the DICOM module once."))
        path = database.fileForInstance(uids[0])
        if not path or not Path(path).is_file():
            return cls(
                None,
                problem=_(
                    "The DICOM files of {name} are no longer where the DICOM database has them; import them "
                    "again."
                ).format(name=node.GetName()),
            )
        return cls(
            Path(path), (database.instanceValue(uids[0], PATIENT_NAME) or "").replace("^", " ").strip()
        )


@dataclass(frozen=True)
class Written:
    """A series on the disk."""

    folder: Path
    files: int
    description: str


def importFolder(folder: Path) -> bool:
    """Add the series in a folder to Slicer's DICOM database."""
    from DICOMLib import DICOMUtils

    return bool(DICOMUtils.importDicom(str(folder), openedDatabase()))
