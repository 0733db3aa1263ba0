"""Between Slicer's volume nodes and the engine's volumes.

Slicer shows voxels as (k, j, i) and the engine as (i, j, k); both place them in RAS, in mm, at voxel centers.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from mrisr.image.grid import Grid
from mrisr.image.padding import prepared
from mrisr.image.volume import Volume

from . import EarlierRecords

ATTRIBUTE_PREFIX = "MRISuperResolution."
PROVENANCE = ATTRIBUTE_PREFIX + "provenance"


@dataclass(frozen=True)
class Place:
    """Where a volume is, or was when it was read: its geometry and its parent transform."""

    affine: np.ndarray
    transform: Any

    @classmethod
    def of(cls, node) -> "Place":
        return cls(affineOf(node), node.GetParentTransformNode())

    @property
    def transformID(self) -> str | None:
        """None without a transform, and if it was deleted since."""
        return None if self._transformIsGone or self.transform is None else self.transform.GetID()

    @property
    def _transformIsGone(self) -> bool:
        return self.transform is not None and self.transform.GetScene() is None

    def changeOf(self, node) -> str:
        """What became of the volume since, as a sentence that says where its results are; empty if it is still there."""
        if self._transformIsGone:
            return _(
                "The transform of {name} was deleted during the run. The result is without it; if it does not lie on "
                "{name}, start the run again."
            ).format(name=node.GetName())
        if node.GetScene() is None:
            return _("{name} was deleted during the run. The result is where it was.").format(
                name=node.GetName()
            )
        if node.GetParentTransformNode() is self.transform and np.allclose(affineOf(node), self.affine):
            return ""
        return _(
            "{name} was moved during the run. The result is where it was before; put both under one transform to move them "
            "together."
        ).format(name=node.GetName())


def affineOf(node) -> np.ndarray:
    """(4, 4) voxel index to RAS, before any parent transform."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def gridOf(node) -> Grid:
    """Where the node's voxels are, without touching them."""
    return Grid(tuple(node.GetImageData().GetDimensions()), affineOf(node))


def volumeFromNode(node) -> Volume:
    """The node's voxels, not copied, and its geometry, before any parent transform."""
    return Volume(slicer.util.arrayFromVolume(node).transpose(2, 1, 0), affineOf(node))


def scanFromNode(node) -> Volume:
    """The node's volume as the engine takes scans: with background where it was padded, see ``mrisr.image.padding``."""
    return prepared(volumeFromNode(node))


def updateNode(node, volume: Volume) -> None:
    """Put the volume's voxels and geometry into the node."""
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(volume.array.transpose(2, 1, 0)))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.affine))


def addNode(name: str):
    """A new, empty scalar volume node; its name is made unique in the scene."""
    return slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name)
    )


def inherit(node, source, place: Place | None = None) -> None:
    """Give a derived volume its source's parent transform, display and place in the subject hierarchy.

    ``DICOM.instanceUIDs`` stays behind: the derived volume is not that acquisition.

    :param place: where the source was when it was read; where it is by default.
    """
    node.SetAndObserveTransformNodeID((place or Place.of(source)).transformID)
    node.RemoveAttribute("DICOM.instanceUIDs")
    _copyDisplay(node, source.GetDisplayNode())
    _copyParentItem(node, source)


def describe(node, source, provenance: dict[str, Any]) -> None:
    """Write how the volume came about as one attribute, JSON, so that the scene file tells; ``Records`` reads it.

    :param source: the volume that it was made from, whose ID and name are added as ``inputNode`` and ``inputName``; None without one.
    """
    origin = {} if source is None else {"inputNode": source.GetID() or "", "inputName": source.GetName()}
    EarlierRecords.remove(node)
    node.SetAttribute(PROVENANCE, json.dumps({**provenance, **origin}))


def write(node, path: str) -> None:
    """Write the node's voxels and geometry, before any parent transform, uncompressed."""
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(path)
    storage.SetUseCompression(False)
    if not storage.WriteData(node):
        raise OSError(f"{path} could not be written or read")


def read(node, path: str) -> None:
    """Read a file that the engine wrote into the node; no file name or storage node stays with it."""
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(path)
    storage.SetCenterImage(False)
    if not storage.ReadData(node):
        raise OSError(f"{path} could not be written or read")


def _copyDisplay(node, source) -> None:
    node.CreateDefaultDisplayNodes()
    if source is None:
        return
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(source.GetWindow(), source.GetLevel())
    display.SetAndObserveColorNodeID(source.GetColorNodeID())
    display.SetInterpolate(source.GetInterpolate())


def _copyParentItem(node, source) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    sourceItem = hierarchy.GetItemByDataNode(source)
    if not sourceItem:
        return
    parent = hierarchy.GetItemParent(sourceItem)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(parent, node)
    hierarchy.SetItemParent(item, parent)
