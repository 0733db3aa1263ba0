"""What a scan is, in the words the panel shows."""

from dataclasses import dataclass, field

import numpy as np
from slicer.i18n import tr as _

from mrisr.image.header import Header

from . import VolumeBridge
from .DicomInfo import DicomInfo
from .ScanHeader import headerOf

POOR = 1.5
"""An axis this many times coarser than the finest one is called poor."""

DIRECTIONS = {"R": "R–L", "L": "R–L", "A": "A–P", "P": "A–P", "S": "S–I", "I": "S–I"}
PLANES = {"R–L": "Sagittal", "A–P": "Coronal", "S–I": "Axial"}


@dataclass(frozen=True)
class ScanInfo:
    """Geometry (voxel axes i, j, k; mm) and origin of a scan."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    directions: tuple[str, str, str]
    dicom: DicomInfo = field(default_factory=DicomInfo)
    warped: bool = False
    header: Header | None = None

    @classmethod
    def ofNode(cls, node) -> "ScanInfo":
        volume = VolumeBridge.volumeFromNode(node)
        first, second, third = (DIRECTIONS[letter] for letter in volume.orientation)
        parent = node.GetParentTransformNode()
        warped = parent is not None and not parent.IsLinear()
        directions = (first, second, third)
        return cls(volume.shape, volume.spacing, directions, DicomInfo.ofNode(node), warped, headerOf(node))

    @property
    def poorAxis(self) -> int | None:
        axis = int(np.argmax(self.spacing))
        return axis if self.spacing[axis] > POOR * min(self.spacing) else None

    @property
    def isotropic(self) -> bool:
        return max(self.spacing) < 1.02 * min(self.spacing)

    @property
    def revealingPlane(self) -> str:
        """The slice direction in which the gain shows best: one that contains the poor axis."""
        if self.poorAxis is None:
            return "Axial"
        return {"S–I": "Coronal", "A–P": "Sagittal", "R–L": "Axial"}[self.directions[self.poorAxis]]

    def sentences(self) -> list[str]:
        size = _("{matrix} voxels of {spacing} mm.").format(
            matrix=times(self.shape), spacing=times(self.spacing)
        )
        return [size, self._poorSentence()]

    def warnings(self) -> dict[str, str]:
        """What headers and transforms speak against, by code (see ``mrisr.evaluation.guard_rails``; ``slices`` is known here only)."""
        found = {}
        if self.dicom.notMr:
            found["modality"] = _(
                "This is a {modality} scan; the models were made for MR and would make detail up."
            ).format(modality=self.dicom.modality)
        if self.dicom.interpolated:
            found["interpolated"] = _(
                "The scan was already interpolated, as its header says: it holds less detail than its voxels suggest."
            )
        if sentence := self._slicesSentence():
            found["slices"] = sentence
        return found

    def _slicesSentence(self) -> str:
        if self.dicom.problem:
            return self.dicom.problem
        if self.dicom.missingSlices:
            return _(
                "Slices are missing inside the series ({count}): what lies there was never measured. Load the whole series."
            ).format(count=self.dicom.missingSlices)
        if self.dicom.unequalSlices:
            return _(
                "The slices are not equally far apart ({least:.2g} to {most:.2g} mm); the models take them to be."
            ).format(least=min(self.dicom.gaps), most=max(self.dicom.gaps))
        if self.warped:
            return _(
                "The scan is bent by a transform, as Slicer does where slices are tilted, missing or unequally far apart; "
                "the models take the slices to be parallel and equally far apart."
            )
        return ""

    def _poorSentence(self) -> str:
        if self.poorAxis is None:
            return (
                _("The voxels are equally long in all directions.")
                if self.isotropic
                else _("No direction is markedly coarser.")
            )
        axis = self.poorAxis
        return _("{plane} slices: {ratio:.1f} times coarser along {direction}.").format(
            plane=_(PLANES[self.directions[axis]]),
            direction=self.directions[axis],
            ratio=self.spacing[axis] / min(self.spacing),
        )


def times(values) -> str:
    """Three numbers as people write them: 256 × 256 × 24."""
    return " × ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)
