"""What the DICOM headers of a volume tell of its acquisition, as the engine takes it."""

from pathlib import Path

from mrisr.image import header
from mrisr.image.header import Header
from mrisr.pipeline.knowledge import Known

from . import VolumeBridge
from .DicomSeries import openedDatabase

TAGS = {
    "SliceThickness": "0018,0050",
    "SpacingBetweenSlices": "0018,0088",
    "MRAcquisitionType": "0018,0023",
    "AcquisitionMatrix": "0018,1310",
    "InPlanePhaseEncodingDirection": "0018,1312",
    "PercentPhaseFieldOfView": "0018,0094",
    "Rows": "0028,0010",
    "Columns": "0028,0011",
    "PixelSpacing": "0028,0030",
}
"""The attributes that the engine asks for, as Slicer's database names them."""


PATIENT = "0010,0020"


def headerOf(node) -> Header | None:
    """From Slicer's DICOM database, for a volume that was loaded from it; None where nothing is told."""
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = openedDatabase()
    if not uids or database is None:
        return None

    def value(keyword: str) -> str:
        return (database.instanceValue(uids[0], TAGS[keyword]) or "") if keyword in TAGS else ""

    grid = VolumeBridge.gridOf(node)
    found = header.of_dicom(value, grid)
    if len(uids) == 1 and found.thickness is None:
        found = _ofFrames(database, uids[0], grid) or found
    return found if found.says else None


def patientOf(node) -> str:
    """The patient's ID, for a volume that was loaded from Slicer's DICOM database; empty where it does not say."""
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = openedDatabase()
    return (database.instanceValue(uids[0], PATIENT) or "") if uids and database is not None else ""


def knownOf(node) -> Known:
    """What is known of how a volume was made before anybody looks at its voxels."""
    return Known(headerOf(node))


def _ofFrames(database, uid: str, grid) -> Header | None:
    """One file with all slices keeps what it tells of them where the database does not look."""
    try:
        path = database.fileForInstance(uid)
        return header.of_file(Path(path), grid) if path else None
    except Exception:  # what cannot be read tells nothing; pydicom has many kinds of exceptions
        return None
