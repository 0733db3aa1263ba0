"""What a scan is, in the words the panel shows."""

from dataclasses import dataclass, field

import numpy as np
from slicer.i18n import tr as _

from mrisr.volume import Volume

from . import VolumeBridge
from .DicomInfo import DicomInfo

POOR = 1.5
"""An axis this many times coarser than the finest one is called poor."""

EMPTY_BAND = 4e-5
"""Share of an image's energy in the outer quarter of its frequencies below which that quarter was never measured."""

DIRECTIONS = {"R": "R–L", "L": "R–L", "A": "A–P", "P": "A–P", "S": "S–I", "I": "S–I"}
PLANES = {"R–L": "Sagittal", "A–P": "Coronal", "S–I": "Axial"}


@dataclass(frozen=True)
class ScanInfo:
    """Geometry (voxel axes i, j, k; mm) and origin of a scan."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    directions: tuple[str, str, str]
    dicom: DicomInfo = field(default_factory=DicomInfo)
    interpolatedAxes: tuple[int, ...] = ()

    @classmethod
    def ofNode(cls, node) -> "ScanInfo":
        volume = VolumeBridge.volumeFromNode(node)
        directions = tuple(DIRECTIONS[letter] for letter in volume.orientation)
        return cls(volume.shape, volume.spacing, directions, DicomInfo.ofNode(node), _emptyBands(volume))

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
        size = _("{matrix} voxels of {spacing} mm.").format(matrix=times(self.shape), spacing=times(self.spacing))
        return [size, self._poorSentence(), self._dicomSentence()]

    def warnings(self) -> list[str]:
        found = []
        if self.dicom.notMr:
            found.append(_("This is a {modality} scan; the models were made for MR.").format(
                modality=self.dicom.modality))
        if self.dicom.interpolated or self.interpolatedAxes:
            found.append(_("The scan looks already interpolated: it holds fewer details than its voxels suggest."))
        return found

    def _poorSentence(self) -> str:
        if self.poorAxis is None:
            return _("The voxels are isotropic.") if self.isotropic else _("No direction is markedly coarser.")
        axis = self.poorAxis
        return _("{plane} slices: {ratio:.1f} times coarser along {direction}.").format(
            plane=_(PLANES[self.directions[axis]]), direction=self.directions[axis],
            ratio=self.spacing[axis] / min(self.spacing))

    def _dicomSentence(self) -> str:
        if self.dicom.sliceThickness is None:
            return ""
        if self.dicom.gap is None:
            return _("DICOM: slice thickness {thickness:g} mm.").format(thickness=self.dicom.sliceThickness)
        return _("DICOM: slice thickness {thickness:g} mm, gap {gap:.2g} mm.").format(
            thickness=self.dicom.sliceThickness, gap=self.dicom.gap)


def times(values) -> str:
    """Three numbers as people write them: 256 × 256 × 24."""
    return " × ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)


def _emptyBands(volume: Volume) -> tuple[int, ...]:
    """The axes along which the middle slices show no energy in the outer quarter of the frequencies."""
    return tuple(axis for axis in range(3) if volume.shape[axis] >= 32 and _outerShare(volume.array, axis) < EMPTY_BAND)


def _outerShare(array: np.ndarray, axis: int) -> float:
    plane = _middleSlice(array, (axis + 1) % 3)
    along = axis - (1 if axis > (axis + 1) % 3 else 0)
    plane = np.asarray(plane, dtype=np.float32)
    # A window keeps the jump between the two ends of a line from looking like fine detail.
    shape = [1, 1]
    shape[along] = -1
    window = np.hanning(plane.shape[along]).astype(np.float32).reshape(shape)
    energy = np.abs(np.fft.rfft((plane - plane.mean()) * window, axis=along)) ** 2
    profile = energy.sum(axis=1 - along)
    total = profile.sum()
    return float(profile[round(0.75 * len(profile)):].sum() / total) if total else 1.0


def _middleSlice(array: np.ndarray, axis: int) -> np.ndarray:
    return np.take(array, array.shape[axis] // 2, axis=axis)


