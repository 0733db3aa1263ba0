"""What is usual, filled in for the user: for a newly chosen scan, and once something else is stated of how it was made."""

from ..Scene.Acquisition import AXES
from ..Scene.ParameterNode import Making, TargetMode
from ..Scene.ScanInfo import ScanInfo


def forScan(parameters, scan: ScanInfo) -> None:
    """Nothing is stated. The target makes the scan isotropic, or twice as fine if it is; a lone slice stays one."""
    parameters.making = Making.Unknown
    parameters.thickness = withinThickness(scan.dicom.sliceThickness or max(scan.spacing))
    parameters.targetMode = _finer(scan)
    for axis in range(3):
        setattr(parameters, f"factor{axis}", 2.0 if scan.shape[axis] > 1 else 1.0)
        setattr(parameters, f"spacing{axis}", min(20.0, max(0.1, round(min(scan.spacing), 2))))


def forStatement(parameters, making: Making, scan: ScanInfo | None) -> None:
    """Something else is stated: what the scan lost on its own voxels is restored there."""
    if making.keepsVoxels:
        _nameDirections(parameters, making, scan)
    if scan is None:
        return
    if making.keepsVoxels:
        parameters.targetMode = TargetMode.Keep
    elif parameters.targetMode is TargetMode.Keep:
        parameters.targetMode = _finer(scan)


def withinThickness(millimeters: float) -> float:
    """The nearest thickness that the settings hold."""
    return min(50.0, max(0.05, round(millimeters, 3)))


def _finer(scan: ScanInfo) -> TargetMode:
    return TargetMode.Factor if scan.isotropic else TargetMode.Isotropic


def _nameDirections(parameters, making: Making, scan: ScanInfo | None) -> None:
    """K-space is cut within the slices, or, of an isotropic scan, in all directions but head–foot; the rest in all."""
    across = scan.directions[scan.poorAxis][0] if scan is not None and scan.poorAxis is not None else "S"
    for name, letter in AXES:
        setattr(parameters, name, making is not Making.KSpace or letter != across)
