"""The module's settings, as they are stored in the scene and bound to the widgets of the ``.ui`` file."""

from enum import Enum
from typing import Annotated, Union

from slicer import (
    vtkMRMLMarkupsLineNode,
    vtkMRMLMarkupsROINode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


class TargetMode(Enum):
    """How the user says what voxels to make. Stored by name."""

    Isotropic = 1
    Factor = 2
    Spacing = 3
    Keep = 4

    def label(self) -> str:
        return {
            TargetMode.Isotropic: _("Same size in all directions (isotropic)"),
            TargetMode.Factor: _("Refine by a factor"),
            TargetMode.Spacing: _("Set the voxel size"),
            TargetMode.Keep: _("Keep the voxels, restore what was lost"),
        }[self]


class Making(Enum):
    """How the scan was made, as the user states it. Stored by name; the value is the engine's word (see ``mrisr.physics.stated``)."""

    Unknown = ""
    Slices = "slices"
    KSpace = "kspace"
    Blurred = "blur"
    Interpolated = "interpolated"
    Spline = "spline"

    def label(self) -> str:
        return {
            Making.Unknown: _("Not stated"),
            Making.Slices: _("In thick slices"),
            Making.KSpace: _("Partly measured (k-space zero-filled)"),
            Making.Blurred: _("Blurred"),
            Making.Interpolated: _("Already interpolated (quadratic)"),
            Making.Spline: _("Already interpolated (cubic)"),
        }[self]

    @property
    def keepsVoxels(self) -> bool:
        """Whether what was lost can be restored on the scan's own voxels."""
        return self not in (Making.Unknown, Making.Slices)


class Device(Enum):
    """Where networks run; the value is the engine's name."""

    Automatic = "auto"
    Processor = "cpu"
    Cuda = "cuda"
    AppleGraphics = "mps"

    def label(self) -> str:
        return {
            Device.Automatic: _("Automatic: graphics card if there is one"),
            Device.Processor: _("Processor (CPU)"),
            Device.Cuda: _("NVIDIA graphics card (CUDA)"),
            Device.AppleGraphics: _("Apple graphics (MPS)"),
        }[self]


class Precision(Enum):
    """Precision of the networks' arithmetic; the value is the engine's name."""

    Automatic = "auto"
    Single = "fp32"
    Bfloat = "bf16"
    Half = "fp16"

    def label(self) -> str:
        return {
            Precision.Automatic: _("Automatic"),
            Precision.Single: _("32 bit (slowest, exact)"),
            Precision.Bfloat: _("16 bit, bfloat16"),
            Precision.Half: _("16 bit, half (graphics card only)"),
        }[self]


class Consistency(Enum):
    """Steps that make the result agree with the measured scan; the value is the engine's setting."""

    Model = None
    Off = "off"
    Steps5 = 5
    Steps10 = 10
    Steps20 = 20

    def label(self) -> str:
        if self is Consistency.Model:
            return _("As the model recommends")
        return _("Off") if self is Consistency.Off else _("{count} steps").format(count=self.value)


Factor = Annotated[float, WithinRange(1.0, 10.0)]
Spacing = Annotated[float, WithinRange(0.1, 20.0)]
Millimeters = Annotated[float, WithinRange(0.05, 50.0)]

MarkedRegion = Union[vtkMRMLMarkupsROINode, vtkMRMLSegmentationNode, None]  # noqa: UP007 - Slicer knows this form alone
"""Slicer instantiates each class, so that none may be abstract; the first is what *Create new* makes."""


@parameterNodeWrapper
class MRISuperResolutionParameterNode:
    """All settings of one scene. ``model`` is empty until there is a scan; it follows the proposal as long as it is ``proposedModel``."""

    inputVolume: vtkMRMLScalarVolumeNode
    outputVolume: vtkMRMLScalarVolumeNode
    region: vtkMRMLMarkupsROINode
    model: str
    proposedModel: str
    showAllModels: bool = False
    making: Making = Making.Unknown
    thickness: Millimeters = 1.0
    kspacePercent: Annotated[float, WithinRange(5.0, 100.0)] = 50.0
    blurWidth: Millimeters = 3.5
    interpolationFactor: Factor = 2.0
    alongR: bool = True
    alongA: bool = True
    alongS: bool = True
    targetMode: TargetMode = TargetMode.Isotropic
    factor0: Factor = 2.0
    factor1: Factor = 2.0
    factor2: Factor = 2.0
    spacing0: Spacing = 1.0
    spacing1: Spacing = 1.0
    spacing2: Spacing = 1.0
    device: Device = Device.Automatic
    precision: Precision = Precision.Automatic
    consistency: Consistency = Consistency.Model
    tile: Annotated[int, WithinRange(0, 512)] = 0
    seed: Annotated[int, WithinRange(0, 999999)] = 0
    detail: Annotated[float, WithinRange(0.0, 100.0)] = 100.0
    samples: Annotated[int, WithinRange(1, 8)] = 1
    interval: bool = False
    trustResult: vtkMRMLScalarVolumeNode
    spreadRegion: MarkedRegion
    spreadThreshold: Annotated[float, WithinRange(0.1, 10.0)] = 2.0
    compareBefore: vtkMRMLScalarVolumeNode
    compareAfter: vtkMRMLScalarVolumeNode
    examinedScan: vtkMRMLScalarVolumeNode
    examinedResult: vtkMRMLScalarVolumeNode
    reference: vtkMRMLScalarVolumeNode
    witnessStack: vtkMRMLScalarVolumeNode
    profileLine: vtkMRMLMarkupsLineNode
