"""The module's settings, as they are stored in the scene and bound to the widgets of the ``.ui`` file."""

from enum import Enum
from typing import Annotated, Union

from slicer import vtkMRMLMarkupsLineNode, vtkMRMLMarkupsROINode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


class TargetMode(Enum):
    """How the user says what voxels to make. Stored by name."""

    Isotropic = 1
    Factor = 2
    Spacing = 3

    def label(self) -> str:
        return {
            TargetMode.Isotropic: _("Make voxels isotropic"),
            TargetMode.Factor: _("Refine by a factor"),
            TargetMode.Spacing: _("Set the voxel size"),
        }[self]


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

MarkedRegion = Union[vtkMRMLMarkupsROINode, vtkMRMLSegmentationNode, None]  # noqa: UP007 - Slicer knows this form alone
"""Slicer instantiates each class, so that none may be abstract; the first is what *Create new* makes."""


@parameterNodeWrapper
class MRISuperResolutionParameterNode:
    """All settings of one scene. ``model`` is empty until the user or the module has chosen one."""

    inputVolume: vtkMRMLScalarVolumeNode
    outputVolume: vtkMRMLScalarVolumeNode
    region: vtkMRMLMarkupsROINode
    model: str
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
    trustResult: vtkMRMLScalarVolumeNode
    spreadRegion: MarkedRegion
    spreadThreshold: Annotated[float, WithinRange(0.1, 10.0)] = 2.0
    compareBefore: vtkMRMLScalarVolumeNode
    compareAfter: vtkMRMLScalarVolumeNode
    examinedScan: vtkMRMLScalarVolumeNode
    examinedResult: vtkMRMLScalarVolumeNode
    reference: vtkMRMLScalarVolumeNode
    profileLine: vtkMRMLMarkupsLineNode
