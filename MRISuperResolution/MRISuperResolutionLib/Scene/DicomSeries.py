"""The DICOM series that a volume was loaded from, and what to do with a new one."""

from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from mrisr.errors import FileError

PATIENT_NAME = "0010,0010"


def openedDatabase():
    """Slicer's DICOM database. Slicer has no such attribute until its DICOM module has started; None until then."""
    return getattr(slicer, "dicomDatabase", None)


@dataclass(frozen=True)
class DicomSeries:
    """The instances that a volume was loaded from, or the reason why there are none."""

    instances: tuple[str, ...] = ()
    patient: str = ""
    problem: str = ""

    @classmethod
    def ofNode(cls, node) -> "DicomSeries":
        uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split() if node is not None else []
        if node is None:
            return cls(problem=_("Choose the scan that the result was made from."))
        if not uids:
            return cls(
                problem=_(
                    "{name} was not loaded from DICOM; only results of DICOM scans can be exported as a series of "
                    "the same patient."
                ).format(name=node.GetName()),
            )
        database = openedDatabase()
        if database is None:
            return cls(problem=_("Slicer's DICOM database is not open; open the DICOM module once."))
        if _fileOf(uids[0]) is None:
            return cls(problem=_lost(node.GetName()))
        patient = (database.instanceValue(uids[0], PATIENT_NAME) or "").replace("^", " ").strip()
        return cls(tuple(uids), patient)

    def files(self, name: str) -> tuple[Path, ...]:
        """Of all instances, in their order.

        :param name: of the volume.
        :raises mrisr.errors.FileError: one is no longer there.
        """
        found = [path for uid in self.instances if (path := _fileOf(uid)) is not None]
        if len(found) < len(self.instances):
            raise FileError(_lost(name))
        return tuple(found)


def _fileOf(uid: str) -> Path | None:
    path = openedDatabase().fileForInstance(uid)
    return Path(path) if path and Path(path).is_file() else None


def _lost(name: str) -> str:
    return _(
        "The DICOM files of {name} are no longer where the DICOM database has them; import them again."
    ).format(name=name)


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
