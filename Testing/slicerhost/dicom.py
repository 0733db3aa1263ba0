"""``slicer.dicomDatabase`` and ``DICOMLib``: an index of DICOM files in memory, read with pydicom."""

from pathlib import Path
from types import ModuleType

import slicer


class DicomDatabase:
    """The methods of ctkDICOMDatabase that scripted modules call."""

    isOpen = True

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}

    def addFolder(self, folder: Path) -> int:
        import pydicom

        count = 0
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and pydicom.misc.is_dicom(path):
                self._files[str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = path
                count += 1
        return count

    def fileForInstance(self, uid: str) -> str:
        return str(self._files.get(uid, ""))

    def instances(self) -> list[str]:
        return list(self._files)

    def instanceValue(self, uid: str, tag: str) -> str:
        import pydicom

        if uid not in self._files:
            return ""
        element = pydicom.dcmread(self._files[uid], stop_before_pixels=True).get(
            tuple(int(part, 16) for part in tag.split(","))
        )
        value = "" if element is None or element.value is None else element.value
        return (
            "\\".join(map(str, value))
            if isinstance(value, (list, pydicom.multival.MultiValue))
            else str(value)
        )


def importDicom(dicomDataDir, dicomDatabase=None, copyFiles=False) -> bool:
    return (dicomDatabase or slicer.dicomDatabase).addFolder(Path(dicomDataDir)) > 0


def build() -> ModuleType:
    module, utils = ModuleType("DICOMLib"), ModuleType("DICOMLib.DICOMUtils")
    utils.importDicom = importDicom
    module.DICOMUtils = utils
    return module
